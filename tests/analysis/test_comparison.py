"""The comparison and the headline, on studies whose truth is known."""

import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from synthetic_study import CELLS, SyntheticCell, make_study

from lstm_bench.analysis.comparison import comparison
from lstm_bench.analysis.frames import StudyData, load_study
from lstm_bench.analysis.headline import STEPS_HELD, headline
from lstm_bench.analysis.memory_span import span_ratio
from lstm_bench.analysis.solving import is_budget_limited, solve_rates, spans, steps_to_solve
from lstm_bench.analysis.wording import with_range

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


COST = "at 4.0x the core parameters and 0.45x the speed (both compiled BPTT)"


def by_hand(study: StudyData, shift: float, other: str = "rnn") -> tuple[str, str]:
    """Return the span of lstm, and its ratio to another's, where a memory is held so many steps more than the lag."""
    lstm, rnn = spans(study)["lstm"], spans(study)[other]
    assert lstm.posterior is not None
    assert rnn.posterior is not None
    shares = (np.arange(1000) + 0.5) / 1000
    ratios = np.divide.outer(lstm.posterior.quantiles(shares) + shift, rnn.posterior.quantiles(shares) + shift)
    low, middle, high = np.quantile(ratios, (0.025, 0.5, 0.975))
    span = f"{lstm.median + shift:.1f}", f"(95% {lstm.low + shift:.1f}-{lstm.high + shift:.1f})"
    return " steps ".join(span) if shift else " ".join(span), f"{middle:.1f}x (95% {low:.1f}-{high:.2g})"


def settled(study: StudyData) -> StudyData:
    """Return a study whose members solved early, if at all: no span grows with the budget."""
    early = study.members["steps_to_solve"].where(study.members["steps_to_solve"].isna(), 100)
    return replace(study, members=study.members.assign(steps_to_solve=early))


def test_headline_holds_steps_held_their_ratio_its_interval_and_the_cost(make: Make) -> None:
    study = settled(make(held=True))
    span, ratio = by_hand(study, 3)
    rnn = f"{spans(study)['rnn'].median + 3:.2f}"
    assert headline(study) == [
        f"On copy (arjovsky, 3 symbols) lstm holds a memory for {span}, {ratio} as long as rnn ({rnn} steps), {COST}."
    ]


def test_headline_of_a_task_without_a_distance_tells_lags(make: Make) -> None:
    study = settled(make())
    span, ratio = by_hand(study, 0)
    rnn = f"{spans(study)['rnn'].median:.2f}"
    assert headline(study) == [
        f"On copy (arjovsky, 3 symbols) lstm reaches lag {span}, {ratio} as far as rnn (lag {rnn}), {COST}."
    ]


def test_a_span_that_grows_with_the_budget_is_told_as_at_least(make: Make) -> None:
    study = make(held=True)  # the lstm solved its longest lags late
    assert (is_budget_limited(study, "lstm"), is_budget_limited(study, "rnn")) == (True, False)
    span, ratio = by_hand(study, 3)
    assert f"lstm holds a memory for at least {span}, at least {ratio} as long as rnn (" in headline(study)[0]
    assert row(study, "rnn")["span_ratio_text"].startswith("at most 0.")  # over the lstm's
    assert comparison(study)["span_budget_limited"].tolist() == [True, False]


