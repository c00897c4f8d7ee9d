"""Recall, scores at other lags and gates, against what the synthetic members were made from."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import trim_mean
from synthetic_probes import MULTIPLES, H, distances, half_life, scores, time_constants
from synthetic_study import CELLS, make_job, make_study

from lstm_bench.analysis import gates
from lstm_bench.analysis.forgetting import recall_summary, recalling_lags, score_by_multiple, trained_distance
from lstm_bench.analysis.frames import StudyData, load_study
from lstm_bench.metrics import FINAL, INITIAL

Make = Callable[..., StudyData]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def made(**settings: object) -> StudyData:
        make_study(tmp_path / "s", tuned=False, timed=False, **settings)
        return load_study(tmp_path / "s")

    return made


def test_recall_is_the_mean_of_the_middle_members(sample: StudyData) -> None:
    summary = recall_summary(sample)
    of_lag = summary.loc[(summary["cell"] == "lstm") & (summary["lag"] == 32)].set_index("distance")
    job = make_job("lstm", 32)
    members = sample.members.loc[(sample.members["cell"] == "lstm") & (sample.members["lag"] == 32), "status"]
    assert of_lag.index.tolist() == distances(job)
    for distance in (11, 35):
        recalls = [1 / (1 + (distance / max(half_life(job, status), 0.1)) ** 4) for status in members]
        assert of_lag.loc[distance, "middle"] == pytest.approx(trim_mean(recalls, 0.25))
        assert of_lag.loc[distance, "low"] <= of_lag.loc[distance, "middle"] <= of_lag.loc[distance, "high"]
    assert of_lag["n"].eq(5).all()


def test_the_trained_distance_is_the_lag_and_the_letters_on_copy_and_none_on_adding() -> None:
    assert trained_distance(make_job("rnn", 8)) == 8 + 3
    assert trained_distance(make_job("rnn", 8, task="adding")) is None


def test_lags_without_recall_are_left_out_and_many_are_thinned() -> None:
    def summary(**recalls: float) -> pd.DataFrame:
        return pd.DataFrame([{"lag": int(lag[1:]), "middle": recall} for lag, recall in recalls.items()])

    assert recalling_lags(summary(T2=0.9, T4=0.5, T8=0.4), 4) == [2, 4]
    assert recalling_lags(summary(T2=0.1, T4=0.2), 4) == [2]
    assert recalling_lags(pd.DataFrame({"lag": range(1, 10), "middle": 1.0}), 4) == [1, 4, 6, 9]


def test_scores_at_other_lags_are_over_solved_members_of_all_lags(sample: StudyData) -> None:
    summary = score_by_multiple(sample).set_index(["cell", "multiple"])
    n_solved = sample.members.loc[sample.members["status"] == "solved"].groupby("cell").size()
    for cell in CELLS:
        for multiple, score in zip(MULTIPLES, scores(), strict=True):
            assert summary.loc[(cell, multiple), ["middle", "low", "high"]].tolist() == pytest.approx([score] * 3)
            assert summary.loc[(cell, multiple), "n"] == n_solved[cell]


def test_nothing_solved_gives_no_scores(make: Make) -> None:
    assert score_by_multiple(make(lags=(2, 4), outcome=lambda *_: "plateau")).empty


def test_gates_are_found_at_the_longest_lag_that_most_members_solved(sample: StudyData) -> None:
    assert gates.gated_cells(sample) == ["lstm"]
    assert gates.gate_lag(sample, "lstm") == 16
    curves = gates.curves_of(sample, "lstm")
    assert set(curves["lag"]) == {16}
    assert gates.gates_of(curves) == ["i", "f", "o"]


@pytest.mark.parametrize("moment", [INITIAL, FINAL])
def test_time_constants_are_those_of_all_units_of_all_members(sample: StudyData, moment: str) -> None:
    truth = CELLS["lstm"].decay_initial if moment == INITIAL else CELLS["lstm"].decay_final
    expected = np.concatenate([time_constants(truth * np.exp(0.01 * (seed - 2))) for seed in range(5)])
    scales = gates.time_constants(gates.curves_of(sample, "lstm"), moment)
    assert len(scales) == 5 * H
    assert np.sort(scales) == pytest.approx(np.sort(expected))


def test_numbers_of_gates_are_means_over_members(sample: StudyData) -> None:
    assert gates.gate_metric(sample, "lstm", gates.OPEN_SHARE, FINAL, "f") == pytest.approx((0.2, 0.2, 0.2))
    means = [CELLS["lstm"].decay_initial * np.exp(0.01 * (seed - 2)) for seed in (1, 2, 3)]
    assert gates.gate_metric(sample, "lstm", "gates/{path}_mean", INITIAL, "f").middle == pytest.approx(np.mean(means))
    assert np.isnan(gates.gate_metric(sample, "rnn", "gates/{path}_mean", INITIAL, "f").middle)


def test_the_summary_has_each_curve_with_its_ends_over_members(sample: StudyData) -> None:
    summary = gates.gate_summary(sample)
    forget = summary.loc[(summary["quantity"] == "f mean") & (summary["moment"] == INITIAL)]
    decays = CELLS["lstm"].decay_initial * np.exp(0.01 * (np.arange(5) - 2))
    assert forget["mean"].to_numpy() == pytest.approx(decays.mean())
    assert forget["least"].to_numpy() == pytest.approx(decays.min())
    assert forget["most"].to_numpy() == pytest.approx(decays.max())
    assert len(forget) == 16 + 6  # a time step each
    assert set(summary.loc[summary["cell"] == "rnn", "quantity"]) == {"h rms"}


def test_what_was_not_probed_gives_empty_frames(make: Make) -> None:
    study = make(lags=(2,), probed=False)
    assert recall_summary(study).empty
    assert gates.gate_summary(study).empty
    assert gates.gated_cells(study) == []
