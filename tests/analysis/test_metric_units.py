"""Every metric has its unit."""

import importlib
from typing import Any

import pytest
import torch
import yaml

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.metric_units import MOMENT, unit_of
from lstm_bench.cells.lstm import LSTMCell
from lstm_bench.conf_folder import conf_dir
from lstm_bench.engine.model import make_model
from lstm_bench.tasks.copy import CopyTask

MOMENTS = ("initial", "at_75", "final")
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
def test_units(metric: str, unit: str) -> None:
    assert unit_of(metric, COPY) == unit


def test_every_default_probe_has_units_for_all_it_records() -> None:
    chosen = yaml.safe_load((conf_dir() / "probe" / "default.yaml").read_text())
    task = CopyTask(lag=4, n_symbols=2)
    model = make_model(
        task, lambda draws: LSTMCell(task.input_size, 8, generator=draws), torch.Generator().manual_seed(0)
    )
    bare = {"state_h_rms", "state_c_rms", "i_mean", "f_mean", "o_mean", "capacity_span_open", "half_life_open"}
    readings = [
        _named(settings["_target_"])(model, task, torch.Generator().manual_seed(0)) for settings in chosen.values()
    ]
    recorded = [f"{name}_{moment}" for reading in readings for name in reading.metrics() for moment in MOMENTS]
    without = {MOMENT.sub("", metric.rpartition("/")[2]) for metric in recorded if unit_of(metric, COPY) == "1"}
    assert without == bare


def _named(target: str) -> Any:
    module, _, name = target.rpartition(".")
    return getattr(importlib.import_module(module), name)


def test_one_metric_has_one_unit_in_the_results(sample: StudyData) -> None:
    assert (sample.results.groupby("metric")["unit"].nunique() == 1).all()
