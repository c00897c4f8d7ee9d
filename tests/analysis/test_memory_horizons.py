"""Every lens against the truth that the synthetic members were made from."""

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from synthetic_probes import DELAYS, half_life, squared_correlations
from synthetic_study import CELLS, make_job, make_study

from lstm_bench.analysis.comparison import comparison
from lstm_bench.analysis.frames import StudyData, load_study
from lstm_bench.analysis.headline import headline
from lstm_bench.analysis.lags import representative_lag
from lstm_bench.analysis.memory_horizons import (
    CAPACITY,
    CAPACITY_SPAN,
    GRADIENT,
    HALF_LIFE,
    HORIZONS,
    LEARNED,
    LYAPUNOV,
    WINDOW,
    HorizonEstimate,
    estimate_of,
    horizon_estimates,
    horizon_table,
)
from lstm_bench.analysis.results import study_metrics
from lstm_bench.analysis.solving import spans
from lstm_bench.metrics import FINAL, INITIAL

Make = Callable[..., StudyData]
SEEDS = np.arange(5)


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def made(**settings: object) -> StudyData:
        make_study(tmp_path / "s", tuned=False, timed=False, **settings)
        return load_study(tmp_path / "s")

    return made


def reach(study: StudyData, cell: str, lens: str, moment: str = FINAL) -> HorizonEstimate:
    estimate = estimate_of(study, cell, lens, moment)
    assert estimate is not None
    return estimate


def decays(cell: str, moment: str) -> np.ndarray:
    truth = CELLS[cell].decay_initial if moment == INITIAL else CELLS[cell].decay_final
    return truth * np.exp(0.01 * (SEEDS - 2))


def with_values(study: StudyData, metric: str, cell: str, values: dict[int, float]) -> StudyData:
    """Return a study in which some members of one cell have other values of a metric, NaN for none at all."""
    r = study.results
    chosen = (r["metric"] == metric) & (r["cell"] == cell) & r["seed"].isin(list(values))
    changed = r["value"].where(~chosen, r["seed"].map(values))
    return dataclasses.replace(study, results=r.assign(value=changed).dropna(subset="value"))


def test_the_learned_span_is_that_of_the_headline(sample: StudyData) -> None:
    for cell, span in spans(sample).items():
        estimate = reach(sample, cell, LEARNED)
        assert (estimate.middle, estimate.low, estimate.high, estimate.lag) == (span.median, span.low, span.high, None)
        assert estimate.n == 25


def test_the_gradient_horizon_is_the_median_member_and_open_where_sequences_end(sample: StudyData) -> None:
    horizons = sorted(math.ceil(math.log(1e-3) / math.log(decay)) for decay in decays("rnn", INITIAL))
    estimate = reach(sample, "rnn", GRADIENT, INITIAL)
    assert (estimate.middle, estimate.lag, estimate.n, estimate.censored) == (horizons[2], 32, 5, "")
    lstm = reach(sample, "lstm", GRADIENT, INITIAL)
    assert (lstm.middle, lstm.censored, lstm.high) == (38, "above", math.inf)  # the length of its sequences
    assert lstm.text == ">= 38"


def test_a_gradient_followed_beyond_the_members_own_sequence_is_open_from_there(sample: StudyData) -> None:
    flow = (sample.probes["probe"] == "gradient_flow") & (sample.probes["cell"] == "lstm")
    longer = dataclasses.replace(
        sample, probes=sample.probes.assign(at=sample.probes["at"].where(~flow, 4 * sample.probes["at"]))
    )
    found, before = (reach(study, "lstm", GRADIENT, INITIAL) for study in (longer, sample))
    assert (found.middle, found.censored) == (4 * before.middle, "above")


def test_capacity_and_its_span_are_those_of_the_members(sample: StudyData) -> None:
    curves = [squared_correlations(decay) for decay in decays("lstm", INITIAL)]
    span_of_each = [int((r2 >= 0.5).sum()) for r2 in curves]
    span = reach(sample, "lstm", CAPACITY_SPAN, INITIAL)
    assert (span.middle, span.low, span.high) == (np.median(span_of_each), min(span_of_each), max(span_of_each))
    capacity = reach(sample, "lstm", CAPACITY, INITIAL)
    assert capacity.middle == pytest.approx(np.mean(sorted(r2.sum() for r2 in curves)[1:-1]))
    assert (capacity.unit, span.unit) == ("inputs", "steps")


