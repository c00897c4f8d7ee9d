"""The fused kernels equal autograd: torch.nn's own cells, torch.nn's own layers, and the generic unroll."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import Generator, Tensor, nn

from lstm_bench.cells.lstm import LSTMCell
from lstm_bench.cells.rnn import RNNCell
from lstm_bench.engine.generic_unroll import GenericUnroll
from lstm_bench.engine.lstm_bptt import LSTMUnroll
from lstm_bench.engine.rnn_bptt import RNNUnroll
from lstm_bench.engine.unroll import FUSED, unroll_of

NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
GATES = {"tanh": 1, "relu": 1, "lstm": 4}
KINDS = pytest.mark.parametrize("kind", GATES)


class Sizes(NamedTuple):
    """T steps of which the loss reads the last S, M members, B sequences, D features, H units."""

    T: int
    S: int
    M: int
    B: int
    D: int
    H: int


class Problem(NamedTuple):
    """Random weights, inputs and dL/d(output) of a population, in float64."""

    weights: dict[str, Tensor]
    inputs: Tensor
    d_outputs: Tensor

    def member(self, m: int) -> "Problem":
        """Return the same for one member, in a population of its own."""
        rows = slice(m, m + 1)
        weights = {name: tensor[rows] for name, tensor in self.weights.items()}
        return Problem(weights, self.inputs[:, rows], self.d_outputs[:, rows])


class Answer(NamedTuple):
    """What an unroll returns."""

    outputs: Tensor
    gradients: dict[str, Tensor]
    norms: dict[str, Tensor]


@st.composite
def all_sizes(draw: Callable[..., Any]) -> Sizes:
    steps = draw(st.integers(1, 20))  # kernels sum weight gradients over chunks of 8 steps
    last = draw(st.one_of(st.just(1), st.just(steps), st.integers(1, steps)))
    return Sizes(steps, last, *(draw(st.integers(1, most)) for most in (3, 3, 3, 4)))


def problem(kind: str, sizes: Sizes, seed: int = 0) -> Problem:
    generator = Generator().manual_seed(seed)

    def random(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    rows, (T, S, M, B, D, H) = GATES[kind] * sizes.H, sizes
    shapes = {"weight_ih": (rows, D), "weight_hh": (rows, H), "bias_ih": (rows,), "bias_hh": (rows,)}
    weights = {name: 0.7 * random(M, *shape) for name, shape in shapes.items()}
    return Problem(weights, random(T, M, B, D), random(S, M, B, H))


def cell_of(kind: str, D: int, H: int) -> Any:
    return LSTMCell(D, H) if kind == "lstm" else RNNCell(D, H, kind)


def solve(unroll: Any, given_problem: Problem) -> Answer:
    outputs = unroll.forward(given_problem.weights, given_problem.inputs).clone()
    gradients, norms = unroll.backward(given_problem.d_outputs, with_norms=True)
    return Answer(outputs, gradients, norms)


def fused(kind: str, p: Problem) -> Answer:
    return solve(unroll_of(cell_of(kind, p.inputs.shape[-1], p.d_outputs.shape[-1])), p)


def torch_cell_answer(kind: str, p: Problem) -> Answer:
    """Step torch.nn's cell, member by member, and keep the gradient of every state."""
    answers = []
    D, H = p.inputs.shape[-1], p.d_outputs.shape[-1]
    for m in range(p.inputs.shape[1]):
        if kind == "lstm":
            cell: nn.Module = nn.LSTMCell(D, H, dtype=torch.float64)
        else:
            cell = nn.RNNCell(D, H, nonlinearity=kind, dtype=torch.float64)
        cell.load_state_dict({name: tensor[m] for name, tensor in p.weights.items()})
        states, state = [], None
        for x in p.inputs[:, m]:
            state = cell(x, state)
            states.append(dict(zip("hc", state if kind == "lstm" else (state,), strict=False)))
        parts = [tensor for step in states for tensor in step.values()]
        for part in parts:
            part.retain_grad()
        outputs = torch.stack([step["h"] for step in states])
        (outputs[-len(p.d_outputs) :] * p.d_outputs[:, m]).sum().backward()
        norms = {part: torch.stack([step[part].grad.norm() for step in states]) for part in states[0]}
        answers.append(Answer(outputs.detach(), {name: getattr(cell, name).grad for name in NAMES}, norms))
    return stack(answers)


