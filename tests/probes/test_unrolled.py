"""The unroll under gradient_flow, jacobian and lyapunov, against central differences of the cell itself."""

from typing import Any

import pytest
import torch
from known_cells import PairCell, every_cell, generator, normal, parts_of, run
from torch import Tensor

from lstm_bench.cells.contract import State, state_like, state_parts
from lstm_bench.engine.double_precision import in_float64
from lstm_bench.probes.contract import ProbeError
from lstm_bench.probes.unrolled import flat, pull_back, split, states, unroll

D, H, B, T = 3, 5, 2, 6
DIFFERENCE = 1e-6
MAKERS = {**every_cell(), "PairCell": PairCell}
CELLS = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


def slope(cell: Any, x: Tensor, v: Tensor, state: State) -> Tensor:
    """Return d(v . output_T)/d s of each example by central differences [B, S], all of them in one batch."""
    whole = flat(dict(state_parts(state)))
    S = whole.shape[1]
    moves = DIFFERENCE * torch.cat([torch.eye(S), -torch.eye(S)]).double()
    moved = (whole.unsqueeze(1) + moves).flatten(0, 1)  # [B 2S, S]
    parts = split(moved, {name: part.repeat_interleave(2 * S, dim=0) for name, part in state_parts(state).items()})
    outputs, _ = run(cell, x.repeat_interleave(2 * S, dim=1), state_like(state, parts))
    plus, minus = (outputs[-1] * v.repeat_interleave(2 * S, dim=0)).sum(dim=1).view(B, 2, S).unbind(dim=1)
    return (plus - minus) / (2 * DIFFERENCE)


@CELLS
def test_the_gradient_that_is_pulled_back_equals_central_differences(make):
    cell, x, v = in_float64(make(D, H, generator=generator())), normal(T, B, D), normal(B, H, seed=1)
    steps = unroll("test", cell, x)
    gradients = {name: torch.zeros_like(part) for name, part in steps[-1].left.items()}
    for k, step in enumerate(reversed(steps), start=1):
        gradients = pull_back(step, gradients, v if k == 1 else None)
        before = run(cell, x[: T - k])[1] if k < T else cell.initial_state(B)
        torch.testing.assert_close(flat(gradients), slope(cell, x[T - k :], v, before), rtol=1e-6, atol=1e-6)
    assert flat(gradients).abs().max() > 1e-5


@CELLS
def test_an_unroll_steps_as_the_cell_does(make):
    cell, x = in_float64(make(D, H, generator=generator())), normal(T, B, D)
    outputs, last = run(cell, x)
    steps = unroll("test", cell, x)
    assert torch.equal(torch.stack([step.output for step in steps]), outputs)
    assert all(map(torch.equal, steps[-1].left.values(), parts_of(last)))
    assert all(map(torch.equal, parts_of(states(cell, x)[-1]), parts_of(last)))
    further = unroll("test", cell, x, last)
    assert torch.equal(further[-1].output, run(cell, torch.cat([x, x]))[0][-1])


def test_a_cell_is_copied_into_float64_and_stays_as_it_is():
    cell = PairCell(D, H, generator=generator())
    copied: Any = in_float64(cell)
    assert {(p.dtype, p.requires_grad) for p in cell.parameters()} == {(torch.float32, True)}
    assert {(p.dtype, p.requires_grad) for p in copied.parameters()} == {(torch.float64, False)}
    assert torch.equal(copied.fast.float(), cell.fast)


def test_a_whole_state_is_cut_where_it_was_joined():
    parts = {"a": normal(4, 3), "b": normal(4, 2, 2, seed=1), "c": normal(4, 1, seed=2)}
    assert flat(parts).shape == (4, 8)
    again = split(flat(parts), parts)
    assert list(again) == ["a", "b", "c"]
    assert all(torch.equal(again[name], part) for name, part in parts.items())


def test_a_state_that_leaves_the_numbers_is_named():
    cell = in_float64(PairCell(D, H, generator=generator()))
    with pytest.raises(ProbeError, match=r"^here: part s0 of the last state is not finite: allowed: finite numbers$"):
        unroll("here", cell, torch.full((2, 1, D), torch.nan, dtype=torch.float64))
