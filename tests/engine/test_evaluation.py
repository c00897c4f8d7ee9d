"""Scores equal a direct computation on the same sequences."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Generator

from lstm_bench.cells.gru import GRUCell
from lstm_bench.cells.lstm import LSTMCell
from lstm_bench.cells.rnn import RNNCell
from lstm_bench.engine.evaluation import CHUNK, evaluate
from lstm_bench.engine.model import make_model
from lstm_bench.engine.population import Population
from lstm_bench.engine.seeds import Member, generator
from lstm_bench.tasks.adding import AddingTask
from lstm_bench.tasks.contract import Batch
from lstm_bench.tasks.copy import CopyTask
from lstm_bench.tasks.digits import DigitsTask

MEMBERS = [Member("report", seed, 1e-3) for seed in range(3)]


def built(task: Any, cell_type: type) -> Population:
    def make_cell(stream: Generator) -> Any:
        return cell_type(task.input_size, 6, generator=stream)

    models = [make_model(task, make_cell, Generator().manual_seed(m)) for m in range(len(MEMBERS))]
    return Population(task, models, [1e-3] * len(MEMBERS), torch.device("cpu"))


def sequences(task: Any, stream: Generator, size: int) -> Batch:
    """Draw the sequences again, in the portions in which they are evaluated."""
    portions = [min(CHUNK, size - start) for start in range(0, size, CHUNK)]
    batches = [task.sample(portion, stream) for portion in portions]
    return Batch(torch.cat([b.inputs for b in batches], dim=1), torch.cat([b.targets for b in batches], dim=1))


def direct_copy_metrics(model: Any, batch: Batch, n: int) -> dict[str, float]:
    predictions = model(batch.inputs).detach()
    recalled = predictions[-n:]
    return {
        "loss": float(F.cross_entropy(predictions.flatten(0, 1), batch.targets.flatten())),
        "recall_ce": float(F.cross_entropy(recalled.flatten(0, 1), batch.targets[-n:].flatten())),
        "recall_accuracy": float((recalled.argmax(dim=-1) == batch.targets[-n:]).double().mean()),
    }


def direct_adding_metrics(model: Any, batch: Batch) -> dict[str, float]:
    errors = model(batch.inputs)[-1, :, 0].detach() - batch.targets[0]
    mse, within = float(errors.square().mean()), float((errors.abs() < 0.1).double().mean())
    window = len(batch.inputs) * (1 - 6 * mse)
    return {"loss": mse, "explained": 1 - 6 * mse, "implied_window": window, "within_tenth": within}


@pytest.mark.parametrize("cell_type", [RNNCell, GRUCell, LSTMCell])
@pytest.mark.parametrize("size", [1, CHUNK, 2 * CHUNK + 70])
def test_metrics_equal_a_direct_computation(cell_type: type, size: int, stock_model: Any) -> None:
    for task in (CopyTask(lag=4, n_symbols=2), AddingTask(lag=6)):
        population = built(task, cell_type)
        scores = evaluate(population, MEMBERS, range(3), 5, "evaluation", 40, size)
        for m, member in enumerate(MEMBERS):
            batch = sequences(task, generator(5, member, "evaluation", 40), size)
            model = stock_model(population.member_weights(m))
            if isinstance(task, CopyTask):
                expected = direct_copy_metrics(model, batch, 2)
            else:
                expected = direct_adding_metrics(model, batch)
            assert scores[m] == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_a_member_scores_the_same_whoever_is_evaluated_with_it() -> None:
    population = built(CopyTask(lag=4), LSTMCell)
    everyone = evaluate(population, MEMBERS, range(3), 0, "evaluation", 0, 100)
    for indices in ([1], [2, 0]):
        subset_scores = evaluate(population, MEMBERS, indices, 0, "evaluation", 0, 100)
        for index, metrics in zip(indices, subset_scores, strict=True):
            assert metrics == pytest.approx(everyone[index], rel=1e-6)


def test_every_step_purpose_and_study_has_sequences_of_its_own() -> None:
    population = built(AddingTask(lag=6), RNNCell)
    calls = [(0, "evaluation", 0), (0, "evaluation", 200), (0, "confirmation", 0), (1, "evaluation", 0)]
    losses = [evaluate(population, MEMBERS, [0], study, use, step, 50)[0]["loss"] for study, use, step in calls]
    assert len(set(losses)) == len(losses)
    study, use, step = calls[0]
    assert evaluate(population, MEMBERS, [0], study, use, step, 50)[0]["loss"] == losses[0]


def test_members_are_scored_on_the_examples_that_a_task_holds_out(stock_model: Any) -> None:
    task = DigitsTask()
    population = built(task, RNNCell)
    scores = evaluate(population, MEMBERS, range(3), 5, "evaluation", 40, 60)
    for m, member in enumerate(MEMBERS):
        batch = sequences(task.held_out(), generator(5, member, "evaluation", 40), 60)
        predictions = stock_model(population.member_weights(m))(batch.inputs)[-1].detach()
        accuracy = float((predictions.argmax(dim=-1) == batch.targets[0]).double().mean())
        expected = {"loss": float(F.cross_entropy(predictions, batch.targets[0])), "accuracy": accuracy}
        assert scores[m] == pytest.approx(expected, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("cell_type", [RNNCell, LSTMCell])
def test_no_bit_of_a_score_depends_on_who_is_scored_beside(cell_type: type) -> None:
    for task in (CopyTask(lag=5, n_symbols=3), AddingTask(lag=9)):
        population = built(task, cell_type)
        together = evaluate(population, MEMBERS, range(3), 1, "evaluation", 20, CHUNK + 50)
        for members in ([0], [1], [2], [0, 2], [1, 2]):
            assert evaluate(population, MEMBERS, members, 1, "evaluation", 20, CHUNK + 50) == [
                together[member] for member in members
            ]