def test_a_capacity_span_that_most_members_have_cut_off_is_a_bound(sample: StudyData) -> None:
    for seed, name, value in ((seed, *pair) for seed in (0, 1, 2) for pair in (("", float(DELAYS)), ("_open", 1.0))):
        sample = with_values(sample, f"memory/capacity_span{name}_final", "rnn", {seed: value})
    estimate = reach(sample, "rnn", CAPACITY_SPAN)
    assert (estimate.middle, estimate.censored, estimate.text) == (DELAYS, "above", f">= {DELAYS}")


def test_a_capacity_span_is_beyond_the_median_bound_where_bounds_differ(sample: StudyData) -> None:
    for seed, bound in enumerate((6.0, 9.0, 12.0, 12.0, 12.0)):
        for name, value in (("", bound), ("_open", 1.0)):
            sample = with_values(sample, f"memory/capacity_span{name}_final", "rnn", {seed: value})
    assert reach(sample, "rnn", CAPACITY_SPAN).text == ">= 12"
    sample = with_values(sample, "memory/capacity_span_final", "rnn", {2: 8.0})
    assert reach(sample, "rnn", CAPACITY_SPAN).text == ">= 9"


def test_the_half_life_is_told_at_the_longest_lag_that_most_members_solved(sample: StudyData) -> None:
    estimate = reach(sample, "lstm", HALF_LIFE)
    members = sample.members.loc[(sample.members["cell"] == "lstm") & (sample.members["lag"] == 16)]
    lives = sorted(half_life(make_job("lstm", 16), status) for status in members["status"])
    assert (estimate.lag, estimate.middle) == (16, pytest.approx(lives[2]))


def test_a_half_life_beyond_the_longest_distance_is_open(make: Make) -> None:
    study = make(cells=["rnn"], lags=(2, 4), outcome=lambda c, lag, s: "solved" if lag == 2 else "plateau")
    estimate = reach(study, "rnn", HALF_LIFE)
    assert (estimate.lag, estimate.middle, estimate.censored) == (
        2,
        4 * 2 + 3,
        "above",
    )  # four times the lag, and three letters


def test_a_cell_that_solved_nothing_has_its_half_life_at_the_shortest_lag(make: Make) -> None:
    study = make(cells=["rnn"], lags=(4, 8), outcome=lambda *_: "plateau")
    assert (reach(study, "rnn", HALF_LIFE).lag, reach(study, "rnn", HALF_LIFE).middle) == (4, 0.0)
    assert representative_lag(study, "rnn", []) is None


def test_an_exponent_of_minus_infinity_is_told_as_gone_within_steps(sample: StudyData) -> None:
    gone = with_values(sample, "memory/lyapunov_horizon_initial", "rnn", dict.fromkeys(range(5), 0.0))
    estimate = estimate_of(gone, "rnn", LYAPUNOV, INITIAL)
    assert (estimate.middle, estimate.text) == (0.0, "gone at once")
    assert dataclasses.replace(estimate, gone_within=1.0).text == "gone within 1 step"
    recorded = gone.results.loc[gone.results["metric"] == "memory/lyapunov_horizon_initial"]
    within = recorded.assign(
        metric="memory/lyapunov_gone_within_initial", name="memory/lyapunov_gone_within", value=3.0
    )
    told = dataclasses.replace(gone, results=pd.concat([gone.results, within]))
    assert estimate_of(told, "rnn", LYAPUNOV, INITIAL).text == "gone within 3 steps"


def test_the_lyapunov_horizon_is_the_median_member_and_endless_where_nothing_dies(sample: StudyData) -> None:
    horizons = sorted(-1 / np.log(decays("rnn", INITIAL)))
    assert reach(sample, "rnn", LYAPUNOV, INITIAL).middle == pytest.approx(horizons[2])
    one_lives = with_values(sample, "memory/lyapunov_horizon_initial", "rnn", {0: math.nan})  # the shortest of all
    assert reach(one_lives, "rnn", LYAPUNOV, INITIAL).middle == pytest.approx(horizons[3])
    most_live = with_values(sample, "memory/lyapunov_horizon_initial", "rnn", dict.fromkeys((0, 1, 2), math.nan))
    estimate = reach(most_live, "rnn", LYAPUNOV, INITIAL)
    assert (estimate.middle, estimate.censored, estimate.text, estimate.n) == (math.inf, "above", "no decay", 5)


def test_the_implied_window_is_on_adding_alone_and_the_mean_of_the_middle_members(make: Make) -> None:
    study = make(lags=(4, 8), tasks=("copy", "adding"))
    copy, adding = study.by_task()
    assert estimate_of(copy, "lstm", WINDOW, FINAL) is None
    r = adding.results
    windows = r.loc[(r["metric"] == "eval/implied_window") & (r["cell"] == "rnn") & (r["lag"] == 8), "value"]
    estimate = reach(adding, "rnn", WINDOW)
    assert (estimate.lag, estimate.middle) == (8, pytest.approx(np.mean(sorted(windows)[1:-1])))


