"""Sequences that end before their batch does: the engine's loss, gradients and norms are those of each one alone."""

import pytest
import torch
from torch import Generator, Tensor

from lstm_bench.cells.gru import GRUCell
from lstm_bench.cells.lstm import LSTMCell
from lstm_bench.cells.lstm_1997 import OriginalLSTMCell
from lstm_bench.cells.rnn import RNNCell
from lstm_bench.engine.drawing import side_by_side
from lstm_bench.engine.evaluation import evaluate
from lstm_bench.engine.model import Model, make_model, predict
from lstm_bench.engine.population import Population
from lstm_bench.engine.seeds import Member, generator
from lstm_bench.tasks.contract import Batch
from lstm_bench.tasks.marked_pairs import MarkedPairsTask
from lstm_bench.tasks.temporal_order import TemporalOrderTask

CPU = torch.device("cpu")
PAIRS = [MarkedPairsTask(20, "sum"), MarkedPairsTask(20, "product")]
TASKS = [*PAIRS, TemporalOrderTask(8, "6a"), TemporalOrderTask(5, "6b")]
CELLS = pytest.mark.parametrize("cell_type", [RNNCell, GRUCell, LSTMCell, OriginalLSTMCell])
EVERY_TASK = pytest.mark.parametrize("task", TASKS, ids=lambda task: f"{type(task).__name__} {task.variant}")


def models(task, cell_type, members: int = 2) -> list[Model]:
    made = [
        make_model(task, lambda g: cell_type(task.input_size, 5, generator=g), Generator().manual_seed(m))
        for m in range(members)
    ]
    return [Model(model.cell.double(), model.readout.double()) for model in made]


def drawn(task, members: int = 2, size: int = 7) -> list[Batch]:
    batches = [task.sample(size, Generator().manual_seed(10 + m)) for m in range(members)]
    doubled = [b.targets.double() if b.targets.is_floating_point() else b.targets for b in batches]
    return [Batch(b.inputs.double(), targets) for b, targets in zip(batches, doubled, strict=True)]


def alone(model: Model, task, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
    """Return loss and gradients by autograd, each sequence run by itself up to its own end."""
    losses = []
    for b, length in enumerate(batch.lengths.tolist()):
        state = model.cell.initial_state(1)
        for x in batch.inputs[:length, b : b + 1]:
            output, state = model.cell.step(x, state)
        target = batch.targets[length - 1 - (task.length - task.predicted_steps), b]
        predictions = model.readout(output)[0]
        is_number = target.is_floating_point()
        losses.append(
            (predictions[0] - target) ** 2 if is_number else torch.nn.functional.cross_entropy(predictions, target)
        )
    loss = torch.stack(losses).mean()
    named = {f"cell.{n}": p for n, p in model.cell.named_parameters()}
    named |= {f"readout.{n}": p for n, p in model.readout.named_parameters()}
    gradients = torch.autograd.grad(loss, list(named.values()))
    return loss.detach(), dict(zip(named, gradients, strict=True))


@EVERY_TASK
@CELLS
@pytest.mark.parametrize("kernel", ["auto", "torch"])
def test_loss_and_gradients_are_those_of_each_sequence_up_to_its_own_end(task, cell_type, kernel) -> None:
    made, batches = models(task, cell_type), drawn(task)
    assert len(set(batches[0].lengths.tolist())) > 1
    population = Population(task, made, [0.01, 0.01], CPU, kernel)
    losses, _ = population.compute_gradients(side_by_side(batches))
    for m, (model, batch) in enumerate(zip(made, batches, strict=True)):
        loss, gradients = alone(model, task, batch)
        torch.testing.assert_close(losses[m], loss, rtol=1e-10, atol=1e-12)
        flat = torch.cat([gradients[name].flatten() for name in gradients])
        torch.testing.assert_close(population.gradients[m], flat, rtol=1e-10, atol=1e-12)


@EVERY_TASK
@CELLS
def test_nothing_behind_an_end_reaches_losses_gradients_norms_or_scores(task, cell_type) -> None:
    """To the bit, whatever stands there."""
    batches = drawn(task)
    noisy = [Batch(b.inputs.clone(), b.targets) for b in batches]
    for batch in noisy:
        behind = torch.arange(task.length).unsqueeze(1) >= batch.lengths
        assert behind.any()
        batch.inputs[behind] = torch.randn(int(behind.sum()), task.input_size, dtype=torch.float64)
    answers = []
    for sequences in (batches, noisy):
        population = Population(task, models(task, cell_type), [0.01, 0.01], CPU)
        losses, norms = population.compute_gradients(side_by_side(sequences), with_norms=True)
        answers.append([losses, population.gradients.clone(), *norms.values()])
    assert all(torch.equal(*pair) for pair in zip(*answers, strict=True))
    (model, *_), (clean, *_), (filled, *_) = models(task, cell_type), batches, noisy
    predictions = [predict(model, b.inputs, task.predicted_steps) for b in (clean, filled)]
    metrics = [task.metrics(s, clean.targets) for s in predictions]
    assert {k: float(v) for k, v in metrics[0].items()} == {k: float(v) for k, v in metrics[1].items()}


@EVERY_TASK
def test_the_gradient_norm_of_a_step_counts_only_sequences_that_have_not_ended(task) -> None:
    population = Population(task, models(task, LSTMCell), [0.01, 0.01], CPU)
    batches = drawn(task)
    _, norms = population.compute_gradients(side_by_side(batches), with_norms=True)
    for m, batch in enumerate(batches):
        last = int(batch.lengths.max())
        assert (norms["h"][:last, m] > 0).all()
        assert (norms["h"][last:, m] == 0).all()


@EVERY_TASK
def test_an_evaluation_is_the_mean_over_sequences_each_up_to_its_own_end(task) -> None:
    (model,) = models(task, LSTMCell, members=1)
    single = Model(model.cell.float(), model.readout.float())
    population = Population(task, [single], [0.01], CPU)
    member = Member("report", 0, 0.01)
    (metrics,) = evaluate(population, [member], [0], 0, "evaluation", 0, 60)
    batch = task.sample(60, generator(0, member, "evaluation", 0))
    loss, _ = alone(single, task, batch)
    assert metrics["loss"] == pytest.approx(float(loss), rel=1e-5)
