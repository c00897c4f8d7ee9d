"""Conversions between protocols, against the tasks themselves."""

import math

import pytest
import torch
from torch import Generator

from lstm_bench.literature.conversions import (
    mse_from_rmse,
    recall_from_all_positions,
    rmse_from_mse,
)
from lstm_bench.tasks.adding import AddingTask
from lstm_bench.tasks.copy import CopyTask
from lstm_bench.tasks.marked_pairs import MarkedPairsTask


@pytest.mark.parametrize("dialect", ["arjovsky", "bai"])
def test_where_blanks_cost_nothing_the_loss_over_all_steps_gives_the_recall(dialect: str) -> None:
    """Certain blanks, and letters said with any confidence: the metrics of the task are an independent count."""
    task = CopyTask(lag=37, n_symbols=10, dialect=dialect)
    batch = task.sample(50, Generator().manual_seed(0))
    predictions = torch.randn(task.length, 50, task.output_size, generator=Generator().manual_seed(1)).double()
    predictions[: -task.n_symbols] = -1000.0
    predictions[: -task.n_symbols, :, 8] = 0.0
    metrics = {name: float(value) for name, value in task.metrics(predictions, batch.targets).items()}
    assert recall_from_all_positions(metrics["loss"], 37, 10) == pytest.approx(metrics["recall_ce"], rel=1e-9)


def test_the_published_baseline_of_copy_is_the_chance_of_a_letter() -> None:
    """10 ln 8 / 1020 = 0.02039."""
    assert recall_from_all_positions(0.02039, 1000, 10) == pytest.approx(math.log(8), abs=1e-3)


def test_where_blanks_cost_something_the_recall_is_less_than_the_conversion_says() -> None:
    task = CopyTask(lag=20, n_symbols=5)
    batch = task.sample(20, Generator().manual_seed(0))
    predictions = torch.randn(task.length, 20, task.output_size, generator=Generator().manual_seed(1))
    metrics = {name: float(value) for name, value in task.metrics(predictions, batch.targets).items()}
    assert metrics["recall_ce"] < recall_from_all_positions(metrics["loss"], 20, 5)


def test_a_root_and_a_square_undo_each_other() -> None:
    assert mse_from_rmse(0.4082) == pytest.approx(1 / 6, rel=1e-3)
    assert rmse_from_mse(mse_from_rmse(0.0105)) == pytest.approx(0.0105, rel=1e-12)


def test_baselines_of_both_dialects_agree_where_the_first_pair_plays_no_part() -> None:
    """The target of 1997 is half of the plain sum, so its error is a quarter; the rest of the difference is q/48."""
    q = 1 / 10 + 9 / 10 / 498
    expected = AddingTask(100).baselines["loss"] / 4 - q / 48
    assert MarkedPairsTask(500).baselines["loss"] == pytest.approx(expected, rel=1e-12)