def torch_layer_answer(kind: str, p: Problem) -> Answer:
    """Run torch.nn's layer, member by member; it does not show the gradients of its states."""
    answers = []
    D, H = p.inputs.shape[-1], p.d_outputs.shape[-1]
    for m in range(p.inputs.shape[1]):
        if kind == "lstm":
            layer: nn.Module = nn.LSTM(D, H, dtype=torch.float64)
        else:
            layer = nn.RNN(D, H, nonlinearity=kind, dtype=torch.float64)
        layer.load_state_dict({f"{name}_l0": tensor[m] for name, tensor in p.weights.items()})
        outputs = layer(p.inputs[:, m])[0]
        (outputs[-len(p.d_outputs) :] * p.d_outputs[:, m]).sum().backward()
        answers.append(Answer(outputs.detach(), {name: getattr(layer, f"{name}_l0").grad for name in NAMES}, {}))
    return stack(answers)


def stack(answers: list[Answer]) -> Answer:
    """Put the answers of single members side by side."""
    return Answer(
        torch.stack([answer.outputs for answer in answers], dim=1),
        {name: torch.stack([answer.gradients[name] for answer in answers]) for name in NAMES},
        {part: torch.stack([answer.norms[part] for answer in answers], dim=1) for part in answers[0].norms},
    )


def same(ours: Answer, theirs: Answer, tolerance: float = 1e-10) -> None:
    torch.testing.assert_close(ours.outputs, theirs.outputs, rtol=tolerance, atol=tolerance)
    assert set(ours.gradients) == set(theirs.gradients) == set(NAMES)
    for name in NAMES:
        torch.testing.assert_close(ours.gradients[name], theirs.gradients[name], rtol=tolerance, atol=tolerance)
    for part, norms in theirs.norms.items():
        torch.testing.assert_close(ours.norms[part], norms, rtol=tolerance, atol=tolerance)


@KINDS
@given(sizes=all_sizes())
@example(sizes=Sizes(T=1, S=1, M=1, B=1, D=1, H=1))
@example(sizes=Sizes(T=17, S=1, M=2, B=2, D=2, H=3))
@example(sizes=Sizes(T=16, S=16, M=2, B=2, D=2, H=3))
def test_fused_equals_torch_cell_layer_and_generic_unroll(kind: str, sizes: Sizes) -> None:
    p = problem(kind, sizes)
    ours = fused(kind, p)
    assert set(ours.norms) == ({"h", "c"} if kind == "lstm" else {"h"})
    assert all(norms.shape == (sizes.T, sizes.M) for norms in ours.norms.values())
    same(ours, torch_cell_answer(kind, p))
    same(ours, torch_layer_answer(kind, p))
    same(ours, solve(GenericUnroll(cell_of(kind, sizes.D, sizes.H)), p))


@KINDS
def test_generic_unroll_has_the_same_parts_and_shapes(kind: str) -> None:
    sizes = Sizes(T=5, S=2, M=2, B=3, D=2, H=4)
    p = problem(kind, sizes)
    ours, generic = fused(kind, p), solve(GenericUnroll(cell_of(kind, sizes.D, sizes.H)), p)
    assert {part: norms.shape for part, norms in ours.norms.items()} == {
        part: norms.shape for part, norms in generic.norms.items()
    }


@KINDS
@given(sizes=all_sizes())
def test_last_outputs_are_the_last_outputs_of_forward(kind: str, sizes: Sizes) -> None:
    p = problem(kind, sizes)
    for unroll in (unroll_of(cell_of(kind, sizes.D, sizes.H)), GenericUnroll(cell_of(kind, sizes.D, sizes.H))):
        last = unroll.last_outputs(p.weights, p.inputs, sizes.S)
        whole = unroll.forward(p.weights, p.inputs)
        torch.testing.assert_close(last, whole[-sizes.S :], rtol=1e-12, atol=1e-12)


@KINDS
@pytest.mark.parametrize("generic", [False, True])
def test_a_member_of_three_equals_the_member_alone(kind: str, generic: bool) -> None:
    p = problem(kind, Sizes(T=11, S=4, M=3, B=2, D=3, H=5))
    make = GenericUnroll if generic else unroll_of
    together = solve(make(cell_of(kind, 3, 5)), p)
    for m in range(3):
        alone = solve(make(cell_of(kind, 3, 5)), p.member(m))
        rows = slice(m, m + 1)
        gradients = {name: gradient[rows] for name, gradient in together.gradients.items()}
        norms = {part: values[:, rows] for part, values in together.norms.items()}
        same(Answer(together.outputs[:, rows], gradients, norms), alone, tolerance=1e-12)


