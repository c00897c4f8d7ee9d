"""Every metric has its unit."""

import pytest

from lstm_bench.analysis.frames import Study
from lstm_bench.analysis.units import unit_of

COPY = {"loss": "nats", "recall_ce": "nats", "recall_accuracy": "share"}


@pytest.mark.parametrize(
    ("metric", "unit"),
    [
        ("eval/recall_ce", "nats"),
        ("confirm/recall_accuracy", "share"),
        ("train/loss", "nats"),
        ("eval/recall_ce_share", "share of baseline"),
        ("eval/loss_share", "share of baseline"),
        ("tuning/score", "share of baseline"),
        ("grad/clipped_share", "share"),
        ("grad/norm", "1"),
        ("grad/decay_initial", "factor per step"),
        ("grad/horizon_final", "steps"),
        ("train/steps", "steps"),
        ("train/steps_to_solve", "steps"),
        ("train/train_s", "s"),
        ("speed/sequences_per_s", "sequences/s"),
        ("speed/ms_per_time_step", "ms"),
        ("speed/peak_memory_bytes", "bytes"),
        ("params/core", "parameters"),
        ("something/new", "1"),
    ],
)
def test_units(metric: str, unit: str) -> None:
    assert unit_of(metric, COPY) == unit


def test_one_metric_has_one_unit_in_the_results(sample: Study) -> None:
    assert (sample.results.groupby("metric")["unit"].nunique() == 1).all()
