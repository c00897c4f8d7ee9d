"""A sequence that is run in segments gives what it gives at once, and takes the memory of a segment."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from problems import (
    HERE,
    KERNELS,
    KINDS,
    WHOLE,
    Answer,
    Problem,
    Sizes,
    fresh,
    kernel_for,
    problem,
    same,
    solve,
    tape_bytes,
    torch_cell_answer,
)
from torch import Generator, Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from lstm_bench.cells.rnn import RNNCell
from lstm_bench.engine.generic import GenericKernel
from lstm_bench.engine.kernels.bptt import CHUNK
from lstm_bench.engine.unroll import Unroll, segment_lengths

SEGMENTS = (1, 5, 8, 16)
OWN = [maker for maker in HERE if maker in {"compiled", "torch"}]


@st.composite
def long_sizes(draw: Callable[..., Any]) -> Sizes:
    steps = draw(st.integers(1, 24))  # up to three of the products of weight gradients
    last = draw(st.one_of(st.just(1), st.just(steps), st.integers(1, steps)))
    return Sizes(steps, last, *(draw(st.integers(1, most)) for most in (3, 5, 3, 9)))


# --- cuts ---


@given(steps=st.integers(1, 500), most=st.integers(0, 600))
def test_segments_cover_all_steps_within_the_memory_and_are_as_few_as_can_be(steps: int, most: int) -> None:
    lengths = segment_lengths(steps, most)
    allowed = most if steps <= most or most < CHUNK else most - most % CHUNK
    assert sum(lengths) == steps
    assert min(lengths) >= 1
    assert max(lengths) <= max(1, most)
    assert len(lengths) == -(-steps // max(1, allowed))
    assert most < CHUNK or all(length % CHUNK == 0 for length in lengths[1:])


@KINDS
@given(sizes=long_sizes())
def test_segments_change_nothing(kind: str, sizes: Sizes) -> None:
    """Bit by bit where the cuts lie at the ends of weight-gradient products, else but for the order of sums."""
    p = problem(kind, sizes)
    for maker in HERE:
        whole = fresh(maker, kind, p)
        for steps in SEGMENTS if maker in OWN else (5,):
            exact = maker == "compiled" and steps % CHUNK == 0
            same(fresh(maker, kind, p, steps), whole, tolerance=0 if exact else 1e-10, who=f"{maker} {steps}")


@KINDS
@KERNELS
@pytest.mark.parametrize("S", [1, 7, 8, 9, 12, 21])
def test_a_loss_window_may_span_a_cut(kind: str, maker: str, S: int) -> None:
    """Segments of 5, 8 and 8 steps: windows within the last, up to its start, across it, and of all steps."""
    p = problem(kind, Sizes(T=21, S=S, M=2, B=2, D=2, H=3))
    same(fresh(maker, kind, p, steps=8), torch_cell_answer(kind, p), who=maker)


@KINDS
@KERNELS
@settings(max_examples=10)
@given(sizes=long_sizes())
def test_the_last_outputs_are_those_of_the_whole_pass(kind: str, maker: str, sizes: Sizes) -> None:
    p = problem(kind, sizes)
    kernel = kernel_for(maker, kind, p)
    expected = solve(kernel, p).outputs[sizes.T - sizes.S :]
    for steps in (WHOLE, 8):
        unroll = Unroll(kernel, tape_bytes(kernel, p, steps))
        for run in (unroll.forward, unroll.last_outputs):
            torch.testing.assert_close(run(p.weights, p.inputs, sizes.S), expected, rtol=1e-12, atol=1e-12)


@KERNELS
def test_each_segment_but_the_last_is_run_twice(maker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    p = problem("lstm", Sizes(T=21, S=1, M=1, B=1, D=1, H=1))
    kernel, ran = kernel_for(maker, "lstm", p), []
    forward = kernel.forward

    def watched(inputs: Tensor, state: Any) -> Any:
        ran.append(len(inputs))
        return forward(inputs, state)

    monkeypatch.setattr(kernel, "forward", watched)
    solve(kernel, p, steps=8)
    assert ran == [5, 8, 8, 8, 5]


@KERNELS
def test_an_unroll_serves_one_batch_after_another(maker: str) -> None:
    """Training goes on after an evaluation between, and after a batch that was cut otherwise."""
    first, other = (problem("gru", Sizes(T, 3, 2, 2, 2, 3), seed=T) for T in (21, 6))
    kernel = kernel_for(maker, "gru", first)
    unroll = Unroll(kernel, tape_bytes(kernel, first, 8))
    for p in (first, other, first):
        outputs = unroll.forward(p.weights, p.inputs, len(p.inputs)).clone()
        answer = Answer(outputs, *unroll.backward(p.d_outputs, with_norms=True))
        same(answer, fresh(maker, "gru", p, steps=8), tolerance=0)
        unroll.last_outputs(other.weights, other.inputs, 2)


# --- a state that is learnt ---


class LearnsItsStart(RNNCell):
    """Starts from a parameter."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.start = nn.Parameter(torch.linspace(-1, 1, hidden_size))

    def initial_state(self, batch_size: int) -> Tensor:
        return self.start.tanh().expand(batch_size, -1)


def plain_gradients(cell: nn.Module, inputs: Tensor, d_outputs: Tensor) -> dict[str, Tensor]:
    """Return the gradients by autograd over a plain loop."""
    state, outputs = cell.initial_state(inputs.shape[1]), []
    for x in inputs:
        output, state = cell.step(x, state)
        outputs.append(output)
    (torch.stack(outputs[len(outputs) - len(d_outputs) :]) * d_outputs).sum().backward()
    return {name: parameter.grad for name, parameter in cell.named_parameters()}


