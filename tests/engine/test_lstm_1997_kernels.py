"""The kernels of the first LSTM equal autograd over its own step, with the gradient of each state kept."""

from typing import NamedTuple

import pytest
import torch
from problems import HERE, MAKERS, NEEDS_COMPILER, WHOLE, Answer, same
from torch import Generator, Tensor

from lstm_bench.cells.lstm_1997 import OriginalLSTMCell
from lstm_bench.engine.unroll import Unroll

NAMES = ("weight_ih", "weight_hh", "bias")


class Sizes(NamedTuple):
    """T steps of which the loss reads the last S, M members, B sequences, D features, H cells in blocks of some."""

    T: int
    S: int
    M: int
    B: int
    D: int
    H: int
    block: int


SIZES = pytest.mark.parametrize(
    "sizes",
    [
        Sizes(T=1, S=1, M=1, B=1, D=1, H=1, block=2),
        Sizes(T=17, S=1, M=2, B=2, D=2, H=4, block=2),
        Sizes(T=16, S=16, M=3, B=5, D=3, H=17, block=3),
        Sizes(T=9, S=4, M=2, B=13, D=8, H=6, block=1),
    ],
    ids=str,
)


def cells_of(sizes: Sizes, dtype: torch.dtype) -> list[OriginalLSTMCell]:
    """Return members with weights large enough for every nonlinearity to bend."""
    made = []
    for m in range(sizes.M):
        cell = OriginalLSTMCell(sizes.D, sizes.H, sizes.block, generator=Generator().manual_seed(m)).to(dtype)
        with torch.no_grad():
            for parameter in cell.parameters():
                parameter.mul_(8)
            cell.bias.clamp_(-2, 2)
        made.append(cell)
    return made


def data_of(sizes: Sizes, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    stream = Generator().manual_seed(7)
    inputs = torch.randn(sizes.T, sizes.M, sizes.B, sizes.D, generator=stream, dtype=torch.float64)
    d_outputs = torch.randn(sizes.S, sizes.M, sizes.B, sizes.H, generator=stream, dtype=torch.float64)
    return inputs.to(dtype), d_outputs.to(dtype)


def by_autograd(sizes: Sizes, dtype: torch.dtype = torch.float64) -> Answer:
    inputs, d_outputs = data_of(sizes, dtype)
    answers = []
    for m, cell in enumerate(cells_of(sizes, dtype)):
        states, outputs, state = [], [], cell.initial_state(sizes.B)
        for x in inputs[:, m]:
            output, state = cell.step(x, state)
            for part in state:
                part.retain_grad()
            states.append(state)
            outputs.append(output)
        (torch.stack(outputs)[sizes.T - sizes.S :] * d_outputs[:, m]).sum().backward()
        norms = {part: torch.stack([getattr(state, part).grad.norm() for state in states]) for part in ("h", "c")}
        gradients = {name: getattr(cell, name).grad for name in NAMES}
        answers.append((torch.stack(outputs).detach(), gradients, norms))
    outputs_of, gradients_of, norms_of = zip(*answers, strict=True)
    return Answer(
        torch.stack(outputs_of, dim=1),
        {name: torch.stack([gradients[name] for gradients in gradients_of]) for name in NAMES},
        {part: torch.stack([norms[part] for norms in norms_of], dim=1) for part in ("h", "c")},
    )


def by_kernel(maker: str, sizes: Sizes, dtype: torch.dtype = torch.float64, tape_steps: int | None = None) -> Answer:
    inputs, d_outputs = data_of(sizes, dtype)
    cells = cells_of(sizes, dtype)
    kernel = MAKERS[maker](cells[0])
    tape = WHOLE if tape_steps is None else tape_steps * kernel.bytes_per_step(inputs) * sizes.M
    unroll = Unroll(kernel, tape)
    weights = {name: torch.stack([getattr(cell, name).detach() for cell in cells]) for name in NAMES}
    outputs = unroll.last_outputs(weights, inputs, sizes.T)
    last = unroll.forward(weights, inputs, sizes.S)
    torch.testing.assert_close(last, outputs[sizes.T - sizes.S :], rtol=0, atol=0)
    gradients, norms = unroll.backward(d_outputs, True)
    return Answer(outputs, gradients, norms)


@SIZES
def test_every_kernel_equals_autograd_over_the_cell(sizes: Sizes) -> None:
    expected = by_autograd(sizes)
    for maker in HERE:
        answer = by_kernel(maker, sizes)
        assert set(answer.norms) == {"h", "c"} and set(answer.gradients) == set(NAMES)
        same(answer, expected, who=maker)


@NEEDS_COMPILER
@SIZES
def test_compiled_in_float32_equals_autograd_in_float64(sizes: Sizes) -> None:
    """To 1e-5 of the largest entry."""
    answer = by_kernel("compiled", sizes, torch.float32).named()
    for name, expected in by_autograd(sizes).named().items():
        assert (answer[name].double() - expected).abs().max() <= 1e-5 * expected.abs().max(), name


@pytest.mark.parametrize("maker", [name for name in HERE if name in ("compiled", "torch")])
def test_segments_give_the_same_bits(maker: str) -> None:
    sizes = Sizes(T=40, S=3, M=2, B=4, D=2, H=5, block=2)
    whole, cut = by_kernel(maker, sizes), by_kernel(maker, sizes, tape_steps=8)
    for name, value in whole.named().items():
        assert torch.equal(cut.named()[name], value), name


def test_over_a_thousand_steps_what_a_gate_unit_says_is_still_its_gate() -> None:
    """The state that stands for it stays at its start, so neither its value nor its gradient drifts."""
    sizes = Sizes(T=1000, S=1, M=1, B=2, D=2, H=2, block=2)
    expected = by_autograd(sizes)
    for maker in [name for name in HERE if name in ("compiled", "torch")]:
        same(by_kernel(maker, sizes), expected, who=maker)
