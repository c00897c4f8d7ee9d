"""A kernel that is generated from a cell's step gives autograd's numbers, and is not taken where it would not."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from problems import NEEDS_COMPILER
from torch import Generator, Tensor, nn
from torch.nn.functional import dropout, layer_norm, linear, softplus
from torch.nn.utils.parametrizations import weight_norm

from lstm_bench.cells.gated_delta import GatedDeltaCell
from lstm_bench.cells.lru import LRUCell
from lstm_bench.cells.lstm import LSTMCell
from lstm_bench.cells.zoo import ZooCell
from lstm_bench.cells.zoo_catalogue import CATALOGUE
from lstm_bench.engine.compiled import build
from lstm_bench.engine.generated import generating
from lstm_bench.engine.generated.generating import generate
from lstm_bench.engine.generated.kernel import GeneratedKernel
from lstm_bench.engine.generated.trial import why_not_generated
from lstm_bench.engine.generic import GenericKernel, named_tensors
from lstm_bench.engine.kernel_dispatch import kernel_name, kernel_of
from lstm_bench.engine.model import make_model
from lstm_bench.engine.population import Population
from lstm_bench.engine.unroll import Unroll
from lstm_bench.tasks.contract import Batch
from lstm_bench.tasks.copy import CopyTask

CPU = torch.device("cpu")
D, H = 3, 7  # no multiple of any vector
WHOLE = 2**30
SECONDS_SAVED = ("-O1", *(flag for flag in build.FLAGS if not flag.startswith("-O")))


@pytest.fixture(autouse=True, scope="module")
def quick_builds() -> Any:
    """Build with few optimisations, which takes half of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "FLAGS", SECONDS_SAVED)
        build.generated_library.cache_clear()
        yield
    build.generated_library.cache_clear()


class Tanh(nn.Module):
    """h' = tanh(W x + U h + b)."""

    def __init__(self, input_size: int, hidden_size: int, *, generator: Generator | None = None) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        for name, shape in {
            "w": (hidden_size, input_size),
            "u": (hidden_size, hidden_size),
            "b": (hidden_size,),
        }.items():
            start = torch.empty(shape).uniform_(-0.6, 0.6, generator=generator)
            self.register_parameter(name, nn.Parameter(start))

    def initial_state(self, batch_size: int) -> Any:
        return self.u.new_zeros(batch_size, self.hidden_size)

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        h = self.between(torch.tanh(linear(x, self.w, self.b) + linear(state, self.u)))
        return h, h

    def between(self, h: Tensor) -> Tensor:
        return h


class Pair(NamedTuple):
    """Two parts; no parameter touches the second."""

    h: Tensor
    last: Tensor


class Mixed(Tanh):
    """Norm, concatenation, slices, a learnt start, a constant of its own, and an output that is not its state."""

    def __init__(self, input_size: int, hidden_size: int, *, generator: Generator | None = None) -> None:
        super().__init__(input_size, hidden_size, generator=generator)
        self.start = nn.Parameter(torch.linspace(-1, 1, hidden_size))
        self.leak = nn.Parameter(torch.tensor(0.3))
        self.register_buffer("mask", torch.arange(hidden_size) % 3 != 0)

    def initial_state(self, batch_size: int) -> Any:
        return Pair(self.start.tanh().expand(batch_size, -1), self.u.new_zeros(batch_size, self.input_size))

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        normed = layer_norm(state.h, (self.hidden_size,))
        rolled = torch.cat((normed[:, 2:], normed[:, :2].exp().clamp(max=1.5)), dim=1)
        h = torch.tanh(linear(x - state.last, self.w, self.b) + rolled @ self.u.T)
        h = torch.lerp(state.h, h, torch.sigmoid(self.leak))
        h = torch.where(self.mask, h, h.abs().sqrt().mean(1, keepdim=True) / (1 + h**2))
        return softplus(h) * torch.softmax(h, dim=1), Pair(h, x)


class Writing(Tanh):
    """Writes in place into what its step has made."""

    def between(self, h: Tensor) -> Tensor:
        h = h * 1.0
        h += 0.1
        return h.mul_(0.9)


class WeightNormed(Tanh):
    """U is a function of other weights."""

    def __init__(self, input_size: int, hidden_size: int, *, generator: Generator | None = None) -> None:
        super().__init__(input_size, hidden_size, generator=generator)
        weight_norm(self, "u")


class Frozen(Tanh):
    def __init__(self, input_size: int, hidden_size: int, *, generator: Generator | None = None) -> None:
        super().__init__(input_size, hidden_size, generator=generator)
        self.u.requires_grad_(False)