def test_the_table_has_a_row_a_cell_lens_and_moment(sample: StudyData) -> None:
    table = horizon_table(sample)
    assert not table.duplicated(["task", "variant", "cell", "lens", "moment"]).any()
    assert set(table["lens"]) == {*HORIZONS, CAPACITY} - {WINDOW}
    assert set(table.loc[table["lens"] == LYAPUNOV, "moment"]) == {INITIAL, FINAL}
    assert table.loc[table["lens"] == LEARNED, "lag"].isna().all()


def test_what_was_not_probed_is_left_out(make: Make) -> None:
    study = make(lags=(2, 8), probed=False)
    assert [estimate.horizon for estimate in horizon_estimates(study)["lstm"]] == [LEARNED]
    assert comparison(study)["half_life"].isna().all()


def test_members_that_were_not_trained_have_lenses_at_their_start_alone(make: Make) -> None:
    table = horizon_table(make(lags=(8, 32), trained=False))
    assert set(table["lens"]) == {GRADIENT, CAPACITY_SPAN, CAPACITY, LYAPUNOV}
    assert set(table["moment"]) == {INITIAL}


def test_one_member_has_no_interval(make: Make) -> None:
    for estimate in horizon_estimates(make(lags=(2, 8), n_seeds=1))["rnn"]:
        assert estimate.n in (1, 2)
        assert "n/a" not in estimate.text


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (HorizonEstimate(GRADIENT, FINAL, 8, 14.0, 12.0, 17.0, "", 9), "14 (12-17)"),
        (HorizonEstimate(GRADIENT, FINAL, 8, 14.0, 12.0, math.inf, "", 5), "14 (12 or more)"),
        (HorizonEstimate(HALF_LIFE, FINAL, 8, 0.0, 0.0, math.inf, "", 5), "0 (or more)"),
        (HorizonEstimate(HALF_LIFE, FINAL, 8, 8.44, math.nan, math.inf, "", 5), "8.4"),
        (HorizonEstimate(LEARNED, FINAL, None, 4.0, 0.0, 4.0, "below", 5), "< 4"),
        (HorizonEstimate(LEARNED, FINAL, None, 64.0, 64.0, math.inf, "above", 5), ">= 64"),
    ],
)
def test_a_reach_in_words(found: HorizonEstimate, text: str) -> None:
    assert found.text == text


def test_the_comparison_has_what_the_lenses_say(sample: StudyData) -> None:
    row = comparison(sample).set_index("cell").loc["lstm"]
    for name, lens, moment in (
        ("capacity_initial", CAPACITY, INITIAL),
        ("half_life", HALF_LIFE, FINAL),
        ("lyapunov_horizon_final", LYAPUNOV, FINAL),
    ):
        estimate = reach(sample, "lstm", lens, moment)
        assert (row[name], row[f"{name}_low"], row[f"{name}_censored"]) == (
            estimate.middle,
            estimate.low,
            estimate.censored,
        )
    assert row["implied_window"] is None  # copy has none


def test_a_studys_own_numbers_leave_out_what_is_open(sample: StudyData) -> None:
    metrics = study_metrics(sample)
    assert metrics["compare/gradient_horizon rnn"] == 14
    assert "compare/gradient_horizon lstm" not in metrics
    assert metrics["compare/t50 lstm"] == spans(sample)["lstm"].median
    solved = sample.members.loc[sample.members["cell"] == "lstm", "status"] == "solved"
    assert metrics["compare/solved lstm"] == solved.sum() / len(solved)
    failed = sample.members.assign(
        status=sample.members["status"].mask(solved & (sample.members["seed"] == 0), "failed")
    )
    n_failed = int((failed["status"] == "failed").sum())
    assert n_failed > 0
    of_attempts = study_metrics(dataclasses.replace(sample, members=failed))["compare/solved lstm"]
    assert of_attempts == (solved.sum() - n_failed) / (len(solved) - n_failed)
    assert all(math.isfinite(value) for value in metrics.values())


def test_the_headline_of_a_study_without_training_tells_the_gradient(make: Make) -> None:
    (text,) = headline(make(lags=(8, 32), trained=False))
    assert text.startswith("On copy (arjovsky, 3 symbols) nothing was trained.")
    assert "lstm 0.950 (0.932-0.969), above 1e-3 throughout; rnn 0.610 (0.598-0.622), below 1e-3 after 14 steps" in text
    assert "no gradient was measured" in headline(make(lags=(8,), trained=False, probed=False))[0]
