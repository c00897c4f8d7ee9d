"""The comparison and the headline, on studies whose truth is known."""

import math
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from synthetic_study import CELLS, SyntheticCell, make_study

from lstm_bench.analysis.comparison import comparison
from lstm_bench.analysis.frames import StudyData, load_study
from lstm_bench.analysis.headline import headline
from lstm_bench.analysis.memory_span import span_ratio
from lstm_bench.analysis.solving import solve_rates, spans, steps_to_solve

Make = Callable[..., StudyData]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def made(**settings: object) -> StudyData:
        make_study(tmp_path / "s", tuned=False, **settings)
        return load_study(tmp_path / "s")

    return made


def row(study: StudyData, cell: str) -> pd.Series:
    table = comparison(study)
    return table.loc[table["cell"] == cell].iloc[0]


def test_solved_counts_are_those_of_the_members(sample: StudyData) -> None:
    rates = solve_rates(sample).set_index(["cell", "lag"])
    members = sample.members
    for (cell, lag), counted in rates.iterrows():
        statuses = members.loc[(members["cell"] == cell) & (members["lag"] == lag), "status"]
        assert counted["solved"] == (statuses == "solved").sum()
        assert counted["attempts"] == 5
    assert row(sample, "rnn")["solved_at_2"] == "4/5"
    assert row(sample, "lstm")["solved_at_8"] == "5/5"


def test_failed_and_missing_members_are_no_attempts(make: Make) -> None:
    odd = {0: "failed", 1: "missing", 2: "diverged", 3: "plateau", 4: "solved"}
    study = make(lags=(2, 4), outcome=lambda cell, lag, seed: odd[seed])
    assert solve_rates(study)["attempts"].tolist() == [3] * 4
    assert row(study, "rnn")["solved_at_2"] == "1/3"


def test_size_speed_and_gradient_columns(sample: StudyData) -> None:
    lstm, rnn = row(sample, "lstm"), row(sample, "rnn")
    assert rnn["n_parameters_core"] == 64**2 + 64 * 10 + 2 * 64
    assert (lstm["core_ratio"], rnn["core_ratio"]) == (1.0, 0.25)
    assert lstm["sequences_per_s"] == pytest.approx(CELLS["lstm"].sequences_per_s / 38)
    assert rnn["speed_ratio"] == pytest.approx(200 / 90)
    assert (rnn["speed_lag"], rnn["decay_lag"]) == (32, 32)
    assert rnn["decay_initial"] == pytest.approx(0.61)
    assert rnn["horizon_initial"] == math.ceil(math.log(1e-3) / math.log(0.61))
    assert lstm["horizon_initial"] == math.inf  # the sequence ends first
    assert lstm["learning_rates"] == "0.01"
    assert lstm["peak_memory_bytes"] == 38 * CELLS["lstm"].core * 16


def test_steps_to_solve_are_told_at_the_longest_lag_that_most_solve(sample: StudyData) -> None:
    lstm = row(sample, "lstm")
    assert lstm["steps_lag"] == 16
    members = sample.members.loc[(sample.members["cell"] == "lstm") & (sample.members["lag"] == 16)]
    assert lstm["steps_to_solve"] == sorted(members["steps_to_solve"].dropna())[2]  # third of five, two censored
    assert steps_to_solve(sample, "lstm", 32).middle == math.inf


def test_headline_holds_the_ratio_its_interval_and_the_cost(sample: StudyData) -> None:
    by_cell = spans(sample)
    ratio = span_ratio(by_cell["lstm"], by_cell["rnn"])
    assert headline(sample) == [
        f"On copy (arjovsky, 3 symbols) lstm remembers {ratio.median:.1f}x further than rnn "
        f"(95% {ratio.low:.1f}-{ratio.high:.0f}), at 4.0x the core parameters and 0.45x the speed "
        "(both compiled BPTT)."
    ]


def test_cells_are_compared_within_each_way_of_matching(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """An RNN of the LSTM's parameters beside one of its hidden size: each row tells its own comparison."""
    monkeypatch.setitem(CELLS, "rnn H=131", SyntheticCell(1, 3.2, 0.61, 0.8, 60_000.0, 131))
    study = make(cells=("lstm", "rnn", "rnn H=131"))
    by_size, by_parameters = "matched hidden size (H = 64)", "matched parameters (19,921 to 20,041, within 0.60%)"
    assert comparison(study)["matching"].tolist() == [f"{by_size}; {by_parameters}", by_size, by_parameters]
    by_cell = spans(study)
    ratio = span_ratio(by_cell["lstm"], by_cell["rnn"])
    further = f"lstm remembers {ratio.median:.1f}x further than"
    interval = f"(95% {ratio.low:.1f}-{ratio.high:.0f})"
    assert headline(study) == [
        f"On copy (arjovsky, 3 symbols), at {by_size}, {further} rnn {interval}, at 4.0x the core parameters and 0.45x "
        f"the speed (both compiled BPTT). At {by_parameters}, {further} rnn H=131 {interval}, at 1.0x the core "
        "parameters and 1.5x the speed (both compiled BPTT)."
    ]


def test_headline_of_an_open_ladder_is_a_bound(make: Make) -> None:
    study = make(lags=(2, 8, 32), outcome=lambda c, T, s: "solved" if c == "lstm" or T == 2 else "plateau")
    (text,) = headline(study)
    assert "lstm remembers at least" in text
    assert "bound" in text


def test_headline_when_nothing_or_everything_is_solved(make: Make) -> None:
    nothing = make(lags=(2, 4), outcome=lambda c, T, s: "plateau")
    assert "no cell remembers 2 steps" in headline(nothing)[0]
    everything = make(lags=(2, 4), outcome=lambda c, T, s: "solved")
    assert "cannot tell the cells apart: lstm remembers >= 4 steps and rnn remembers >= 4" in headline(everything)[0]


def test_headline_says_when_the_lead_is_not_clear(make: Make) -> None:
    unclear = make(outcome=lambda c, T, s: "solved" if 16 + 8 * (c == "lstm" and s == 0) >= 2 * T else "learning")
    assert "not clearly ahead" in headline(unclear)[0]


def test_headline_with_three_members_says_that_nothing_can_be_significant(make: Make) -> None:
    assert "3 members a side" in headline(make(n_seeds=3))[0]


def test_headline_without_results_with_one_cell_and_with_an_absent_cell(make: Make) -> None:
    assert "no member has run" in headline(make(lags=(2,), outcome=lambda *_: "missing"))[0]
    assert "Not measured: rnn." in headline(make(outcome=lambda c, T, s: "missing" if c == "rnn" else "solved"))[0]
    alone = headline(make(cells=["lstm"], timed=False))[0]
    assert "lstm remembers" in alone
    assert "further" not in alone


def test_one_row_a_task_and_cell(make: Make) -> None:
    table = comparison(make(lags=(2, 8), n_seeds=2, tasks=("copy", "adding")))
    assert table[["task", "cell"]].to_numpy().tolist() == [
        ["copy", "lstm"], ["copy", "rnn"], ["adding", "lstm"], ["adding", "rnn"],
    ]  # fmt: skip