class Stock(Tanh):
    def __init__(self, input_size: int, hidden_size: int, *, generator: Generator | None = None) -> None:
        super().__init__(input_size, hidden_size, generator=generator)
        self.inner = nn.GRUCell(input_size, hidden_size)

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        h = self.inner(x, state)
        return linear(h, self.u) + linear(x, self.w, self.b), h


class Dropped(Tanh):
    def between(self, h: Tensor) -> Tensor:
        return dropout(h, 0.5, self.training)


class Branching(Tanh):
    def between(self, h: Tensor) -> Tensor:
        return h if h.sum() > 0 else 0.5 * h


class Averaging(Tanh):
    """Divides by the size of the batch, as a number of Python."""

    def between(self, h: Tensor) -> Tensor:
        return h / len(h)


class Running(Tanh):
    """Keeps a mean in a buffer."""

    def __init__(self, input_size: int, hidden_size: int, *, generator: Generator | None = None) -> None:
        super().__init__(input_size, hidden_size, generator=generator)
        self.register_buffer("mean", torch.zeros(hidden_size))

    def between(self, h: Tensor) -> Tensor:
        if self.training:
            self.mean.mul_(0.9).add_(0.1 * h.detach().mean(0))
        return h - self.mean


class Counting(Tanh):
    """Counts its steps, in whole numbers."""

    def initial_state(self, batch_size: int) -> Any:
        return super().initial_state(batch_size), torch.zeros(batch_size, 1, dtype=torch.long)

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        h = super().step(x, state[0])[0]
        return h, (h, state[1] + 1)


class RandomStart(Tanh):
    def initial_state(self, batch_size: int) -> Any:
        return torch.randn(batch_size, self.hidden_size)


def zoo(name: str) -> Callable[..., ZooCell]:
    pytest.importorskip("torchrecurrent")
    return lambda *sizes, generator: ZooCell(*sizes, name, generator=generator)  # type: ignore[arg-type]


class Joined(Tanh):
    """The same with one product for x and h side by side."""

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        h = torch.tanh(torch.cat((x, h), dim=1) @ torch.cat((self.w, self.u), dim=1).T + self.b)
        return h, h


class Clocked(Tanh):
    """A unit changes every first, second or third step, as in a clockwork RNN; half steps are rounded either way."""

    def __init__(self, input_size: int, hidden_size: int, *, generator: Generator | None = None) -> None:
        super().__init__(input_size, hidden_size, generator=generator)
        self.register_buffer("period", 1.0 + torch.arange(hidden_size) % 3)

    def initial_state(self, batch_size: int) -> Any:
        return super().initial_state(batch_size), self.u.new_full((batch_size, 1), -2.5)

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        h, time = state
        ticks = torch.remainder(time.floor() - time.ceil() + time + 0.5, self.period) == 0
        h = torch.where(ticks, super().step(x, h)[0], h)
        return h, (h, time + 0.5)


OWN = {
    kind.__name__: kind for kind in (Tanh, Joined, Mixed, Writing, WeightNormed, Frozen, Stock, Clocked, GatedDeltaCell)
}
ZOO = ("mgu", "lem", "indrnn", "taugru", "unicornn")


def drawn(name: str, dtype: torch.dtype = torch.float64, hidden: int = H) -> Any:
    torch.manual_seed(3)  # for torch.nn.GRUCell, which knows no generator
    make = OWN[name] if name in OWN else zoo(name)
    return make(D, hidden, generator=Generator().manual_seed(1)).to(dtype)


class Answers(NamedTuple):
    """All that a kernel returns."""

    outputs: Tensor
    gradients: dict[str, Tensor]
    norms: dict[str, Tensor]


def solved(
    kernel: Any, cell: Any, steps: int = 9, members: int = 2, batch: int = 5, last: int = 4, cut: int = 0
) -> Answers:
    """Run members whose weights differ a little, in segments of `cut` steps if that is not 0."""
    dtype, stream = next(cell.parameters()).dtype, Generator().manual_seed(2)
    inputs = torch.randn(steps, members, batch, D, generator=stream, dtype=torch.float64).to(dtype)
    d_outputs = torch.randn(last, members, batch, cell.hidden_size, generator=stream, dtype=torch.float64).to(dtype)
    factors = [1 + 0.03 * m for m in range(members)]
    weights = {
        name: torch.stack([t.detach() * f if t.is_floating_point() else t for f in factors])
        for name, t in named_tensors(cell).items()
    }
    unroll = Unroll(kernel, kernel.bytes_per_step(inputs) * members * cut if cut else WHOLE)
    outputs = unroll.forward(weights, inputs, steps).clone()
    return Answers(outputs, *unroll.backward(d_outputs, with_norms=True))


