"""What makes a plug-in's numbers wrong without an error is refused before it trains, by the name of what is amiss."""

import inspect
import random
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from torch import Generator, Tensor, nn

from lstm_bench.cells.contract import CellError
from lstm_bench.engine.conformance.suite import check_cell
from lstm_bench.engine.double_precision import wide_cell
from lstm_bench.engine.model import make_model, model_tensors
from lstm_bench.tasks.copy import CopyTask

D, H = 5, 8
TASK = CopyTask(lag=3)


class Unit(nn.Module):
    """h' = tanh(W [x, h])."""

    def __init__(self, input_size: int, hidden_size: int, *, generator: Generator | None = None) -> None:
        super().__init__()
        self.input_size, self.hidden_size, self.generator = input_size, hidden_size, generator
        self.map = nn.Linear(input_size + hidden_size, hidden_size)
        self.prepare()

    def prepare(self) -> None:
        """What a kind adds in its constructor."""

    def initial_state(self, batch_size: int) -> Any:
        return self.map.weight.new_zeros(batch_size, self.hidden_size)

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        h = torch.tanh(self.map(torch.cat((x, h), dim=1)))
        return h, h

    def times(self, x: Tensor, h: Tensor, factor: Any) -> tuple[Tensor, Tensor]:
        h = Unit.step(self, x, h)[1] * factor
        return h, h


# --- what is allowed ---


class KeepsItsGenerator(Unit):
    """Keeps a generator and draws nothing from it any more."""


class OldWeightNorm(Unit):
    def prepare(self) -> None:
        with pytest.warns(FutureWarning):
            self.map = nn.utils.weight_norm(self.map)