@pytest.mark.parametrize("batched", [False, True])
@pytest.mark.parametrize("steps", [*SEGMENTS, 100])
def test_a_learned_start_gets_its_gradient_through_all_segments(batched: bool, steps: int) -> None:
    cell, stream = LearnsItsStart(2, 4).double(), Generator().manual_seed(0)
    x, d_outputs = (torch.randn(n, 2, 3, f, generator=stream, dtype=torch.float64) for n, f in ((19, 2), (3, 4)))
    weights = {n: torch.stack([t.detach(), 0.8 * t.detach()]) for n, t in cell.named_parameters()}
    gradients = solve(GenericKernel(cell, batched), Problem(weights, x, d_outputs), steps).gradients
    for m in range(2):
        member = LearnsItsStart(2, 4).double()
        member.load_state_dict({name: tensor[m] for name, tensor in weights.items()})
        expected = plain_gradients(member, x[:, m], d_outputs[:, m])
        assert expected["start"].abs().min() > 0
        for name, gradient in expected.items():
            torch.testing.assert_close(gradients[name][m], gradient, rtol=1e-10, atol=1e-10)


# --- memory ---


def tensors_in(thing: Any) -> Iterator[Tensor]:
    if isinstance(thing, Tensor):
        yield thing
    elif isinstance(thing, dict):
        yield from (tensor for value in thing.values() for tensor in tensors_in(value))
    elif isinstance(thing, (list, tuple)):
        yield from (tensor for value in thing for tensor in tensors_in(value))
    elif type(thing).__module__.startswith("lstm_bench.engine"):
        yield from tensors_in(vars(thing))


def held_bytes(*things: Any) -> int:
    """Return the bytes of all tensors that these things hold, each storage once."""
    storages = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors_in(list(things))}
    return sum(storages.values())


def bytes_after(maker: str, kind: str, p: Problem, steps: int | None = None) -> int:
    kernel = kernel_for(maker, kind, p)
    solve(kernel, p, steps)
    return held_bytes(kernel)


@KINDS
@pytest.mark.parametrize("maker", OWN)
@pytest.mark.parametrize("sizes", [Sizes(10, 1, 3, 5, 2, 7), Sizes(1, 1, 1, 1, 10, 33), Sizes(9, 9, 2, 4, 1, 32)])
def test_a_tape_takes_what_is_said_a_step(kind: str, maker: str, sizes: Sizes) -> None:
    shorter, longer = (problem(kind, sizes._replace(T=steps)) for steps in (sizes.T, sizes.T + 100))
    said = kernel_for(maker, kind, shorter).bytes_per_step(shorter.inputs)
    assert bytes_after(maker, kind, longer) - bytes_after(maker, kind, shorter) == 100 * sizes.M * said


def saved_bytes(kernel: GenericKernel, p: Problem) -> int:
    """Return what autograd saves in a forward pass, with the states and outputs that are kept beside it."""
    saved: list[Tensor] = []

    def note(tensor: Tensor) -> Tensor:
        saved.append(tensor)
        return tensor

    with saved_tensors_hooks(note, lambda tensor: tensor):
        kernel.forward(p.inputs, kernel.start(p.weights, p.inputs.shape[2]))
    graphs = [(graph.outputs, graph.states) for graph in kernel._graphs]
    return held_bytes(saved, graphs)


@KINDS
@pytest.mark.parametrize("maker", ["batched", "by member"])
def test_autograd_saves_about_what_is_said_a_step(kind: str, maker: str) -> None:
    """Measured on one step of one member; vmap keeps more or less of it, so within a factor of 3."""
    shorter, longer = (problem(kind, Sizes(T, 1, 3, 8, 2, 16)) for T in (10, 110))
    kernel = kernel_for(maker, kind, shorter)
    grown = saved_bytes(kernel, longer) - saved_bytes(kernel, shorter)
    said = 100 * 3 * kernel.bytes_per_step(shorter.inputs)
    assert said / 3 < grown < 3 * said


@KINDS
@pytest.mark.parametrize("maker", OWN)
def test_segments_take_the_memory_of_one(kind: str, maker: str) -> None:
    long, short = (problem(kind, Sizes(T, 1, 2, 3, 2, 9)) for T in (40, 8))
    assert bytes_after(maker, kind, long, steps=8) == bytes_after(maker, kind, short)


class NoisyCell(RNNCell):
    """Drops units at random, from the global generator."""

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        h, _ = super().step(x, state)
        h = h * torch.bernoulli(torch.full_like(h, 0.7))
        return h, h


def test_a_segment_that_is_run_again_draws_the_same_random_numbers() -> None:
    cell = NoisyCell(2, 5, generator=Generator().manual_seed(0)).double()
    weights = {name: parameter.detach().unsqueeze(0) for name, parameter in cell.named_parameters()}
    inputs = torch.randn(12, 1, 3, 2, dtype=torch.float64, generator=Generator().manual_seed(1))
    by_cut = []
    for bytes_kept in (2**30, 1):
        unroll = Unroll(GenericKernel(cell), bytes_kept)
        torch.manual_seed(7)
        outputs = unroll.forward(weights, inputs, 12)
        after = torch.rand(1)
        gradients, _ = unroll.backward(torch.ones_like(outputs), with_norms=False)
        by_cut.append([outputs, after, *gradients.values()])
    for whole, cut in zip(*by_cut, strict=True):
        torch.testing.assert_close(cut, whole, rtol=1e-12, atol=1e-12)