def assert_alike(ours: Answers, theirs: Answers, tolerance: float) -> None:
    """Assert that two answers agree to a tolerance relative to the largest entry of each tensor."""
    assert ours.gradients.keys() == theirs.gradients.keys()
    assert ours.norms.keys() == theirs.norms.keys()
    pairs = [(ours.outputs, theirs.outputs)]
    pairs += [(ours.gradients[name], theirs.gradients[name]) for name in theirs.gradients]
    pairs += [(ours.norms[part], theirs.norms[part]) for part in theirs.norms]
    for mine, expected in pairs:
        assert mine.shape == expected.shape
        assert (mine - expected).abs().max() <= tolerance * expected.abs().max()


# --- the numbers of autograd ---


@NEEDS_COMPILER
@pytest.mark.parametrize("name", [*OWN, *ZOO])
def test_in_float64_all_that_comes_back_is_what_autograd_returns(name: str) -> None:
    cell = drawn(name)
    expected = solved(GenericKernel(cell, batched=False), cell)
    assert all(gradient.any() for key, gradient in expected.gradients.items())
    kernel = GeneratedKernel(cell)
    for cut in (0, 4):
        assert_alike(solved(kernel, cell, cut=cut), expected, 1e-10)


@NEEDS_COMPILER
@pytest.mark.parametrize("name", ["Tanh", "lem"])
def test_in_float32_it_is_the_same_but_for_rounding(name: str) -> None:
    cell = drawn(name, torch.float32)
    assert_alike(solved(GeneratedKernel(cell), cell), solved(GenericKernel(cell, batched=False), cell), 1e-5)


@NEEDS_COMPILER
@pytest.mark.parametrize(("steps", "members", "batch", "last"), [(1, 1, 1, 1), (17, 3, 11, 17), (8, 1, 40, 1)])
def test_one_program_runs_any_number_of_steps_members_and_sequences(
    steps: int, members: int, batch: int, last: int
) -> None:
    cell = drawn("Mixed")
    ours, theirs = (solved(k, cell, steps, members, batch, last) for k in (GeneratedKernel(cell), GenericKernel(cell)))
    assert_alike(ours, theirs, 1e-10)


@NEEDS_COMPILER
@pytest.mark.parametrize("hidden", [1, 16, 33])
def test_any_width_is_right(hidden: int) -> None:
    cell = drawn("Tanh", hidden=hidden)
    assert_alike(solved(GeneratedKernel(cell), cell), solved(GenericKernel(cell, batched=False), cell), 1e-10)


@NEEDS_COMPILER
@pytest.mark.parametrize("hidden", [prime * n - D for prime in (11, 13) for n in (1, 4)])
def test_a_size_that_is_a_sum_of_others_is_not_taken_for_the_batch(hidden: int) -> None:
    cell = drawn("Joined", hidden=hidden)
    assert (D + hidden) % generate(cell, training=True).step.batch != 0
    assert_alike(solved(GeneratedKernel(cell), cell), solved(GenericKernel(cell, batched=False), cell), 1e-10)


@NEEDS_COMPILER
def test_bits_are_the_same_from_run_to_run_and_for_a_member_alone() -> None:
    cell = drawn("Mixed", torch.float32)
    kernel = GeneratedKernel(cell)
    first, again, fresh = solved(kernel, cell), solved(kernel, cell), solved(GeneratedKernel(cell), cell)
    for other in (again, fresh):
        assert torch.equal(first.outputs, other.outputs)
        assert all(torch.equal(first.gradients[name], other.gradients[name]) for name in first.gradients)
    weights = {name: t.detach().unsqueeze(0) for name, t in named_tensors(cell).items()}
    pair = {name: torch.cat([t, 0.5 * t if t.is_floating_point() else t]) for name, t in weights.items()}
    x = torch.randn(6, 2, 5, D, generator=Generator().manual_seed(4))
    alone = kernel.forward(x[:, :1], kernel.start(weights, 5))[0].clone()
    assert torch.equal(kernel.forward(x, kernel.start(pair, 5))[0][:, :1], alone)


