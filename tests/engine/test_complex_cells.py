"""Complex numbers in a plug-in: as parameters, as state, or both; each is two real numbers everywhere."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Generator, Tensor, nn

from lstm_bench.engine.generic import BATCHED_FROM, GenericKernel
from lstm_bench.engine.memory_plan import MemoryPlan
from lstm_bench.engine.model import Model, make_model
from lstm_bench.engine.population import Population
from lstm_bench.engine.seeds import Member
from lstm_bench.engine.settings import TrainingSettings
from lstm_bench.engine.training import train
from lstm_bench.tasks.contract import Batch
from lstm_bench.tasks.copy import CopyTask

H = 6
TASK = CopyTask(lag=3, n_symbols=1)
CPU = torch.device("cpu")
WHOLE = 2**30


class LinearRecurrentUnit(nn.Module):
    """s' = lambda s + B x,  y = tanh(Re(C s') + D x): complex parameters and state (Orvieto et al. 2023)."""

    def __init__(self, input_size: int, hidden_size: int, *, generator: Generator | None = None) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.radius = nn.Parameter(0.9 + 0.09 * torch.rand(hidden_size, generator=generator))
        self.angle = nn.Parameter(math.tau * torch.rand(hidden_size, generator=generator))
        self.skip = nn.Parameter(torch.randn(hidden_size, input_size, generator=generator) / input_size)
        self.draw_maps(generator)

    def draw_maps(self, generator: Generator | None) -> None:
        sizes = {"inward": (self.hidden_size, self.input_size), "outward": (self.hidden_size, self.hidden_size)}
        for name, size in sizes.items():
            start = torch.randn(size, dtype=torch.complex64, generator=generator) / size[1] ** 0.5
            self.register_parameter(name, nn.Parameter(start))

    def initial_state(self, batch_size: int) -> Tensor:
        return torch.zeros(batch_size, self.hidden_size, dtype=self.angle.dtype.to_complex())

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        inward: Any = self.inward
        outward: Any = self.outward
        state = torch.polar(self.radius, self.angle) * state + x.to(state.dtype) @ inward.T.to(state.dtype)
        return torch.tanh((state @ outward.T.to(state.dtype)).real + x @ self.skip.T), state


class RealParameters(LinearRecurrentUnit):
    """Real parameters alone; the state is complex all the same."""

    def draw_maps(self, generator: Generator | None) -> None:
        super().draw_maps(generator)
        for name in ("inward", "outward"):
            self.register_parameter(name, nn.Parameter(getattr(self, name).detach().real.clone()))


class Branching(LinearRecurrentUnit):
    """Looks at a value, so members step one after another."""

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        output, state = super().step(x, state)
        return (output if output.sum() > 0 else 0.5 * output), state


class AllComplex(nn.Module):
    """No real parameter at all."""

    def __init__(self, input_size: int, hidden_size: int, *, generator: Generator | None = None) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        start = torch.randn(hidden_size, input_size, dtype=torch.complex64, generator=generator)
        self.inward = nn.Parameter(start / input_size**0.5)
        self.register_buffer("turn", torch.polar(torch.ones(hidden_size), torch.rand(hidden_size, generator=generator)))

    def initial_state(self, batch_size: int) -> Tensor:
        return self.inward.new_zeros(batch_size, self.hidden_size)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        state = 0.9 * self.turn * state + x.to(state.dtype) @ self.inward.T
        return torch.tanh(state.real + state.imag), state


CELLS = pytest.mark.parametrize("cell_type", [LinearRecurrentUnit, RealParameters, Branching, AllComplex])


def models(cell_type: Callable[..., Any], members: int = BATCHED_FROM) -> list[Model]:
    make = lambda generator: cell_type(TASK.input_size, H, generator=generator)  # noqa: E731
    return [make_model(TASK, make, Generator().manual_seed(seed)) for seed in range(members)]


def batch_of(members: int) -> Batch:
    draws = [TASK.sample(4, Generator().manual_seed(9 + m)) for m in range(members)]
    return Batch(torch.stack([d.inputs for d in draws], 1), torch.stack([d.targets for d in draws], 1))


def population_of(built: list[Model], tape_bytes: int = WHOLE) -> Population:
    return Population(TASK, built, [1e-2] * len(built), CPU, plan=MemoryPlan(WHOLE, tape_bytes))


def reals(tensor: Tensor) -> Tensor:
    return torch.view_as_real(tensor).flatten() if tensor.is_complex() else tensor.flatten()


def plain_loop(model: Model, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, list[float]]:
    """Return predictions, the gradient in real numbers and ||dL/ds_t|| as the norm over real and imaginary parts."""
    cell, readout = model[:2]
    state, states, said = cell.initial_state(inputs.shape[1]), [], []
    for x in inputs:
        output, state = cell.step(x, state)
        state.retain_grad()
        states.append(state)
        said.append(readout(output))
    TASK.loss(torch.stack(said), targets).backward()
    gradient = torch.cat([reals(p.grad) for p in [*cell.parameters(), *readout.parameters()]])
    norms = [math.hypot(float(s.grad.real.norm()), float(s.grad.imag.norm())) for s in states]
    return torch.stack(said).detach(), gradient, norms


@CELLS
@pytest.mark.parametrize("tape_bytes", [1, WHOLE])
def test_gradients_and_norms_equal_those_of_a_plain_loop_at_once_and_cut_at_every_step(
    cell_type: Any, tape_bytes: int
) -> None:
    built, batch = models(cell_type), batch_of(BATCHED_FROM)
    population = population_of(built, tape_bytes)
    _, norms = population.compute_gradients(batch, with_norms=True)
    predictions = population.predict(batch.inputs, range(len(built)))
    for m, model in enumerate(built):
        said, gradient, expected = plain_loop(model, batch.inputs[:, m], batch.targets[:, m])
        torch.testing.assert_close(population.gradients[m], gradient, rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(norms["h"][:, m], torch.tensor(expected).double(), rtol=1e-4, atol=1e-7)
        torch.testing.assert_close(predictions[:, m], said, rtol=1e-4, atol=1e-6)


def test_a_complex_cell_steps_all_members_in_one_call_where_it_can() -> None:
    assert GenericKernel(LinearRecurrentUnit(3, H)).batched
    assert not GenericKernel(Branching(3, H)).batched


@CELLS
def test_weights_are_kept_as_complex_as_the_cell_has_them(cell_type: Any) -> None:
    built = models(cell_type)
    kept = population_of(built).member_weights(1)
    state = {**built[1].cell.state_dict(), **{}}
    assert {name.removeprefix("cell."): tensor.dtype for name, tensor in kept.items() if name.startswith("cell.")} == {
        name: tensor.dtype for name, tensor in state.items()
    }
    assert all(torch.equal(kept[f"cell.{name}"], tensor) for name, tensor in state.items())


def test_an_update_is_adams_on_real_and_imaginary_parts() -> None:
    """torch.optim.Adam takes complex parameters as pairs of reals; so does the block."""
    built, batch = models(LinearRecurrentUnit, 1), batch_of(1)
    population = population_of(built)
    parameters = [*built[0].cell.parameters(), *built[0].readout.parameters()]
    adam = torch.optim.Adam(parameters, lr=1e-2)
    for _ in range(5):
        population.compute_gradients(batch)
        population.update(clip=0.5)
        adam.zero_grad()
        plain_loop(built[0], batch.inputs[:, 0], batch.targets[:, 0])
        norm = torch.cat([reals(p.grad) for p in parameters]).norm()
        for p in parameters:
            p.grad.mul_(min(1.0, 0.5 / (float(norm) + 1e-6)))
        adam.step()
    expected = torch.cat([reals(p.detach()) for p in parameters])
    torch.testing.assert_close(population.weights[0], expected, rtol=1e-4, atol=1e-5)


@CELLS
def test_a_complex_cell_learns(cell_type: Any) -> None:
    settings = TrainingSettings(batch_size=16, steps=40, eval_every=20, eval_size=50, confirm_size=50)
    make = lambda generator: cell_type(TASK.input_size, H, generator=generator)  # noqa: E731
    for run in train(TASK, make, [Member("report", seed, 3e-2) for seed in range(2)], settings):
        losses = {step: value for step, name, value in run.curves if name == "eval/loss"}
        assert losses[40] < 0.8 * losses[0]
