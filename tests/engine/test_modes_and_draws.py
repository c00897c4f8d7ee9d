"""A plug-in trains in training mode and is scored in evaluation mode; what it draws depends on its member and step."""

import copy
import random
from typing import Any

import numpy as np
import pytest
import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import dropout, linear

from lstm_bench.cells.contract import CellError
from lstm_bench.engine.evaluation import evaluate
from lstm_bench.engine.global_generators import GeneratorStates, kept_generators, seed_generators
from lstm_bench.engine.memory_plan import MemoryPlan
from lstm_bench.engine.model import MakeCell, Model, make_model, predict
from lstm_bench.engine.population import Population
from lstm_bench.engine.run import Run
from lstm_bench.engine.seeds import Member
from lstm_bench.engine.settings import TrainingSettings
from lstm_bench.engine.training import Training
from lstm_bench.tasks.contract import Batch
from lstm_bench.tasks.copy import CopyTask

H = 6
TASK = CopyTask(lag=3, n_symbols=1)
CPU = torch.device("cpu")
SETTINGS = TrainingSettings(batch_size=8, steps=12, eval_every=4, eval_size=20, confirm_size=20)


class Unit(nn.Module):
    """h' = tanh(W x + U h), with something between h' and the output."""

    def __init__(self, input_size: int, hidden_size: int, *, generator: Generator | None = None) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.weight = nn.Parameter(torch.empty(hidden_size, input_size).uniform_(-0.4, 0.4, generator=generator))
        self.recurrent = nn.Parameter(0.9 * torch.eye(hidden_size))

    def initial_state(self, batch_size: int) -> Tensor:
        return self.weight.new_zeros(batch_size, self.hidden_size)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        h = torch.tanh(linear(x, self.weight) + linear(state, self.recurrent))
        return self.between(h), h

    def between(self, h: Tensor) -> Tensor:
        return h


class Dropped(Unit):
    def between(self, h: Tensor) -> Tensor:
        return dropout(h, 0.5, self.training)


class Normed(Unit):
    """Batch statistics while it trains, running ones while it is scored."""

    def __init__(self, input_size: int, hidden_size: int, *, generator: Generator | None = None) -> None:
        super().__init__(input_size, hidden_size, generator=generator)
        self.norm = nn.BatchNorm1d(hidden_size)

    def between(self, h: Tensor) -> Tensor:
        return self.norm(h)


class Zoneout(Unit):
    """Keeps some units as they were: at random while it trains, in proportion while it is scored."""

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        h = super().step(x, state)[1]
        h = torch.where(torch.rand_like(h) < 0.3, state, h) if self.training else 0.3 * state + 0.7 * h
        return h, h


class NumpyNoise(Unit):
    """Draws from NumPy's and Python's generators in each step, in either mode."""

    def between(self, h: Tensor) -> Tensor:
        return h + 0.1 * torch.from_numpy(np.random.standard_normal(h.shape)).to(h) * random.random()


class NoisyStart(Unit):
    """Draws its initial state."""

    def initial_state(self, batch_size: int) -> Tensor:
        return 0.1 * torch.randn(batch_size, self.hidden_size)


MODES = pytest.mark.parametrize("cell_type", [Dropped, Normed, Zoneout])
DRAWING = pytest.mark.parametrize("cell_type", [Dropped, Zoneout, NumpyNoise, NoisyStart])


def maker(cell_type: type) -> MakeCell:
    return lambda generator: cell_type(TASK.input_size, H, generator=generator)


def models(cell_type: type, members: int) -> list[Model]:
    return [make_model(TASK, maker(cell_type), Generator().manual_seed(m)) for m in range(members)]


def batch_of(members: int, size: int = 8) -> Batch:
    draws = [TASK.sample(size, Generator().manual_seed(9 + m)) for m in range(members)]
    return Batch(torch.stack([d.inputs for d in draws], 1), torch.stack([d.targets for d in draws], 1))


def population_of(built: list[Model], tape_bytes: int = 2**30) -> Population:
    return Population(TASK, built, [1e-2] * len(built), CPU, plan=MemoryPlan(2**30, tape_bytes))


def plain_loop(model: Any, inputs: Tensor) -> Tensor:
    state, said = model.cell.initial_state(inputs.shape[1]), []
    for x in inputs:
        output, state = model.cell.step(x, state)
        said.append(model.readout(output))
    return torch.stack(said)


def trained(cell_type: type, seeds: list[int]) -> dict[int, Run]:
    training, ended = Training(TASK, maker(cell_type), [Member("report", s, 1e-2) for s in seeds], SETTINGS), []
    while training.active:
        ended += training.advance()
    return {run.member.seed: run for run in ended}


# --- modes ---


@MODES
@pytest.mark.parametrize("members", [1, 4])
def test_scores_are_those_of_evaluation_mode(cell_type: type, members: int) -> None:
    built, inputs = models(cell_type, members), batch_of(members).inputs
    population = population_of(built)
    population.compute_gradients(batch_of(members))  # training mode, which must not stay
    tensors = [population.member_weights(m) for m in range(members)]
    predictions = population.predict(inputs, range(members))
    for m, model in enumerate(built):
        model.cell.load_state_dict({n.removeprefix("cell."): t for n, t in tensors[m].items() if n.startswith("cell.")})
        model.cell.eval()
        torch.testing.assert_close(predictions[:, m], plain_loop(model, inputs[:, m]).detach(), rtol=1e-5, atol=1e-6)


