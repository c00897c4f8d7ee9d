"""The kernels of the ablated LSTM equal autograd over its own step, with the gradient of each state kept."""

from typing import get_args

import pytest
import torch
from problems import HERE, KERNELS, MAKERS, NAMES, NEEDS_COMPILER, Answer, Problem, Sizes, problem, same, solve, stack

from lstm_bench.cells.lstm_ablated import AblatedLSTMCell, Part
from lstm_bench.engine.kernel_dispatch import COMPILED, TORCH, kernel_of

CPU = torch.device("cpu")
PARTS = pytest.mark.parametrize("without", get_args(Part))
SIZES = pytest.mark.parametrize(
    "sizes",
    [
        Sizes(T=1, S=1, M=1, B=1, D=1, H=1),
        Sizes(T=17, S=1, M=2, B=2, D=2, H=3),
        Sizes(T=16, S=16, M=3, B=5, D=3, H=17),
        Sizes(T=9, S=4, M=2, B=13, D=1, H=33),
    ],
    ids=str,
)


def ablated_problem(without: str, sizes: Sizes, seed: int = 0) -> Problem:
    p = problem("lstm", sizes, seed)
    rows = len(AblatedLSTMCell(1, 1, without).blocks) * sizes.H
    return p._replace(weights={name: tensor[:, :rows].clone() for name, tensor in p.weights.items()})


def cell_for(without: str, p: Problem) -> AblatedLSTMCell:
    return AblatedLSTMCell(p.inputs.shape[-1], p.d_outputs.shape[-1], without).to(p.inputs.dtype)


def fresh(maker: str, without: str, p: Problem, steps: int | None = None) -> Answer:
    return solve(MAKERS[maker](cell_for(without, p)), p, steps)


def autograd_answer(without: str, p: Problem) -> Answer:
    return stack([_autograd_answer(without, p.member(m)) for m in range(p.inputs.shape[1])])


def _autograd_answer(without: str, p: Problem) -> Answer:
    cell = cell_for(without, p)
    cell.load_state_dict({name: tensor[0] for name, tensor in p.weights.items()})
    states, state = [], cell.initial_state(p.inputs.shape[2])
    for x in p.inputs[:, 0]:
        _, state = cell.step(x, state)
        for part in state:
            part.retain_grad()
        states.append(state)
    outputs = torch.stack([state.h for state in states])
    (outputs[len(outputs) - len(p.d_outputs) :] * p.d_outputs[:, 0]).sum().backward()
    norms = {part: torch.stack([getattr(state, part).grad.norm() for state in states]) for part in ("h", "c")}
    return Answer(outputs.detach(), {name: getattr(cell, name).grad for name in NAMES}, norms)


@PARTS
@SIZES
def test_every_kernel_equals_autograd_over_the_cell(without: str, sizes: Sizes) -> None:
    p = ablated_problem(without, sizes)
    expected = autograd_answer(without, p)
    for maker in HERE:
        ours = fresh(maker, without, p)
        assert set(ours.norms) == {"h", "c"}
        same(ours, expected, who=maker)


@NEEDS_COMPILER
@PARTS
@SIZES
def test_compiled_in_float32_equals_autograd_in_float64(without: str, sizes: Sizes) -> None:
    """To 1e-5 of the largest entry: of the same float32 numbers, so all that differs is rounding within."""
    halved = ablated_problem(without, sizes).to(torch.float32)
    gradients = fresh("compiled", without, halved).named()
    for name, expected in autograd_answer(without, halved.to(torch.float64)).named().items():
        assert (gradients[name].double() - expected).abs().max() <= 1e-5 * expected.abs().max(), name


@PARTS
@pytest.mark.parametrize("maker", ["compiled", "torch"])
def test_a_sequence_in_segments_gives_the_same_bits(without: str, maker: str) -> None:
    if maker not in HERE:
        pytest.skip("no compiler")
    p = ablated_problem(without, Sizes(T=19, S=10, M=2, B=3, D=2, H=5))
    cut, whole = fresh(maker, without, p, steps=8), fresh(maker, without, p)
    same(cut, whole, tolerance=0)


@PARTS
@KERNELS
def test_a_kernel_serves_one_batch_after_another(without: str, maker: str) -> None:
    p = ablated_problem(without, Sizes(T=9, S=4, M=2, B=3, D=2, H=4))
    kept = MAKERS[maker](cell_for(without, p))
    for seed in range(3):
        p = ablated_problem(without, Sizes(T=9, S=4, M=2, B=3, D=2, H=4), seed)
        same(solve(kept, p), fresh(maker, without, p), tolerance=0)


@KERNELS
def test_without_forget_gate_and_recurrent_weights_no_gradient_is_lost(maker: str) -> None:
    """The constant error carousel: dL/dc is the same at every step, to the last bit (Hochreiter & Schmidhuber 1997)."""
    p = ablated_problem("forget_gate", Sizes(T=20, S=1, M=2, B=3, D=2, H=4))
    p.weights["weight_hh"].zero_()
    norms = fresh(maker, "forget_gate", p).norms
    assert torch.equal(norms["c"], norms["c"][-1:].expand(20, 2))
    assert not norms["h"][:-1].any()


@NEEDS_COMPILER
@PARTS
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_which_kernel_is_taken(without: str, dtype: torch.dtype) -> None:
    cell = AblatedLSTMCell(2, 3, without).to(dtype)
    assert type(kernel_of(cell, CPU)) is COMPILED[AblatedLSTMCell]
    assert type(kernel_of(cell, CPU, "torch")) is TORCH[AblatedLSTMCell]