@NEEDS_COMPILER
def test_training_goes_on_from_a_saved_state_with_the_same_bits() -> None:
    task = CopyTask(lag=2, n_symbols=1)
    models = [
        make_model(task, lambda g: Tanh(task.input_size, H, generator=g), Generator().manual_seed(m)) for m in (0, 1)
    ]

    def population() -> Population:
        return Population(task, models, [1e-2, 1e-3], CPU)

    def train(trained: Population, steps: range) -> Tensor:
        for step in steps:
            draws = [task.sample(4, Generator().manual_seed(10 * step + m)) for m in (0, 1)]
            inputs, targets = (torch.stack([getattr(d, part) for d in draws], 1) for part in ("inputs", "targets"))
            trained.compute_gradients(Batch(inputs, targets))
            trained.update(clip=1.0)
        return trained.weights

    whole, first, second = population(), population(), population()
    assert isinstance(whole._training.kernel, GeneratedKernel)
    train(first, range(3))
    second.load(first.state())
    assert torch.equal(train(second, range(3, 6)), train(whole, range(6)))


# --- where it is taken ---


@NEEDS_COMPILER
@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (Dropped, "step draws from torch's global generator"),
        (Branching, "value out of a tracing tensor"),
        (Averaging, "autograd give different numbers"),
        (Running, "writes in place"),
        (Counting, "int64"),
        (RandomStart, "initial_state draws"),
        (LRUCell, "complex"),
    ],
)
def test_a_cell_that_it_would_not_be_exact_for_is_run_by_autograd(kind: type, reason: str) -> None:
    cell = kind(D, H, generator=Generator().manual_seed(0))
    assert reason in (why_not_generated(cell) or "")
    assert type(kernel_of(cell, CPU)) is GenericKernel
    assert kernel_name(cell, CPU) == GenericKernel.name


@NEEDS_COMPILER
def test_each_mode_has_a_kernel_of_its_own() -> None:
    cell = Dropped(D, H, generator=Generator().manual_seed(0))
    assert type(kernel_of(cell, CPU, training=True)) is GenericKernel
    evaluation = kernel_of(cell, CPU, training=False)
    assert type(evaluation) is GeneratedKernel
    assert_alike(solved(evaluation, cell), solved(GenericKernel(cell, False, training=False), cell), 1e-5)


@NEEDS_COMPILER
def test_it_is_taken_where_kernels_are_chosen_automatically_and_nowhere_else() -> None:
    cell = drawn("Tanh")
    assert type(kernel_of(cell, CPU)) is GeneratedKernel
    assert {type(kernel_of(cell, CPU, choice)) for choice in ("torch", "autograd")} == {GenericKernel}
    assert kernel_name(LSTMCell(2, 3), CPU) == "compiled BPTT"
    with torch.device("meta"):
        assert kernel_name(Tanh(D, H), CPU) == GeneratedKernel.name
        assert kernel_name(Dropped(D, H), CPU) == GenericKernel.name


def test_without_a_compiler_autograd_runs_the_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    for cached in (build.library, build.generated_library):
        cached.cache_clear()
    cell = drawn("Tanh")
    assert why_not_generated(cell) == "no C compiler found (CC=no-such-compiler)"
    assert type(kernel_of(cell, CPU)) is GenericKernel


def test_cells_that_step_alike_are_traced_once(monkeypatch: pytest.MonkeyPatch) -> None:
    traced = []
    trace = generating.trace_step
    monkeypatch.setattr(generating, "_known", type(generating._known)())
    monkeypatch.setattr(generating, "trace_step", lambda cell, training: traced.append(cell) or trace(cell, training))
    same = [Tanh(D, H), Tanh(D, H)]
    other = Tanh(D, H)
    other.setting = 2
    for cell in (*same, other, Tanh(D, H + 1), Frozen(D, H)):
        generate(cell, True)
    generate(same[0], False)
    assert len(traced) == 5
    assert traced[0] is same[0]


def test_every_cell_of_the_library_has_a_program() -> None:
    """Translated, not built: that would take a minute."""
    pytest.importorskip("torchrecurrent")
    refused = set()
    for name in CATALOGUE:
        try:
            generate(ZooCell(D, H, name, generator=Generator().manual_seed(0)), True)
        except generating.CannotGenerateError:
            refused.add(name)
    assert refused == set()


# --- memory ---


@NEEDS_COMPILER
def test_a_tape_grows_by_what_is_said_a_step() -> None:
    cell = drawn("lem")
    kernel, shorter, longer = GeneratedKernel(cell), 10, 110
    held = []
    for steps in (shorter, longer):
        solved(kernel, cell, steps=steps, last=1)
        held.append(sum(t.nbytes for t in kernel._buffers.values()))
    said = kernel.bytes_per_step(torch.zeros(1, 1, 5, D, dtype=torch.float64))
    assert held[1] - held[0] == (longer - shorter) * 2 * said