@MODES
def test_a_probes_predictions_are_those_of_evaluation_mode(cell_type: type) -> None:
    (model,), inputs = models(cell_type, 1), batch_of(1).inputs[:, 0]
    said = predict(model, inputs, TASK.predicted_steps)
    model.cell.eval()
    expected = plain_loop(model, inputs)[-TASK.predicted_steps :].detach()
    torch.testing.assert_close(said, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("members", [1, 4])
@pytest.mark.parametrize("tape_bytes", [1, 2**30])
def test_running_statistics_are_each_members_own_and_counted_once(members: int, tape_bytes: int) -> None:
    """A segment that is run again for its gradients leaves no second trace in them."""
    built, batch = models(Normed, members), batch_of(members)
    alone = [copy.deepcopy(model.cell) for model in built]
    population = population_of(built, tape_bytes)
    for _ in range(3):
        population.compute_gradients(batch)
    for m, cell in enumerate(alone):
        for _ in range(3):
            plain_loop(Model(cell, built[m].readout), batch.inputs[:, m])
        kept = population.member_weights(m)
        torch.testing.assert_close(kept["cell.norm.running_mean"], cell.norm.running_mean)
        torch.testing.assert_close(kept["cell.norm.running_var"], cell.norm.running_var)
        assert int(kept["cell.norm.num_batches_tracked"]) == 3 * len(batch.inputs)


@pytest.mark.parametrize("members", [1, 4])
def test_gradients_are_those_of_training_mode(members: int) -> None:
    built, batch = models(Normed, members), batch_of(members)
    population = population_of(built)
    population.predict(batch.inputs, range(members))
    population.compute_gradients(batch)
    for m, (cell, readout, _) in enumerate(built):
        cell.train()
        TASK.loss(plain_loop(Model(cell, readout), batch.inputs[:, m]), batch.targets[:, m]).backward()
        expected = torch.cat([p.grad.flatten() for p in [*cell.parameters(), *readout.parameters()]])
        torch.testing.assert_close(population.gradients[m], expected, rtol=1e-4, atol=1e-6)


# --- draws ---


@DRAWING
def test_a_member_ends_as_it_would_alone(cell_type: type) -> None:
    together = trained(cell_type, [0, 1, 2])
    for seed in (0, 1, 2):
        (alone,) = trained(cell_type, [seed]).values()
        losses, expected = (np.array([value for *_, value in run.curves]) for run in (together[seed], alone))
        np.testing.assert_allclose(losses, expected, rtol=1e-4)  # the last bits depend on the company
        for name, weight in alone.weights.items():
            torch.testing.assert_close(together[seed].weights[name], weight, rtol=1e-4, atol=1e-6)


@DRAWING
def test_segments_draw_what_the_whole_draws(cell_type: type) -> None:
    gradients = []
    for tape_bytes in (1, 2**30):
        population = population_of(models(cell_type, 2), tape_bytes)
        population.compute_gradients(batch_of(2), seeds=[5, 6])
        gradients.append(population.gradients.clone())
    torch.testing.assert_close(*gradients, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("cell_type", [NumpyNoise, NoisyStart])
def test_scores_of_a_cell_that_draws_are_a_function_of_member_and_step(cell_type: type) -> None:
    members = [Member("report", seed, 1e-2) for seed in (0, 1)]
    population = population_of(models(cell_type, 2))

    def scores(indices: list[int], step: int) -> list[dict[str, float]]:
        return evaluate(population, members, indices, 0, "evaluation", step, 300)

    both = scores([0, 1], 4)
    assert scores([0, 1], 4) == both
    assert scores([1], 4)[0] == pytest.approx(both[1], rel=1e-6)
    assert scores([0, 1], 8)[0] != pytest.approx(both[0], rel=1e-3)


@DRAWING
def test_global_generators_are_left_alone(cell_type: type) -> None:
    torch.manual_seed(3)
    np.random.seed(3)
    random.seed(3)
    trained(cell_type, [0, 1])
    after = float(torch.rand(())), np.random.random(), random.random()
    torch.manual_seed(3)
    np.random.seed(3)
    random.seed(3)
    assert after == (float(torch.rand(())), np.random.random(), random.random())


def test_a_start_drawn_from_numpy_and_python_is_a_function_of_the_seed() -> None:
    class Rotated(Unit):
        def __init__(self, input_size: int, hidden_size: int, *, generator: Generator | None = None) -> None:
            super().__init__(input_size, hidden_size, generator=generator)
            self.recurrent.data = torch.tensor(np.random.standard_normal((hidden_size, hidden_size))).float()
            self.register_buffer("mask", torch.tensor([random.random() for _ in range(hidden_size)]))

    first, again, other = (make_model(TASK, maker(Rotated), Generator().manual_seed(s)).cell for s in (0, 0, 1))
    for name, tensor in first.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name])
    assert not torch.equal(first.recurrent, other.recurrent)
    assert not torch.equal(first.mask, other.mask)


def test_seeding_gives_the_states_that_each_library_gives_for_a_seed() -> None:
    with kept_generators():
        torch.manual_seed(2**40 + 3)
        np.random.seed((2**40 + 3) % 2**32)
        random.seed(2**40 + 3)
        expected = GeneratorStates.now()
        seed_generators(2**40 + 3)
        assert GeneratorStates.now().equal(expected)


@pytest.mark.parametrize("tape_bytes", [1, 2**30])
def test_global_generators_are_put_back_where_a_cell_fails_in_the_middle(tape_bytes: int) -> None:
    class Failing(Dropped):
        steps = 5

        def between(self, h: Tensor) -> Tensor:
            self.steps -= 1
            return super().between(h) if self.steps > 0 else h[:1, :1]

    population, before = population_of(models(Failing, 1), tape_bytes), GeneratorStates.now()
    with pytest.raises(CellError, match="step returned as output"):
        population.compute_gradients(batch_of(1), seeds=[5])
    assert GeneratorStates.now().equal(before)