def test_cells_are_compared_within_each_way_of_matching(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """An RNN of the LSTM's parameters beside one of its hidden size: each row tells its own comparison."""
    monkeypatch.setitem(CELLS, "rnn H=131", SyntheticCell(1, 3.2, 0.61, 0.8, 60_000.0, 131))
    study = settled(make(cells=("lstm", "rnn", "rnn H=131"), held=True))
    by_size, by_parameters = "matched hidden size (H = 64)", "matched parameters (19,921 to 20,041, within 0.60%)"
    assert comparison(study)["matching"].tolist() == [f"{by_size}; {by_parameters}", by_size, by_parameters]
    span, ratio = by_hand(study, 3)
    rnn = f"{spans(study)['rnn'].median + 3:.2f} steps"
    assert headline(study) == [
        f"On copy (arjovsky, 3 symbols), at {by_size}, lstm holds a memory for {span}, {ratio} as long as rnn ({rnn}), "
        f"{COST}. At {by_parameters}, it holds a memory {ratio} as long as rnn H=131 ({rnn}), at 1.0x the core "
        "parameters and 1.5x the speed (both compiled BPTT)."
    ]


def test_headline_of_several_cells_sets_each_beside_the_best(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CELLS, "gru", SyntheticCell(3, 19.0, 0.95, 0.98, 90_000.0))
    (text,) = headline(settled(make(cells=("lstm", "rnn", "gru"), held=True)))
    assert re.search(r"as long as gru \(\d\d\.\d steps\), which is no clear lead, at 1\.3x the core parameters", text)
    assert re.search(r"\. That is also \d\.\dx \(95% \d\.\d-\d\.\d\) as long as rnn \(\d\.\d\d steps\)\.$", text)


def test_headline_of_an_open_ladder_is_a_bound(make: Make) -> None:
    study = make(lags=(2, 8, 32), outcome=lambda c, T, s: "solved" if c == "lstm" or T == 2 else "plateau", held=True)
    (text,) = headline(settled(study))
    rnn = spans(study)["rnn"]
    least = f"{35 / (rnn.median + 3):.1f}x (95% bound {35 / (rnn.high + 3):.1f}x)"
    assert f"lstm holds a memory for at least 35 steps, at least {least} as long as rnn" in text


@pytest.mark.parametrize(
    ("steps", "text"), [(1.0, "1 step"), (2.0, "2 steps"), (1.5, "1.50 steps"), (2e7, "2.0e7 steps")]
)
def test_a_span_is_told_in_its_unit(steps: float, text: str) -> None:
    assert STEPS_HELD.number(steps) == text


def test_headline_when_nothing_or_everything_is_solved(make: Make) -> None:
    nothing = make(lags=(2, 4), outcome=lambda c, T, s: "plateau", held=True)
    assert "no cell holds a memory for 5 steps: lstm and rnn solved nothing" in headline(nothing)[0]
    everything = make(lags=(2, 4), outcome=lambda c, T, s: "solved", held=True)
    assert (
        "do not distinguish the cells: lstm holds a memory for at least 7 steps and rnn holds a memory for at least 7"
        in headline(settled(everything))[0]
    )


def test_headline_says_when_the_lead_is_not_clear(make: Make) -> None:
    unclear = make(outcome=lambda c, T, s: "solved" if 16 + 8 * (c == "lstm" and s == 0) >= 2 * T else "learning")
    assert "as far as rnn (lag 11.3), which is no clear lead" in headline(settled(unclear))[0]


def test_headline_with_three_members_says_that_nothing_can_be_significant(make: Make) -> None:
    assert "3 members a side" in headline(make(n_seeds=3))[0]


def test_headline_without_results_with_one_cell_and_with_an_absent_cell(make: Make) -> None:
    assert "no member has run" in headline(make(lags=(2,), outcome=lambda *_: "missing"))[0]
    assert "Not measured: rnn." in headline(make(outcome=lambda c, T, s: "missing" if c == "rnn" else "solved"))[0]
    alone = headline(settled(make(cells=["lstm"], timed=False, held=True)))[0]
    assert re.search(r"lstm holds a memory for \d\d\.\d steps \(95% .*\), where half of the members solve it\.$", alone)


def test_the_span_stands_in_lag_and_in_steps_held(make: Make) -> None:
    study = make(held=True, tasks=("copy", "adding"))
    copy, adding = study.by_task()
    for one_task, steps in ((copy, lambda lag: lag + 3), (adding, lambda lag: 0.75 * lag - 0.5)):
        columns = row(one_task, "rnn")
        for end in ("", "_low", "_high"):
            assert columns[f"span_distance{end}"] == pytest.approx(steps(columns[f"span{end or '_median'}"]))
        low, high = (columns[f"span_distance_{end}"] for end in ("low", "high"))
        assert columns["span_distance_text"] == with_range(columns["span_distance"], low, high)


def test_without_a_distance_the_ratio_is_that_of_lags(make: Make) -> None:
    columns = row(settled(make()), "rnn")
    assert pd.isna(columns["span_distance"])
    ratio = span_ratio(*(spans(make())[cell] for cell in ("rnn", "lstm")))
    assert columns[["span_ratio", "span_ratio_low", "span_ratio_high"]].tolist() == [
        ratio.median,
        ratio.low,
        ratio.high,
    ]


def test_one_row_a_task_and_cell(make: Make) -> None:
    table = comparison(make(lags=(2, 8), n_seeds=2, tasks=("copy", "adding")))
    assert table[["task", "cell"]].to_numpy().tolist() == [
        ["copy", "lstm"], ["copy", "rnn"], ["adding", "lstm"], ["adding", "rnn"],
    ]  # fmt: skip