class ScriptedMap(Unit):
    def prepare(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            self.map = torch.jit.script(self.map)


class Orthogonal(Unit):
    def prepare(self) -> None:
        self.map = nn.utils.parametrizations.orthogonal(self.map)


class SpectralNorm(Unit):
    """Its buffers move at every step in training mode."""

    def prepare(self) -> None:
        self.map = nn.utils.parametrizations.spectral_norm(self.map)


class BufferedMask(Unit):
    def prepare(self) -> None:
        self.register_buffer("mask", torch.rand(H, generator=self.generator).round(), persistent=False)

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        return self.times(x, h, self.mask)


class SameConstant(Unit):
    """A plain attribute that is the same for every member."""

    def prepare(self) -> None:
        self.mask = torch.tril(torch.ones(H, H))[-1]

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        return self.times(x, h, self.mask)


class RandomDraws(Unit):
    """Dropout, and noise from NumPy and Python, while it trains."""

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        if not self.training:
            return super().step(x, h)
        noise = torch.from_numpy(np.random.standard_normal(h.shape)).to(h)
        return self.times(x, nn.functional.dropout(h, 0.3) + 0.1 * noise, random.random())


class Cached(Unit):
    """Computes something once, and remembers what it showed last: neither changes an answer."""

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        if not hasattr(self, "ramp"):
            self.ramp = torch.linspace(0, 1, H)
        self.shown = x
        return self.times(x, h, self.ramp)


class BatchNorm(Unit):
    def prepare(self) -> None:
        self.norm = nn.BatchNorm1d(H)

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        h = self.norm(super().step(x, h)[1])
        return h, h


class StockLayer(Unit):
    """One step of torch.nn's layer."""

    def prepare(self) -> None:
        self.map = nn.LSTM(D, H)

    def initial_state(self, batch_size: int) -> Any:
        zeros = self.map.weight_hh_l0.new_zeros(batch_size, H)
        return zeros, zeros

    def step(self, x: Tensor, state: Any) -> Any:
        output, after = self.map(x.unsqueeze(0), tuple(part.unsqueeze(0) for part in state))
        return output[0], tuple(part[0] for part in after)


ALLOWED = [
    Unit, KeepsItsGenerator, OldWeightNorm, ScriptedMap, Orthogonal, SpectralNorm, BufferedMask, SameConstant,
    RandomDraws, Cached, BatchNorm, StockLayer,
]  # fmt: skip


@pytest.mark.parametrize("cell_type", ALLOWED)
def test_a_sound_cell_passes_and_leaves_the_global_generators_alone(cell_type: type) -> None:
    before = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
    assert checked(cell_type) == []
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (np.random.get_state()[1].tolist(), random.getstate()) == before[1:]


# --- double precision, in which probes run a cell ---


class RefersToItself(Unit):
    """Keeps a function that refers to the cell, so a copy of it would run with the weights of the first."""

    def prepare(self) -> None:
        self.through = lambda x, h: torch.tanh(self.map(torch.cat((x, h), dim=1)))

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        h = self.through(x, h)
        return h, h


class BareZeros(Unit):
    def initial_state(self, batch_size: int) -> Any:
        return torch.zeros(batch_size, self.hidden_size)


class ConstantMatrix(Unit):
    """Its constant meets a float64 state in a product that takes one type alone."""

    def prepare(self) -> None:
        self.shift = torch.eye(H).roll(1, dims=0)

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        return super().step(x, h @ self.shift)


@pytest.mark.parametrize("cell_type", [KeepsItsGenerator, OldWeightNorm, ScriptedMap, Orthogonal, RefersToItself])
def test_a_cell_that_cannot_be_copied_runs_in_float64_with_its_own_weights(cell_type: Any) -> None:
    def make(generator: Generator) -> Any:
        return cell_type(D, H, generator=generator)

    draws = Generator().manual_seed(1)
    model, x, h = make_model(TASK, make, draws), torch.randn(2, D, generator=draws), torch.randn(2, H, generator=draws)
    before = {name: tensor.clone() for name, tensor in model_tensors(model).items()}
    wide = wide_cell(model)
    assert wide.initial_state(2).dtype == torch.float64
    output, _ = wide.step(x.double(), h.double())
    assert output.dtype == torch.float64
    assert not output.requires_grad
    assert torch.allclose(output.float(), model.cell.eval().step(x, h)[0], atol=1e-6)
    assert all(map(torch.equal, before.values(), model_tensors(model).values()))


def test_a_state_that_starts_in_float32_whatever_the_parameters_are_is_refused_with_the_mend() -> None:
    with pytest.raises(CellError) as refused:
        checked(BareZeros)
    assert str(refused.value) == (
        f"cell {__name__}.BareZeros: initial_state returned state h of torch.float32 when the parameters were of "
        "torch.float64, in which probes run a cell: allowed: the dtype and device of the parameters, as in "
        "next(self.parameters()).new_zeros(batch_size, self.hidden_size)"
    )


def test_a_step_that_fails_in_float64_is_told() -> None:
    (warning,) = checked(ConstantMatrix)
    assert warning.startswith(f"cell {__name__}.ConstantMatrix: step raised RuntimeError")
    assert warning.endswith(
        "(in float64, in which probes run a cell, so they will fail; a constant tensor must be a buffer)"
    )


# --- constants that are neither parameter nor buffer ---


class PlainMask(Unit):
    def prepare(self) -> None:
        self.mask = torch.rand(H, generator=self.generator).round()

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        return self.times(x, h, self.mask)


class InAList(PlainMask):
    def prepare(self) -> None:
        self.masks = [{"first": torch.rand(H, generator=self.generator)}]

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        return self.times(x, h, self.masks[0]["first"])


class PlainNumber(Unit):
    def prepare(self) -> None:
        self.leak = random.random()

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        return self.times(x, h, self.leak)


class NumpyArray(Unit):
    def prepare(self) -> None:
        self.gains = np.random.random(H).astype(np.float32)

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        return self.times(x, h, torch.from_numpy(self.gains))


class InSubmodule(Unit):
    def prepare(self) -> None:
        self.inner = nn.Identity()
        self.inner.scale = torch.rand(H, generator=self.generator)

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        return self.times(x, h, self.inner.scale)


class UnregisteredModules(Unit):
    def prepare(self) -> None:
        self.layers = [nn.Linear(H, H)]

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        return super().step(x, self.layers[0](h))


class ComputedOnce(Unit):
    """A matrix that is computed from a parameter in the constructor, and never again."""

    def prepare(self) -> None:
        self.doubled = 2 * self.map.weight

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        h = torch.tanh(torch.cat((x, h), dim=1) @ self.doubled.detach().T)
        return h, h


class HiddenBehindZero(PlainMask):
    """Its gain starts at 0, so that the mask shows only when that has been trained."""

    def prepare(self) -> None:
        super().prepare()
        self.gain = nn.Parameter(torch.zeros(()))

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        return self.times(x, h, 1 + self.gain * self.mask)


class InEvaluationAlone(PlainMask):
    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        return self.times(x, h, 1.0 if self.training else self.mask)


class RandomStart(PlainMask):
    def initial_state(self, batch_size: int) -> Any:
        return self.mask.expand(batch_size, -1)

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        return Unit.step(self, x, h)


class InAClosure(Unit):
    def prepare(self) -> None:
        mask = torch.rand(H, generator=self.generator).round()
        self.masked = lambda h: h * mask

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        h = self.masked(super().step(x, h)[1])
        return h, h


class DrawnAtTheFirstStep(Unit):
    """A mask that the first member's first step draws, and that all members then share."""

    def prepare(self) -> None:
        self.mask = None

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        if self.mask is None:
            self.mask = torch.rand(H).round()
        return self.times(x, h, self.mask)


CONSTANTS = {
    PlainMask: "mask", InAList: "masks", PlainNumber: "leak", NumpyArray: "gains", InSubmodule: "inner.scale",
    UnregisteredModules: "layers", ComputedOnce: "doubled", HiddenBehindZero: "mask", InEvaluationAlone: "mask",
    RandomStart: "mask", DrawnAtTheFirstStep: "mask",
}  # fmt: skip


@pytest.mark.parametrize("cell_type", [*CONSTANTS, InAClosure])
def test_a_constant_that_differs_from_member_to_member_is_refused_by_name(cell_type: type) -> None:
    message = refusal(cell_type)
    assert "two cells with the same parameters and buffers step differently" in message
    assert "register it as a buffer" in message
    if cell_type in CONSTANTS:
        assert f"they differ in {CONSTANTS[cell_type]}" in message


# --- starts that no seed repeats ---


class FreshNumpyGenerator(Unit):
    def prepare(self) -> None:
        self.start = nn.Parameter(torch.from_numpy(np.random.default_rng().random(H)).float())

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        return self.times(x, h, self.start)


class FreshBuffer(Unit):
    def prepare(self) -> None:
        self.register_buffer("mask", torch.tensor([random.SystemRandom().random() for _ in range(H)]))

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        return self.times(x, h, self.mask)


@pytest.mark.parametrize(("cell_type", "name"), [(FreshNumpyGenerator, "start"), (FreshBuffer, "mask")])
def test_a_start_that_its_seed_does_not_decide_is_refused_by_name(cell_type: type, name: str) -> None:
    assert f"two cells of one seed start with different values of {name}: allowed: initial values drawn" in refusal(
        cell_type
    )


# --- states outside the state ---


class StateOnSelf(Unit):
    """Keeps h on itself; its own initial_state forgets it."""

    def initial_state(self, batch_size: int) -> Any:
        self.h = super().initial_state(batch_size)
        return self.h

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        self.h = super().step(x, self.h)[1]
        return self.h, h


class Counter(Unit):
    def prepare(self) -> None:
        self.steps = 0

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        self.steps += 1
        return self.times(x, h, 1 / self.steps)


class OwnGenerator(Unit):
    def prepare(self) -> None:
        self.noise = Generator().manual_seed(3)

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        return self.times(x, h, torch.rand(H, generator=self.noise))


class OwnNumpyGenerator(Unit):
    def prepare(self) -> None:
        self.noise = np.random.default_rng(3)

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        return self.times(x, h, self.noise.random())


@pytest.mark.parametrize(
    ("cell_type", "name"),
    [(StateOnSelf, "h"), (Counter, "steps"), (OwnGenerator, "noise"), (OwnNumpyGenerator, "noise")],
)
def test_a_step_that_remembers_outside_its_state_is_refused_by_name(cell_type: type, name: str) -> None:
    message = refusal(cell_type)
    assert (
        f"step answers the same input and state differently the second time, and it changes {name}: allowed" in message
    )


class ReplacedBuffer(Unit):
    """A running mean that is put in the place of the old one: the engine would go on with the old one."""

    def prepare(self) -> None:
        self.register_buffer("mean", torch.zeros(H))

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        h = super().step(x, h)[1]
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * h.mean(dim=0).detach()
        return h - self.mean, h


class ReplacedParameter(Unit):
    """Weights that are clipped into a new parameter."""

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        self.map.weight = nn.Parameter(self.map.weight.clamp(-1, 1))
        return super().step(x, h)


class ReplacedData(Unit):
    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        self.map.weight.data = self.map.weight.data.clamp(-1, 1)
        return super().step(x, h)


class ClampedInPlace(Unit):
    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        self.map.weight.data.clamp_(-1, 1)
        return super().step(x, h)


@pytest.mark.parametrize(
    ("cell_type", "name"), [(ReplacedBuffer, "mean"), (ReplacedParameter, "map.weight"), (ReplacedData, "map.weight")]
)
def test_a_tensor_that_is_replaced_is_refused_by_name(cell_type: type, name: str) -> None:
    assert f"replaces its {name} with a new tensor: allowed: writing into it" in refusal(cell_type)


def test_a_parameter_may_be_clamped_in_place() -> None:
    assert checked(ClampedInPlace) == []


# --- states of another shape ---


class Growing(Unit):
    def initial_state(self, batch_size: int) -> Any:
        return torch.zeros(batch_size, 0)

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        output = super().step(x, h.sum(dim=1, keepdim=True).expand(-1, H))[1]
        return output, torch.cat((h, output[:, :1]), dim=1)


class Shrinking(Unit):
    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        output = super().step(x, nn.functional.pad(h, (0, H - h.shape[1])))[1]
        return output, h[:, 1:]


class Broadcast(Unit):
    """Starts with a column that the first step widens."""

    def initial_state(self, batch_size: int) -> Any:
        return torch.zeros(batch_size, 1)

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        return super().step(x, h.expand(-1, H))


@pytest.mark.parametrize(
    ("cell_type", "returned", "started"),
    [(Growing, "[3, 1]", "[3, 0]"), (Shrinking, f"[3, {H - 1}]", f"[3, {H}]"), (Broadcast, f"[3, {H}]", "[3, 1]")],
)
def test_a_state_that_changes_its_shape_is_refused_with_both_shapes(
    cell_type: type, returned: str, started: str
) -> None:
    allowed = f"allowed: {started} of torch.float32, as in initial_state"
    assert f"step returned as state h a tensor {returned} of torch.float32: {allowed}" in refusal(cell_type)


# --- parameters without a gradient ---


class Unused(Unit):
    def prepare(self) -> None:
        self.spare = nn.Linear(H, H)


class Detached(Unit):
    def prepare(self) -> None:
        self.gain = nn.Parameter(torch.ones(H))

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        return self.times(x, h, self.gain.detach())


class LearnsItsStart(Unit):
    """A parameter that takes part in the initial state alone."""

    def prepare(self) -> None:
        self.start = nn.Parameter(torch.zeros(H))

    def initial_state(self, batch_size: int) -> Any:
        return self.start.expand(batch_size, -1)


class Frozen(Unused):
    def prepare(self) -> None:
        super().prepare()
        self.spare.requires_grad_(False)


def test_a_parameter_that_no_gradient_reaches_is_told_and_counted() -> None:
    (message,) = checked(Unused)
    assert message.startswith(
        f"cell {__name__}.Unused: no gradient reaches spare.bias, spare.weight in 3 steps (72 numbers"
    )
    (message,) = checked(Detached)
    assert "no gradient reaches gain in 3 steps (8 numbers" in message
    assert checked(LearnsItsStart) == checked(Frozen) == []


class ForgetsItsMode(Unit):
    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        return super().step(x, nn.functional.dropout(h, 0.3))


class HidesADropout(Unit):
    """A module in a plain list, which eval() does not reach."""

    def prepare(self) -> None:
        self.layers = [nn.Dropout(0.3)]

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        return super().step(x, self.layers[0](h))


class NumpyNoise(Unit):
    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        return self.times(x, h, np.random.random())


class PythonNoise(Unit):
    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        return self.times(x, h, random.random())


@pytest.mark.parametrize("cell_type", [ForgetsItsMode, HidesADropout, NumpyNoise, PythonNoise])
def test_draws_in_evaluation_mode_are_told(cell_type: type) -> None:
    (message,) = checked(cell_type)
    assert message.startswith(
        f"cell {__name__}.{cell_type.__name__}: a step draws random numbers in evaluation mode, too"
    )


class SeedsItself(Unit):
    """Seeds NumPy itself, so that every member starts alike."""

    def prepare(self) -> None:
        np.random.seed(0)
        for parameter in self.map.parameters():
            parameter.data = torch.tensor(np.random.standard_normal(parameter.shape)).float()


def test_seeds_that_start_alike_are_told() -> None:
    (message,) = checked(SeedsItself)
    assert "two seeds start with the same parameters, so members differ in their data alone" in message


def checked(cell_type: Any) -> list[str]:
    return check_cell(lambda generator: cell_type(D, H, generator=generator), torch.device("cpu"))


def refusal(cell_type: Any) -> str:
    with pytest.raises(CellError) as caught:
        checked(cell_type)
    assert str(caught.value).startswith(f"cell {__name__}.{cell_type.__name__}: ")
    return inspect.cleandoc(str(caught.value))
