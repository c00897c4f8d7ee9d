"""Summaries over members, against the arithmetic that made them."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import synthetic_study
from scipy import stats
from synthetic_study import CELLS, SyntheticCell, make_study

from lstm_bench.analysis.frames import StudyData, load_study
from lstm_bench.analysis.gradients import (
    JOINT,
    ONE_OVER_E,
    bound_summary,
    by_decay,
    decay_per_step,
    decay_ratio,
    decays_while_learning,
    flow_summary,
    horizon,
    longest_lag_with_flow,
    moment_label,
    moments,
    paths,
)
from lstm_bench.analysis.learning import learning_curves, median_curve, solved_share
from lstm_bench.analysis.statistics import geometric_mean
from lstm_bench.analysis.summary import geometric_means
from lstm_bench.analysis.survival import median_time
from lstm_bench.metrics import FINAL, INITIAL

SPREAD = 0.01 * (np.arange(5) - 2)  # of the logarithm of a decay, over the members
REACH = stats.t.ppf(0.975, 4) * SPREAD.std(ddof=1) / math.sqrt(5)  # of its mean


def test_flow_is_the_geometric_mean_over_members_with_its_interval(sample: StudyData) -> None:
    flow = flow_summary(sample)
    of_lag = flow.loc[(flow["cell"] == "rnn") & (flow["lag"] == 8) & (flow["moment"] == INITIAL)].set_index(
        "steps_back"
    )
    assert of_lag["n"].eq(5).all()
    assert set(of_lag["quantity"]) == {JOINT}
    for k in (0, 1, 7, 14):
        expected = [CELLS["rnn"].decay_initial ** k * math.exp(k * way * REACH) for way in (0, -1, 1)]
        assert of_lag.loc[k, ["middle", "low", "high"]].tolist() == pytest.approx(expected)
    assert set(flow["moment"]) == {INITIAL, FINAL}


def test_a_path_alone_has_its_own_decay_and_ratio(sample: StudyData) -> None:
    assert paths(sample, "lstm") == ["h path", "c path"]
    assert paths(sample, "rnn") == []
    flow = flow_summary(sample)
    of_lag = flow.loc[(flow["cell"] == "lstm") & (flow["lag"] == 32) & (flow["moment"] == FINAL)]
    at_10 = of_lag.loc[of_lag["steps_back"] == 10].set_index("quantity")["middle"]
    assert at_10["c path"] == pytest.approx(0.98**10)
    assert at_10["h path"] == pytest.approx((0.3 * 0.98) ** 10)
    assert decay_per_step(sample, "lstm", 32, INITIAL, "h path").middle == pytest.approx(0.3 * 0.95)
    assert decay_ratio(sample, "lstm", 32, INITIAL, "c path", "h path") == pytest.approx((1 / 0.3,) * 3)
    assert decay_ratio(sample, "lstm", 32, INITIAL, "", "c path") == pytest.approx((1, 1, 1))
    assert math.isnan(decay_ratio(sample, "rnn", 32, INITIAL, "c path", "h path").middle)


def test_decay_is_the_geometric_mean_with_its_interval(sample: StudyData) -> None:
    decay = decay_per_step(sample, "rnn", 32, FINAL)
    assert decay == pytest.approx((0.8, 0.8 * math.exp(-REACH), 0.8 * math.exp(REACH)))
    assert by_decay(sample, ["rnn", "lstm"], 32) == ["lstm", "rnn"]


def test_horizon_is_a_kaplan_meier_median(sample: StudyData) -> None:
    decays = CELLS["rnn"].decay_initial * np.exp(SPREAD)
    crossed = [math.ceil(math.log(1e-3) / math.log(decay)) for decay in decays]
    assert horizon(sample, "rnn", 32, INITIAL) == median_time(crossed, [])
    assert horizon(sample, "rnn", 32, INITIAL).middle == 14
    assert horizon(sample, "lstm", 32, INITIAL) == (math.inf,) * 3
    assert math.isnan(horizon(sample, "lstm", 1000, INITIAL).middle)


def test_a_member_whose_sequence_ended_first_is_censored_there(sample: StudyData) -> None:
    decays = CELLS["lstm"].decay_final * np.exp(SPREAD)
    length = 32 + 6
    steps = [math.ceil(-1 / math.log(decay)) if decay < 1 else math.inf for decay in decays]
    crossed = [k for k in steps if k <= length]
    assert 0 < len(crossed) < 5
    expected = median_time(crossed, [length] * (5 - len(crossed)))
    assert horizon(sample, "lstm", 32, FINAL, ONE_OVER_E) == pytest.approx(expected, nan_ok=True)


def test_a_gradient_may_be_followed_further_than_the_members_own_sequence(sample: StudyData) -> None:
    further = sample.probes.assign(at=sample.probes["at"] * 10)
    results = sample.results.copy()
    is_horizon = (results["cell"] == "lstm") & (results["metric"] == "grad/horizon_e_final") & (results["lag"] == 32)
    results.loc[is_horizon, "value"] = 200.0
    study = dataclasses.replace(sample, probes=further, results=results)
    crossed = int(is_horizon.sum())
    expected = median_time([200.0] * crossed, [380.0] * (5 - crossed))
    assert horizon(study, "lstm", 32, FINAL, ONE_OVER_E) == pytest.approx(expected, nan_ok=True)


def test_over_members_is_the_geometric_mean_of_each_group() -> None:
    values = {
        "a": [0.5, 2.0, 3.0],
        "b": [0.1],
        "c": [0.0, 1.0],
        "d": [1e-40, 1e40],
        "e": [0.5, math.nan, 2.0, math.inf],
    }
    frame = pd.DataFrame([{"key": key, "value": value} for key, members in values.items() for value in members])
    means = geometric_means(frame, ["key"]).set_index("key")
    for key, members in values.items():
        assert means.loc[key, ["middle", "low", "high"]].tolist() == pytest.approx(geometric_mean(members), nan_ok=True)
        assert means.loc[key, "n"] == sum(map(math.isfinite, members))
    assert list(geometric_means(frame.iloc[:0], ["key"]).columns) == ["key", "middle", "low", "high", "n"]


def test_bounds_are_the_spectral_norm_and_the_frobenius_norm_over_the_root_of_the_state(sample: StudyData) -> None:
    bounds = bound_summary(sample)
    of_lag = bounds.loc[(bounds["cell"] == "lstm") & (bounds["lag"] == 32) & (bounds["moment"] == INITIAL)]
    last = of_lag.loc[of_lag["steps_back"] == 38].set_index("quantity")["middle"]
    assert last["best direction"] == pytest.approx(0.95**38)
    assert last["any direction"] == pytest.approx(0.95**38 / math.sqrt(2))  # 64 of 128 units, in the synthetic truth
    unknown = dataclasses.replace(
        sample, results=sample.results.loc[~sample.results["metric"].str.startswith("memory/state_size")]
    )
    pd.testing.assert_frame_equal(bound_summary(unknown), bounds)


def test_decays_at_the_moments_of_learning(sample: StudyData) -> None:
    assert moments(sample) == [INITIAL, "at_75", "at_25", FINAL]
    assert [moment_label(moment) for moment in moments(sample)] == ["start", "75%", "25%", "end"]
    table = decays_while_learning(sample)
    assert set(table["lag"]) == {longest_lag_with_flow(sample)}
    rnn = table.loc[table["cell"] == "rnn"].set_index("moment")
    assert rnn["decay"].tolist() == pytest.approx([0.61 ** (1 - way) * 0.8**way for way in (0, 0.3, 0.7, 1)])
    assert rnn["n"].tolist() == [5] * 4
    assert rnn.loc[INITIAL, "decay_low"] == pytest.approx(0.61 * math.exp(-REACH))
    assert rnn.loc[INITIAL, ["horizon", "horizon_e"]].tolist() == [14, 3]


def test_what_was_not_measured_has_no_rows(tmp_path: Path) -> None:
    make_study(tmp_path / "s", lags=(2,), n_seeds=2, outcome=lambda *_: "missing", tuned=False)
    study = load_study(tmp_path / "s")
    assert longest_lag_with_flow(study) is None
    for summary in (flow_summary(study), bound_summary(study), decays_while_learning(study)):
        assert summary.empty
        assert "cell" in summary.columns


def test_the_lag_of_the_comparison_is_the_longest_that_all_cells_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(synthetic_study.CELLS, "lstm_b", SyntheticCell(4, 20.0, 0.9, 0.9, 9e4))
    absent = {("rnn", 16), ("lstm_b", 16)}
    make_study(tmp_path / "s", cells=["lstm", "rnn", "lstm_b"], lags=(4, 8, 16), n_seeds=2, tuned=False,
               outcome=lambda cell, lag, _: "missing" if (cell, lag) in absent else "learning")  # fmt: skip
    study = load_study(tmp_path / "s")
    assert longest_lag_with_flow(study) == 8
    assert set(decays_while_learning(study)["cell"]) == {"lstm", "rnn", "lstm_b"}


def test_learning_curves_are_the_criterion_as_a_share_of_its_baseline(sample: StudyData) -> None:
    curves = learning_curves(sample)
    assert set(curves["metric"]) == {"eval/recall_ce_share"}
    assert len(curves) == (sample.curves["metric"] == "eval/recall_ce_share").sum()
    assert solved_share(sample) == 0.1


def test_the_median_curve_keeps_the_last_value_of_who_has_ended() -> None:
    curves = pd.DataFrame(
        {
            "seed": [0, 0, 1, 1, 1, 2, 2, 2],
            "step": [0, 1, 0, 1, 2, 0, 1, 2],
            "value": [1, 0.1, 1, 0.9, 0.8, 1, 0.2, 0.1],
        }
    )
    assert median_curve(curves).tolist() == [1.0, 0.2, 0.1]


def test_a_curve_that_leaves_the_numbers_keeps_its_last_finite_value() -> None:
    curves = pd.DataFrame({"seed": [0, 0, 0], "step": [0, 1, 2], "value": [1.0, np.inf, np.nan]})
    assert median_curve(curves).tolist() == [1.0, 1.0, 1.0]
