"""A cell that the engine has never heard of: two methods, an opaque state, and it trains."""

import pickle
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import dropout, linear

from lstm_bench.cells.contract import CellError
from lstm_bench.cells.lstm import LSTMCell, LSTMState
from lstm_bench.engine.generic import BATCHED_FROM, GenericKernel, permits_batching
from lstm_bench.engine.kernel_dispatch import kernel_of
from lstm_bench.engine.memory_plan import MemoryPlan
from lstm_bench.engine.model import MakeCell, Model, make_model
from lstm_bench.engine.population import Population
from lstm_bench.engine.seeds import Member
from lstm_bench.engine.settings import KernelChoice, TrainingSettings
from lstm_bench.engine.training import train
from lstm_bench.engine.unroll import Unroll
from lstm_bench.tasks.adding import AddingTask
from lstm_bench.tasks.contract import Batch
from lstm_bench.tasks.copy import CopyTask

D, H = 10, 6
CPU = torch.device("cpu")
TASK = CopyTask(lag=2, n_symbols=1)


class OwnGRUCell(nn.Module):
    """r, z = s(.), n = tanh(W x + b + r * (U h + b')), h' = (1 - z) n + z h, as in torch.nn.GRU."""

    def __init__(self, input_size: int, hidden_size: int, *, generator: Generator | None = None) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        shapes = {"weight_ih": (input_size,), "weight_hh": (hidden_size,), "bias_ih": (), "bias_hh": ()}
        for name, shape in shapes.items():
            start = torch.empty(3 * hidden_size, *shape).uniform_(-0.4, 0.4, generator=generator)
            self.register_parameter(name, nn.Parameter(start))

    def initial_state(self, batch_size: int) -> Tensor:
        return self.weight_hh.new_zeros(batch_size, self.hidden_size)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        reset_x, keep_x, new_x = linear(x, self.weight_ih, self.bias_ih).chunk(3, dim=-1)
        reset_h, keep_h, new_h = linear(state, self.weight_hh, self.bias_hh).chunk(3, dim=-1)
        keep = torch.sigmoid(keep_x + keep_h)
        new = torch.tanh(new_x + torch.sigmoid(reset_x + reset_h) * new_h)
        h = (1 - keep) * new + keep * state
        return h, h


class StockGRUCell(nn.Module):
    """A plug-in made of a stock layer, which knows nothing of generators."""

    def __init__(self, input_size: int, hidden_size: int, *, generator: Generator | None = None) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.inner = nn.GRUCell(input_size, hidden_size)

    def initial_state(self, batch_size: int) -> Tensor:
        return self.inner.weight_hh.new_zeros(batch_size, self.hidden_size)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        h = self.inner(x, state)
        return h, h