@KINDS
def test_a_nan_in_one_member_stays_in_its_row(kind: str) -> None:
    p = problem(kind, Sizes(T=9, S=9, M=3, B=2, D=2, H=3))
    clean = fused(kind, p)
    p.weights["weight_hh"][1] = torch.nan
    poisoned = fused(kind, p)
    assert poisoned.gradients["weight_hh"][1].isnan().all()
    for name in NAMES:
        assert torch.equal(poisoned.gradients[name][[0, 2]], clean.gradients[name][[0, 2]])
    assert torch.equal(poisoned.outputs[:, [0, 2]], clean.outputs[:, [0, 2]])


@KINDS
def test_buffers_serve_one_batch_after_another(kind: str) -> None:
    """Same shape, other lengths, other sizes, other loss windows, a batch of NaN between: nothing is left over."""
    shapes = [(9, 4, 2, 3), (9, 4, 2, 3), (9, 9, 2, 3), (5, 1, 2, 3), (9, 1, 1, 3), (9, 4, 2, 1), (9, 4, 2, 3)]
    kept = unroll_of(cell_of(kind, 2, 4))
    for seed, (T, S, M, B) in enumerate(shapes):
        p = problem(kind, Sizes(T, S, M, B, D=2, H=4), seed)
        ours, fresh = solve(kept, p), fused(kind, p)
        assert torch.equal(ours.outputs, fresh.outputs)
        assert all(torch.equal(ours.gradients[name], fresh.gradients[name]) for name in NAMES)
        assert all(torch.equal(ours.norms[part], fresh.norms[part]) for part in fresh.norms)
        solve(kept, p._replace(inputs=torch.full_like(p.inputs, torch.nan)))


@KINDS
def test_buffers_follow_the_dtype(kind: str) -> None:
    p = problem(kind, Sizes(T=6, S=2, M=2, B=2, D=2, H=3))
    halved = Problem({n: w.float() for n, w in p.weights.items()}, p.inputs.float(), p.d_outputs.float())
    unroll = unroll_of(cell_of(kind, 2, 3))
    assert solve(unroll, halved).outputs.dtype == torch.float32
    same(solve(unroll, p), fused(kind, p), tolerance=0)


@KINDS
def test_norms_cost_the_gradients_nothing(kind: str) -> None:
    p = problem(kind, Sizes(T=10, S=3, M=2, B=2, D=2, H=3))
    unroll = unroll_of(cell_of(kind, 2, 3))
    unroll.forward(p.weights, p.inputs)
    without, _ = unroll.backward(p.d_outputs, with_norms=False)
    with_norms = fused(kind, p).gradients
    assert all(torch.equal(without[name], with_norms[name]) for name in NAMES)


def test_without_recurrent_weights_only_the_cell_state_carries_the_gradient() -> None:
    """With W_hh = 0 the path through h is cut: dL/dh is exactly 0 before the last step, dL/dc is prod f_t."""
    p = problem("lstm", Sizes(T=8, S=1, M=1, B=1, D=1, H=1))
    for name in ("weight_hh", "weight_ih", "bias_ih", "bias_hh"):
        p.weights[name].zero_()
    p.weights["bias_ih"][0, 1] = 2.0
    norms = fused("lstm", p).norms
    assert not norms["h"][:-1].any()
    forget = torch.sigmoid(torch.tensor(2.0, dtype=torch.float64))
    torch.testing.assert_close(norms["c"][:-1] / norms["c"][1:], forget.expand(7, 1), rtol=1e-12, atol=0)


def test_the_fused_kernels_are_chosen_for_the_exact_types_alone() -> None:
    class Peephole(LSTMCell):
        pass

    assert {RNNCell: RNNUnroll, LSTMCell: LSTMUnroll} == FUSED
    assert isinstance(unroll_of(RNNCell(2, 3)), RNNUnroll)
    assert isinstance(unroll_of(LSTMCell(2, 3)), LSTMUnroll)
    assert isinstance(unroll_of(Peephole(2, 3)), GenericUnroll)
