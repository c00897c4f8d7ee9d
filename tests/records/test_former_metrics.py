"""What a key says of its metric, where a record of an earlier version holds no declaration."""

import pytest

from lstm_bench.metrics import Metric
from lstm_bench.records.former_metrics import declarations_of, former_metric
from lstm_bench.records.schema import MemberRecord

COPY = {"loss": "nats", "recall_ce": "nats", "recall_accuracy": "share"}


@pytest.mark.parametrize(
    ("key", "unit"),
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
        ("grad/decay_at_75", "factor per step"),
        ("grad/decay_c_path_at_100", "factor per step"),
        ("grad/spectral_decay_final", "factor per step"),
        ("grad/horizon_e_at_10", "steps"),
        ("memory/capacity_initial", "inputs"),
        ("memory/capacity_span_final", "steps"),
        ("memory/capacity_span_open_final", "1"),
        ("memory/state_size_initial", "units"),
        ("memory/half_life_final", "steps"),
        ("memory/half_life_open_final", "1"),
        ("memory/lyapunov_initial", "nats per step"),
        ("memory/lyapunov_horizon_final", "steps"),
        ("memory/score_at_0.5x_final", "share"),
        ("memory/divergence_next_initial", "bits"),
        ("memory/accuracy_after_boundary_final", "share"),
        ("memory/carry_over_final", "1"),
        ("memory/t50_low", "steps"),
        ("gates/f_mean_final", "1"),
        ("gates/f_open_share_initial", "share"),
        ("gates/time_constant_median_final", "steps"),
        ("gates/state_c_rms_final", "1"),
        ("something/new", "1"),
    ],
)
def test_the_unit_of_a_key(key: str, unit: str) -> None:
    assert former_metric(key, COPY).unit == unit
    assert former_metric(key, COPY).key == key


@pytest.mark.parametrize(
    ("key", "name", "moment", "path"),
    [
        ("grad/decay_initial", "grad/decay", "initial", ""),
        ("grad/decay_c_path_at_50", "grad/decay_{path}_path", "at_50", "c"),
        ("gates/forget_gate_open_share_final", "gates/{path}_open_share", "final", "forget_gate"),
        ("gates/boundary_difference_final", "gates/boundary_difference", "final", ""),
        ("eval/recall_ce", "eval/recall_ce", "", ""),
        ("mine/size_at_50", "mine/size", "at_50", ""),
        ("mine/size_of_last", "mine/size_of_last", "", ""),
    ],
)
def test_the_parts_of_a_key(key: str, name: str, moment: str, path: str) -> None:
    metric = former_metric(key, COPY)
    assert (metric.name, metric.moment, metric.path) == (name, moment, path)
    assert metric.key == key


def test_a_declaration_in_the_record_goes_before_what_the_key_says() -> None:
    declared = Metric("mine/wait", "hours", "final")
    metrics = {"mine/wait_final": 1.0, "eval/loss": 2.0}
    record = MemberRecord("i", "j", "report", 0, 0.01, "solved", metrics=metrics, declarations={declared.key: declared})
    assert declarations_of(record, COPY) == {"mine/wait_final": declared, "eval/loss": Metric("eval/loss", "nats")}