class Coupled(LSTMCell):
    """An LSTM whose input gate is 1 - f: a subclass that steps differently."""

    def step(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        gates = linear(x, self.weight_ih, self.bias_ih) + linear(state.h, self.weight_hh, self.bias_hh)
        _, f, g, o = gates.chunk(4, dim=-1)
        c = torch.sigmoid(f) * state.c + torch.sigmoid(-f) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, LSTMState(h=h, c=c)


class TwoSpeeds(NamedTuple):
    """A state with names of its own."""

    fast: Tensor
    slow: Tensor


class TwoSpeedCell(OwnGRUCell):
    """A plug-in with a NamedTuple for a state; the output is neither of its parts."""

    def initial_state(self, batch_size: int) -> TwoSpeeds:
        zeros = self.weight_hh.new_zeros(batch_size, self.hidden_size)
        return TwoSpeeds(zeros, zeros)

    def step(self, x: Tensor, state: TwoSpeeds) -> tuple[Tensor, TwoSpeeds]:
        fast = super().step(x, state.fast)[0]
        slow = 0.9 * state.slow + 0.1 * fast
        return fast + slow, TwoSpeeds(fast, slow)


class PlainTupleCell(TwoSpeedCell):
    """The same with a plain tuple."""

    def initial_state(self, batch_size: int) -> Any:
        return tuple(super().initial_state(batch_size))

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        output, following = super().step(x, TwoSpeeds(*state))
        return output, tuple(following)


class DelayLineCell(OwnGRUCell):
    """A plug-in whose state also holds the last input: a part that no parameter has touched."""

    def initial_state(self, batch_size: int) -> Any:
        return super().initial_state(batch_size), self.weight_hh.new_zeros(batch_size, self.input_size)

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        h, last = state
        following = super().step(x - last, h)[0]
        return following, (following, x)


class LeakyCell(OwnGRUCell):
    """A plug-in with a trained number: a parameter without axes."""

    def __init__(self, input_size: int, hidden_size: int, *, generator: Generator | None = None) -> None:
        super().__init__(input_size, hidden_size, generator=generator)
        self.leak = nn.Parameter(torch.tensor(0.5))

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        h = torch.lerp(state, super().step(x, state)[0], self.leak)
        return h, h


class MaskedCell(OwnGRUCell):
    """A plug-in with a random mask, drawn once and not trained: a buffer that differs from member to member."""

    def __init__(self, input_size: int, hidden_size: int, *, generator: Generator | None = None) -> None:
        super().__init__(input_size, hidden_size, generator=generator)
        self.register_buffer("mask", torch.rand(hidden_size, generator=generator).round())

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        h = super().step(x, state)[0] * self.mask
        return h, h


class PermutingCell(OwnGRUCell):
    """A plug-in that keeps places in a buffer of whole numbers, and a choice of units in one of truth values."""

    def __init__(self, input_size: int, hidden_size: int, *, generator: Generator | None = None) -> None:
        super().__init__(input_size, hidden_size, generator=generator)
        self.register_buffer("places", torch.arange(hidden_size).roll(1))
        self.register_buffer("chosen", torch.arange(hidden_size) % 2 == 0)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        return super().step(x, torch.where(self.chosen, state[:, self.places], state))


class ReservoirCell(OwnGRUCell):
    """A plug-in whose recurrent weights are frozen."""

    def __init__(self, input_size: int, hidden_size: int, *, generator: Generator | None = None) -> None:
        super().__init__(input_size, hidden_size, generator=generator)
        self.weight_hh.requires_grad_(False)


class BranchingCell(OwnGRUCell):
    """A plug-in that looks at a value to decide what to do: at the input, then at the state."""

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        h = super().step(x, state)[0]
        if h.sum() > 0:
            h = 0.5 * h
        return h, h


class NoisyCell(OwnGRUCell):
    """A plug-in that drops units at random."""

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        h = dropout(super().step(x, state)[0], 0.2)
        return h, h


class OverwritingCell(OwnGRUCell):
    """A plug-in that writes in place into a copy of its state."""

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        h = state.clone()
        h[:, : H // 2] = super().step(x, state)[0][:, : H // 2]
        h[:, H // 2 :] += 0.1 * h[:, : H // 2]
        return h, h


class FillingCell(OwnGRUCell):
    """A plug-in that writes in place into zeros of its own, which vmap does not permit."""

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        h = torch.zeros(len(x), self.hidden_size)
        h[:, 1:] = super().step(x, state)[0][:, 1:]
        return h, h


class ProjectingCell(OwnGRUCell):
    """A plug-in whose output is a projection of its state, not the state itself."""

    def __init__(self, input_size: int, hidden_size: int, *, generator: Generator | None = None) -> None:
        super().__init__(input_size, hidden_size, generator=generator)
        self.projection = nn.Parameter(torch.empty(hidden_size, hidden_size).uniform_(-1, 1, generator=generator))

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        h = super().step(x, state)[0]
        return h @ self.projection, h


class CountingCell(OwnGRUCell):
    """A plug-in that counts its steps, in whole numbers."""

    def initial_state(self, batch_size: int) -> Any:
        return super().initial_state(batch_size), torch.zeros(batch_size, 1, dtype=torch.long)

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        h, count = state
        h = super().step(x, h)[0] / (1 + 0.1 * count)
        return h, (h, count + 1)


class LearnedStartCell(OwnGRUCell):
    """A plug-in that starts from a parameter."""

    def __init__(self, input_size: int, hidden_size: int, *, generator: Generator | None = None) -> None:
        super().__init__(input_size, hidden_size, generator=generator)
        self.start = nn.Parameter(torch.empty(hidden_size).uniform_(-1, 1, generator=generator))

    def initial_state(self, batch_size: int) -> Tensor:
        return self.start.expand(batch_size, -1)


PLUG_INS = [OwnGRUCell, StockGRUCell, Coupled, TwoSpeedCell, PlainTupleCell]
BATCHED = [OwnGRUCell, Coupled, TwoSpeedCell, PlainTupleCell, LeakyCell, MaskedCell, DelayLineCell]
BATCHED += [OverwritingCell, ProjectingCell, LearnedStartCell, PermutingCell]
ALONE = [BranchingCell, FillingCell]
EXACT = [*BATCHED, *ALONE, CountingCell, StockGRUCell]


def maker(cell_type: type) -> MakeCell:
    return lambda generator: cell_type(D, H, generator=generator)


def models(cell_type: type, members: int) -> list[tuple[Any, nn.Linear]]:
    return [make_model(TASK, maker(cell_type), Generator().manual_seed(m)) for m in range(members)]


def batch_of(members: int, seed: int = 9) -> Batch:
    draws = [TASK.sample(4, Generator().manual_seed(seed + m)) for m in range(members)]
    return Batch(torch.stack([b.inputs for b in draws], dim=1), torch.stack([b.targets for b in draws], dim=1))


def run(model: tuple[Any, nn.Linear], inputs: Tensor) -> Tensor:
    """Return the predictions of one model, by a plain loop."""
    cell, readout = model[:2]
    state, outputs = cell.initial_state(inputs.shape[1]), []
    for x in inputs:
        output, state = cell.step(x, state)
        outputs.append(readout(output))
    return torch.stack(outputs)


def population_of(
    built: Sequence[tuple[Any, nn.Linear]], plan: MemoryPlan | None = None, kernel: KernelChoice = "auto"
) -> Population:
    return Population(TASK, built, [1e-2] * len(built), CPU, kernel, plan)


@pytest.mark.parametrize("cell_type", [*EXACT, NoisyCell])
def test_a_plug_in_goes_the_generic_way_where_nothing_is_compiled(cell_type: type) -> None:
    assert isinstance(kernel_of(cell_type(D, H), CPU, "torch"), GenericKernel)


@pytest.mark.parametrize("cell_type", BATCHED)
def test_a_plain_plug_in_steps_all_members_in_one_call(cell_type: type) -> None:
    assert permits_batching(cell_type(D, H))
    assert GenericKernel(cell_type(D, H)).batched


@pytest.mark.parametrize("members", [1, BATCHED_FROM - 1, BATCHED_FROM, BATCHED_FROM + 1])
def test_few_members_step_one_after_another_and_more_in_one_call(members: int) -> None:
    calls = []

    class Watched(OwnGRUCell):
        def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
            calls.append(len(x))
            return super().step(x, state)

    population, batch = population_of(models(Watched, members), kernel="autograd"), batch_of(members)
    population.compute_gradients(batch)
    calls.clear()
    population.compute_gradients(batch)
    assert len(calls) == len(batch.inputs) * (1 if members >= BATCHED_FROM else members)


@pytest.mark.parametrize("cell_type", [*ALONE, NoisyCell])
def test_a_plug_in_that_cannot_be_batched_is_run_member_by_member(cell_type: type) -> None:
    assert not permits_batching(cell_type(D, H))
    assert not GenericKernel(cell_type(D, H)).batched


def test_a_plug_in_that_batches_to_other_numbers_is_run_member_by_member() -> None:
    """Nothing is refused here, but a sum over all that is given is another sum when all members are."""

    class Wrong(OwnGRUCell):
        def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
            h = super().step(x, state)[0] * (0.5 if torch._C._functorch.is_batchedtensor(x) else 1.0)
            return h, h

    assert not permits_batching(Wrong(D, H))


def test_a_gru_plug_in_equals_torch_gru_and_its_gradients() -> None:
    generator = Generator().manual_seed(0)
    cell = OwnGRUCell(3, 5, generator=generator).double()
    layer = nn.GRU(3, 5, dtype=torch.float64)
    layer.load_state_dict({f"{name}_l0": tensor for name, tensor in cell.state_dict().items()})
    x, d_outputs = (torch.randn(s, 1, 2, n, generator=generator, dtype=torch.float64) for s, n in ((9, 3), (4, 5)))
    unroll = Unroll(kernel_of(cell, CPU), tape_bytes=2**30)
    outputs = unroll.forward({name: p.detach().unsqueeze(0) for name, p in cell.named_parameters()}, x, last=9)
    gradients, norms = unroll.backward(d_outputs, with_norms=True)
    expected = layer(x[:, 0])[0]
    (expected[-4:] * d_outputs[:, 0]).sum().backward()
    torch.testing.assert_close(outputs[:, 0], expected.detach(), rtol=1e-10, atol=1e-10)
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient[0], getattr(layer, f"{name}_l0").grad, rtol=1e-10, atol=1e-10)
    assert norms["h"].shape == (9, 1)
    assert norms["h"].gt(0).all()


@pytest.mark.parametrize("cell_type", EXACT)
def test_each_member_predicts_as_its_own_model_does(cell_type: type) -> None:
    built, inputs = models(cell_type, BATCHED_FROM), batch_of(BATCHED_FROM).inputs
    predictions = population_of(built).predict(inputs, range(BATCHED_FROM))
    for m, model in enumerate(built):
        torch.testing.assert_close(predictions[:, m], run(model, inputs[:, m]).detach(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("cell_type", EXACT)
@pytest.mark.parametrize("with_norms", [False, True])
@pytest.mark.parametrize("tape_bytes", [1, 2**30])
def test_each_member_gets_the_gradient_of_its_own_model(cell_type: type, with_norms: bool, tape_bytes: int) -> None:
    """In segments of a single step, and at once."""
    built, batch = models(cell_type, BATCHED_FROM), batch_of(BATCHED_FROM)
    population = population_of(built, MemoryPlan(2**30, tape_bytes))
    population.compute_gradients(batch, with_norms)
    for m, (cell, readout, _) in enumerate(built):
        TASK.loss(run((cell, readout), batch.inputs[:, m]), batch.targets[:, m]).backward()
        expected = torch.cat([p.grad.flatten() for p in [*cell.parameters(), *readout.parameters()]])
        torch.testing.assert_close(population.gradients[m], expected, rtol=1e-4, atol=1e-6)


def kept_gradients(model: tuple[Any, nn.Linear], inputs: Tensor, targets: Tensor) -> list[Tensor]:
    """Return the norms of the gradients of each part of the state at every step, kept by autograd."""
    cell, readout = model[:2]
    state, states, outputs = cell.initial_state(inputs.shape[1]), [], []
    for x in inputs:
        output, state = cell.step(x, state)
        states.append([state] if isinstance(state, Tensor) else list(state))
        outputs.append(readout(output))
        for part in states[-1]:
            part.retain_grad()
    TASK.loss(torch.stack(outputs), targets).backward()
    return [torch.stack([step[k].grad.norm() for step in states]) for k in range(len(states[0]))]


@pytest.mark.parametrize(
    ("cell_type", "parts"),
    [
        (OwnGRUCell, ["h"]),
        (Coupled, ["h", "c"]),
        (TwoSpeedCell, ["fast", "slow"]),
        (PlainTupleCell, ["s0", "s1"]),
        *((cell_type, ["h"]) for cell_type in (ProjectingCell, OverwritingCell, LearnedStartCell, *ALONE)),
    ],
)
def test_gradient_norms_are_named_by_the_state_and_equal_autograd(cell_type: type, parts: list[str]) -> None:
    """Total derivatives: through the next state, and through the output at the same step."""
    built, batch = models(cell_type, BATCHED_FROM), batch_of(BATCHED_FROM)
    for tape_bytes in (1, 2**30):
        population = population_of(built, MemoryPlan(2**30, tape_bytes))
        _, norms = population.compute_gradients(batch, with_norms=True)
        assert list(norms) == parts
        for m, model in enumerate(built):
            expected = kept_gradients(model, batch.inputs[:, m], batch.targets[:, m])
            for part, values in zip(parts, expected, strict=True):
                torch.testing.assert_close(norms[part][:, m], values.double(), rtol=1e-4, atol=1e-6)


def test_a_state_that_also_keeps_the_last_input_shows_its_gradients() -> None:
    """The state is opaque: a part that depends on no parameter must not stop the others from being measured."""
    _, norms = population_of(models(DelayLineCell, 1)).compute_gradients(batch_of(1), with_norms=True)
    assert norms["s0"].gt(0).all()


def test_a_part_of_whole_numbers_has_no_gradient_and_stops_no_other() -> None:
    _, norms = population_of(models(CountingCell, 2)).compute_gradients(batch_of(2), with_norms=True)
    assert norms["s0"].gt(0).all()
    assert not norms["s1"].any()


class FadingCell(OwnGRUCell):
    """A plug-in that puts a new tensor in the place of a buffer, which lasts until the end of the step."""

    def __init__(self, input_size: int, hidden_size: int, *, generator: Generator | None = None) -> None:
        super().__init__(input_size, hidden_size, generator=generator)
        self.register_buffer("gain", torch.ones(hidden_size))

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        h = super().step(x, state)[0] * self.gain
        self.gain = 0.5 * self.gain
        return h, h


@pytest.mark.parametrize("members", [1, BATCHED_FROM])
@pytest.mark.parametrize("tape_bytes", [1, 2**30])
def test_each_step_starts_from_the_tensors_of_its_member_whatever_an_earlier_one_put_there(
    members: int, tape_bytes: int
) -> None:
    built, batch = models(FadingCell, members), batch_of(members)
    plain = [Model(OwnGRUCell(D, H), model.readout) for model in built]
    for fading, lasting in zip(built, plain, strict=True):
        lasting.cell.load_state_dict(fading.cell.state_dict(), strict=False)
    populations = [population_of(cells, MemoryPlan(2**30, tape_bytes)) for cells in (built, plain)]
    for population in populations:
        population.compute_gradients(batch)
    torch.testing.assert_close(populations[0].gradients, populations[1].gradients)
    assert torch.equal(built[0].cell.gain, torch.ones(H))


@pytest.mark.parametrize("cell_type", [*EXACT, NoisyCell])
def test_a_plug_in_learns(cell_type: type) -> None:
    settings = TrainingSettings(batch_size=16, steps=40, eval_every=20, eval_size=50, confirm_size=50)
    members = [Member("report", seed, 3e-2) for seed in range(2)]
    for finished in train(TASK, maker(cell_type), members, settings):
        losses = {step: value for step, name, value in finished.curves if name == "eval/loss"}
        assert losses[40] < 0.8 * losses[0]
        assert {part for _, part, _ in finished.state_norms} != set()


def test_a_subclass_trains_by_its_own_step() -> None:
    """The coupled gates are used in training, not the fused kernel of the class it comes from."""
    built, inputs = models(Coupled, 1), batch_of(1).inputs
    parent = LSTMCell(D, H)
    parent.load_state_dict(built[0][0].state_dict())
    coupled = population_of(built).predict(inputs, [0])
    assert (coupled - population_of([Model(parent, built[0].readout)]).predict(inputs, [0])).abs().max() > 1e-3


def test_a_plug_in_of_stock_layers_is_seeded_and_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(123)
    before = torch.get_rng_state()
    first, again, other = (
        make_model(TASK, maker(StockGRUCell), Generator().manual_seed(seed))[0].inner.weight_hh for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("cell_type", [OwnGRUCell, StockGRUCell])
def test_the_read_out_is_drawn_apart_from_the_cell(cell_type: type) -> None:
    """No number of the read-out stands in the cell as well: that would be one draw used twice."""
    task = AddingTask(lag=10)
    cell, readout, _ = make_model(
        task, lambda generator: cell_type(2, 32, generator=generator), Generator().manual_seed(0)
    )
    drawn = torch.cat([p.detach().flatten() for p in cell.parameters()])
    said = torch.cat([p.detach().flatten() for p in readout.parameters()])
    assert torch.isin(said, drawn).double().mean() < 0.1


def test_a_frozen_parameter_of_a_plug_in_stays_as_it_is() -> None:
    population = population_of(models(ReservoirCell, 1))
    before = population.member_weights(0)["cell.weight_hh"]
    population.compute_gradients(batch_of(1))
    population.update(clip=1.0)
    assert torch.equal(population.member_weights(0)["cell.weight_hh"], before)


class FaultyCell(OwnGRUCell):
    """A plug-in that answers as it is told."""

    def __init__(
        self, start: Any = None, answer: Any = None, good_steps: int = 0, *, generator: Generator | None = None
    ) -> None:
        super().__init__(D, H, generator=generator)
        self.start, self.answer, self.good_steps = start, answer, good_steps

    def initial_state(self, batch_size: int) -> Any:
        return self.start(batch_size) if self.start else super().initial_state(batch_size)

    def step(self, x: Tensor, state: Any) -> Any:
        self.good_steps -= 1
        return super().step(x, state) if self.answer is None or self.good_steps >= 0 else self.answer(x, state)


def raised(error: BaseException) -> Any:
    raise error


H_FLOAT = f"allowed: [4, {H}] of torch.float32, which is [batch, hidden_size]"
FAULTY_STEPS = [
    (lambda x, h: raised(RuntimeError("the plug-in broke")), "step raised RuntimeError: the plug-in broke"),
    (lambda x, h: raised(KeyError("two\nlines")), "step raised KeyError: 'two\\nlines'"),
    (lambda x, h: raised(OSError("two\n  lines")), "step raised OSError: two lines"),
    (lambda x, h: raised(AssertionError()), "step raised AssertionError"),
    (lambda x, h: h, f"step returned a tensor [4, {H}] of torch.float32: allowed: two values, the output and the next"),
    (lambda x, h: (h, h, h), "step returned 3 values (Tensor, Tensor, Tensor): allowed: two values, the output and"),
    (lambda x, h: None, "step returned None: allowed: two values, the output and the next state"),
    (lambda x, h: (h[:, 1:], h), f"step returned as output a tensor [4, {H - 1}] of torch.float32: {H_FLOAT}"),
    (lambda x, h: (h.sum(), h), f"step returned as output a tensor [] of torch.float32: {H_FLOAT}"),
    (lambda x, h: (h.double(), h), f"step returned as output a tensor [4, {H}] of torch.float64: {H_FLOAT}"),
    (lambda x, h: (3.0, h), f"step returned as output a value of type float: {H_FLOAT}"),
    (lambda x, h: (h, None), "step returned as state None: allowed: a tensor or a tuple of tensors"),
    (lambda x, h: (h, ()), "step returned as state 0 values (): allowed: a tensor or a tuple of tensors"),
    (lambda x, h: (h, {"h": h}), "step returned as state a value of type dict: allowed: a tensor or a tuple of"),
    (lambda x, h: (h, (h, 1)), "step returned as state 2 values (Tensor, int): allowed: a tensor or a tuple of"),
    (lambda x, h: (h, h.T), f"step returned as state h a tensor [{H}, 4] of torch.float32: allowed: [batch, ...], 4"),
    (lambda x, h: (h, h.double()), "step returned as state h a tensor [4, 6] of torch.float64: allowed: torch.float32"),
    (lambda x, h: (h, (h, h)), "step returned a state of s0, s1: allowed: h, as in initial_state"),
    (lambda x, h: (h, h.repeat(1, 2)), f"step returned as state h a tensor [4, {2 * H}] of torch.float32: allowed: [4"),
    (lambda x, h: (h, h[:, 1:]), f"step returned as state h a tensor [4, {H - 1}] of torch.float32: allowed: [4, {H}"),
    (lambda x, h: (h, h.long()), f"step returned as state h a tensor [4, {H}] of torch.int64: allowed: [4, {H}]"),
    (lambda x, h: (h, h + 1j), f"step returned as state h a tensor [4, {H}] of torch.complex64: allowed: [4, 6]"),
]  # fmt: skip
FAULTY_STARTS = [
    (lambda batch: raised(TypeError("no start")), "initial_state raised TypeError: no start"),
    (lambda batch: None, "initial_state returned as state None: allowed: a tensor or a tuple of tensors"),
    (lambda batch: torch.zeros(7, H), f"initial_state returned as state h a tensor [7, {H}] of torch.float32: allowed"),
    (lambda batch: torch.zeros(()), "initial_state returned as state h a tensor [] of torch.float32: allowed: [batch,"),
    (
        lambda batch: torch.zeros(batch, H, dtype=torch.float64),
        f"initial_state returned as state h a tensor [1, {H}] of torch.float64: allowed: torch.float32, as the para",
    ),
]


def told_of(fault: dict[str, Any]) -> CellError:
    """Return what is told when two members of a faulty cell are trained."""
    built = [make_model(TASK, lambda g: FaultyCell(**fault, generator=g), Generator().manual_seed(m)) for m in range(2)]
    with pytest.raises(CellError) as caught:
        population_of(built).compute_gradients(batch_of(2))
    return caught.value


@pytest.mark.parametrize(
    ("fault", "told"),
    [*(({"answer": step}, told) for step, told in FAULTY_STEPS), *(({"start": s}, told) for s, told in FAULTY_STARTS)],
)
def test_a_faulty_cell_is_named_in_one_line_with_what_it_did_and_what_is_allowed(fault: Any, told: str) -> None:
    line = str(told_of(fault))
    assert line.startswith(f"cell {__name__}.FaultyCell: {told}")
    assert "\n" not in line


def test_what_a_cell_raised_is_chained_to_the_error_that_names_it() -> None:
    broken = RuntimeError("the plug-in broke")
    assert told_of({"answer": lambda x, h: raised(broken)}).__cause__ is broken


@pytest.mark.parametrize("fault", [lambda x, h: (h.double(), h), lambda x, h: raised(IndexError("late"))])
def test_a_cell_that_goes_wrong_at_a_later_step_is_named_too(fault: Any) -> None:
    built = make_model(TASK, lambda g: FaultyCell(answer=fault, good_steps=10**6, generator=g), Generator())
    population = population_of([built], kernel="autograd")
    assert population.compute_gradients(batch_of(1))[0].isfinite().all()
    built.cell.good_steps = 2
    with pytest.raises(CellError, match="FaultyCell: step r"):
        population.compute_gradients(batch_of(1))


@pytest.mark.parametrize("lacking", [MemoryError("no room"), torch.OutOfMemoryError("no room"), KeyboardInterrupt()])
def test_a_lack_of_memory_and_a_stop_are_not_laid_at_the_cells_door(lacking: BaseException) -> None:
    with pytest.raises(type(lacking)) as caught:
        GenericKernel(FaultyCell(start=lambda batch: raised(lacking)))
    assert caught.value is lacking


def test_a_cell_without_parameters_is_named() -> None:
    class Empty(nn.Module):
        input_size, hidden_size = D, H

    with pytest.raises(CellError, match="Empty: no parameters: allowed: one or more"):
        GenericKernel(Empty())


def test_an_error_that_names_a_cell_comes_through_from_another_process() -> None:
    error = told_of({"answer": lambda x, h: None})
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_a_long_message_of_a_cell_is_shortened() -> None:
    line = str(told_of({"answer": lambda x, h: raised(ValueError("long " * 10_000))}))
    assert 400 < len(line) < 700
