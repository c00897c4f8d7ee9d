"""Every kernel equals torch.nn: its cells with the gradient of each state kept, and its layers."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from problems import (
    HERE,
    KERNELS,
    KINDS,
    NAMES,
    NEEDS_COMPILER,
    Problem,
    Sizes,
    cell_of,
    fresh,
    kernel_for,
    problem,
    same,
    solve,
    torch_cell_answer,
    torch_layer_answer,
)
from torch import Tensor

from lstm_bench.cells.lstm import LSTMCell
from lstm_bench.cells.registry import REGISTRY
from lstm_bench.engine.kernel_dispatch import COMPILED, TORCH, kernel_of

CPU = torch.device("cpu")
DTYPES = [torch.float32, torch.float64]
EPSILON = {torch.float32: 1e-6, torch.float64: 1e-14}  # of a nonlinearity, relative


@st.composite
def all_sizes(draw: Callable[..., Any]) -> Sizes:
    steps = draw(st.integers(1, 20))  # kernels sum weight gradients over chunks of 8 steps
    last = draw(st.one_of(st.just(1), st.just(steps), st.integers(1, steps)))
    batch, width = draw(st.sampled_from([1, 2, 3, 5, 13])), draw(st.sampled_from([1, 2, 3, 7, 16, 17, 33]))
    return Sizes(steps, last, draw(st.integers(1, 3)), batch, draw(st.integers(1, 3)), width)


# --- the same as torch.nn ---


@KINDS
@given(sizes=all_sizes())
@example(sizes=Sizes(T=1, S=1, M=1, B=1, D=1, H=1))
@example(sizes=Sizes(T=17, S=1, M=2, B=2, D=2, H=3))
@example(sizes=Sizes(T=16, S=16, M=2, B=2, D=2, H=3))
def test_every_kernel_equals_the_cell_and_the_layer_of_torch(kind: str, sizes: Sizes) -> None:
    p = problem(kind, sizes)
    by_cell, by_layer = torch_cell_answer(kind, p), torch_layer_answer(kind, p)
    for maker in HERE:
        ours = fresh(maker, kind, p)
        assert set(ours.norms) == ({"h", "c"} if kind == "lstm" else {"h"})
        assert all(norms.shape == (sizes.T, sizes.M) for norms in ours.norms.values())
        same(ours, by_cell, who=maker)
        same(ours, by_layer, who=maker)


@KINDS
@pytest.mark.parametrize("H", [1, 7, 17, 33])
def test_sizes_that_fill_no_vector_and_no_tile_are_right(kind: str, H: int) -> None:
    for B in (1, 3, 5, 13):
        p = problem(kind, Sizes(T=9, S=3, M=2, B=B, D=3, H=H))
        expected = torch_cell_answer(kind, p)
        for maker in HERE[:-2]:
            same(fresh(maker, kind, p), expected, who=f"{maker} B={B}")


@NEEDS_COMPILER
@KINDS
@given(sizes=all_sizes())
def test_compiled_in_float32_equals_autograd_in_float64(kind: str, sizes: Sizes) -> None:
    """To 1e-5 of the largest entry: of the same float32 numbers, so all that differs is rounding within."""
    halved = problem(kind, sizes).to(torch.float32)
    ours, exact = fresh("compiled", kind, halved), torch_cell_answer(kind, halved.to(torch.float64))
    answers = ours.named()
    for name, expected in exact.named().items():
        assert (answers[name].double() - expected).abs().max() <= 1e-5 * expected.abs().max(), name


def without_weights(kind: str, T: int, B: int = 1) -> Problem:
    """Return one unit whose weights are all 0, read at the last step."""
    p = problem(kind, Sizes(T=T, S=1, M=1, B=B, D=1, H=1))
    for tensor in p.weights.values():
        tensor.zero_()
    return p


@KERNELS
def test_without_recurrent_weights_only_the_cell_state_carries_the_gradient(maker: str) -> None:
    """With W_hh = 0 the path through h is cut: dL/dh is exactly 0 before the last step, dL/dc is prod f_t."""
    p = without_weights("lstm", T=8)
    p.weights["bias_ih"][0, 1] = 2.0
    norms = fresh(maker, "lstm", p).norms
    assert not norms["h"][:-1].any()
    forget = torch.sigmoid(torch.tensor(2.0, dtype=torch.float64))
    torch.testing.assert_close(norms["c"][:-1] / norms["c"][1:], forget.expand(7, 1), rtol=1e-12, atol=0)


@KERNELS
def test_without_recurrent_weights_a_gru_carries_the_gradient_by_its_update_gate(maker: str) -> None:
    p = without_weights("gru", T=8)
    p.weights["bias_hh"][0, 1] = 2.0
    norms = fresh(maker, "gru", p).norms["h"]
    update = torch.sigmoid(torch.tensor(2.0, dtype=torch.float64))
    torch.testing.assert_close(norms[:-1] / norms[1:], update.expand(7, 1), rtol=1e-12, atol=0)


@KERNELS
def test_a_relu_network_at_the_identity_loses_no_gradient(maker: str) -> None:
    p = without_weights("relu", T=20)
    p.weights["weight_hh"][0] = 1.0
    p.weights["bias_ih"][0] = 1.0
    answer = fresh(maker, "relu", p)
    assert torch.equal(answer.norms["h"], p.d_outputs.abs().view(1, 1).expand(20, 1))
    assert torch.equal(answer.outputs.flatten(), torch.arange(1.0, 21.0, dtype=torch.float64))


@KERNELS
def test_a_relu_unit_at_exactly_zero_passes_no_gradient(maker: str) -> None:
    """As torch.nn has it: the slope of relu at 0 is 0."""
    p = without_weights("relu", T=3)
    answer = fresh(maker, "relu", p)
    assert not answer.outputs.any()
    assert not any(gradient.any() for gradient in answer.gradients.values())


# --- members, buffers, norms ---


@KINDS
@KERNELS
def test_a_member_of_three_equals_the_member_alone(kind: str, maker: str) -> None:
    p = problem(kind, Sizes(T=11, S=4, M=3, B=3, D=3, H=5))
    together = fresh(maker, kind, p)
    for m in range(3):
        alone = fresh(maker, kind, p.member(m))
        same(together.members(slice(m, m + 1)), alone, tolerance=0 if maker == "compiled" else 1e-12)


@KINDS
@KERNELS
def test_a_nan_in_one_member_stays_in_its_row(kind: str, maker: str) -> None:
    p = problem(kind, Sizes(T=9, S=9, M=3, B=2, D=2, H=3))
    clean = fresh(maker, kind, p)
    p.weights["weight_hh"][1] = torch.nan
    poisoned = fresh(maker, kind, p)
    assert poisoned.gradients["weight_hh"][1].isnan().all()
    same(poisoned.members([0, 2]), clean.members([0, 2]), tolerance=0)


@KINDS
@KERNELS
def test_buffers_serve_one_batch_after_another(kind: str, maker: str) -> None:
    """Other lengths, members, batch sizes and loss windows, a batch of NaN between: nothing is left over."""
    shapes = [(9, 4, 2, 3), (9, 4, 2, 3), (9, 9, 2, 3), (5, 1, 2, 3), (9, 1, 1, 3), (9, 4, 2, 1), (20, 4, 3, 3)]
    p = problem(kind, Sizes(*shapes[0], D=2, H=4))
    kept = kernel_for(maker, kind, p)
    for seed, (T, S, M, B) in enumerate([*shapes, shapes[0]]):
        p = problem(kind, Sizes(T, S, M, B, D=2, H=4), seed)
        same(solve(kept, p), fresh(maker, kind, p), tolerance=0)
        solve(kept, p._replace(inputs=torch.full_like(p.inputs, torch.nan)))


@KINDS
def test_buffers_of_torch_kernels_follow_the_dtype(kind: str) -> None:
    p = problem(kind, Sizes(T=6, S=2, M=2, B=2, D=2, H=3))
    kernel = kernel_for("torch", kind, p)
    assert solve(kernel, p.to(torch.float32)).outputs.dtype == torch.float32
    same(solve(kernel, p), fresh("torch", kind, p), tolerance=0)


@KINDS
@KERNELS
@pytest.mark.parametrize("dtype", DTYPES)
def test_outputs_and_gradients_have_the_dtype_of_the_cell(kind: str, maker: str, dtype: torch.dtype) -> None:
    answer = fresh(maker, kind, problem(kind, Sizes(T=3, S=2, M=2, B=2, D=2, H=3)).to(dtype))
    assert {answer.outputs.dtype, *(gradient.dtype for gradient in answer.gradients.values())} == {dtype}


@KINDS
@KERNELS
def test_norms_cost_the_gradients_nothing(kind: str, maker: str) -> None:
    p = problem(kind, Sizes(T=10, S=3, M=2, B=2, D=2, H=3))
    kernel = kernel_for(maker, kind, p)
    kernel.forward(p.inputs, kernel.start(p.weights, 2))
    d_start, norms = kernel.backward(p.d_outputs, None, with_norms=False)
    without, with_norms = kernel.gradients(d_start), fresh(maker, kind, p).gradients
    assert norms == {}
    assert all(torch.equal(without[name], with_norms[name]) for name in NAMES)


@NEEDS_COMPILER
@KINDS
def test_compiled_norms_too_small_to_square_in_float32_are_kept(kind: str) -> None:
    """Squares of 1e-30 vanish in float32; the gradient is linear in dL/d(output), and so are its norms."""
    p = problem(kind, Sizes(T=6, S=1, M=2, B=3, D=2, H=5)).to(torch.float32)
    expected = fresh("compiled", kind, p).norms
    tiny = fresh("compiled", kind, p._replace(d_outputs=p.d_outputs * 1e-30)).norms
    for part, norms in tiny.items():
        assert norms.max() < 1e-25
        torch.testing.assert_close(norms / 1e-30, expected[part], rtol=1e-5, atol=1e-5)


# --- numbers at the ends ---


@NEEDS_COMPILER
@KINDS
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("huge", [1e30, -1e30])
def test_compiled_takes_huge_inputs_as_torch_does(kind: str, dtype: torch.dtype, huge: float) -> None:
    p = problem(kind, Sizes(T=7, S=1, M=1, B=3, D=2, H=5)).to(dtype)
    p.inputs[2, 0, 1, 0] = huge
    ours, theirs = fresh("compiled", kind, p).named(), torch_layer_answer(kind, p).named()
    for name, expected in theirs.items():
        assert expected.isfinite().all()
        torch.testing.assert_close(ours[name], expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))


@NEEDS_COMPILER
@KINDS
@pytest.mark.parametrize("bad", [torch.inf, -torch.inf, torch.nan])
def test_compiled_never_hides_a_number_that_is_not_finite(kind: str, bad: float) -> None:
    """What is not finite for torch.nn is not for us, whatever was so before or in another sequence is as it was."""
    p = problem(kind, Sizes(T=7, S=7, M=1, B=3, D=2, H=5))
    p.inputs[2, 0, 1, 0] = bad
    ours, theirs = fresh("compiled", kind, p), torch_layer_answer(kind, p)
    touched = torch.zeros_like(ours.outputs, dtype=torch.bool)
    touched[2:, 0, 1] = True
    torch.testing.assert_close(ours.outputs[~touched], theirs.outputs[~touched], rtol=1e-10, atol=1e-10)
    assert not ours.outputs[~theirs.outputs.isfinite()].isfinite().any()
    for name in NAMES:
        assert not ours.gradients[name][~theirs.gradients[name].isfinite()].isfinite().any()
    assert not ours.gradients["weight_ih"].isfinite().all()  # so the member is seen to diverge


@NEEDS_COMPILER
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_compiled_relu_that_overflows_does_not_come_back(dtype: torch.dtype) -> None:
    p = without_weights("relu", T=20).to(dtype)
    p.weights["weight_hh"][:] = float(torch.finfo(dtype).max) ** 0.25
    p.weights["bias_ih"][:] = 1.0
    outputs = fresh("compiled", "relu", p).outputs.flatten()
    expected = torch_layer_answer("relu", p).outputs.flatten()
    assert torch.equal(outputs.isfinite(), expected.isfinite())
    assert outputs.isfinite().sum() == 4


def pre_activations(dtype: torch.dtype) -> Tensor:
    """Return a fine grid over [-100, 100], and numbers from 1e-30 to 1 of both signs."""
    tiny = torch.logspace(-30, 0, 3001, dtype=torch.float64)
    return torch.cat((torch.linspace(-100, 100, 20_001, dtype=torch.float64), tiny, -tiny)).to(dtype)


def one_step(kind: str, x: Tensor, weights: dict[int, float], biases: dict[int, float]) -> Tensor:
    """Return the output of one unit after one step, of a sequence for each x, in compiled code."""
    p = without_weights(kind, T=1, B=len(x)).to(x.dtype)
    for row, weight in weights.items():
        p.weights["weight_ih"][0, row, 0] = weight
    for row, bias in biases.items():
        p.weights["bias_ih"][0, row] = bias
    return fresh("compiled", kind, p._replace(inputs=x.view(1, 1, -1, 1))).outputs.flatten().double()


@NEEDS_COMPILER
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_compiled_tanh_is_right_relative_to_its_size(dtype: torch.dtype) -> None:
    x = pre_activations(dtype)
    expected = torch.tanh(x.double())
    outputs = one_step("tanh", x, {0: 1.0}, {})
    assert ((outputs - expected).abs() <= EPSILON[dtype] * expected.abs()).all()
    assert (outputs.abs() <= 1).all()


@NEEDS_COMPILER
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_compiled_logistic_is_right_relative_to_its_size(dtype: torch.dtype) -> None:
    """The output gate of an LSTM whose other gates are open: h = s(x) tanh(1)."""
    x = pre_activations(dtype)
    outputs = one_step("lstm", x, {3: 1.0}, {0: 200.0, 2: 200.0}) / torch.tanh(torch.tensor(1.0, dtype=torch.float64))
    expected = torch.sigmoid(x.double())
    within = x.abs() < 80  # beyond, float32 holds no such number
    assert ((outputs - expected).abs() <= 2 * EPSILON[dtype] * expected)[within].all()
    assert (outputs - expected).abs().max() <= EPSILON[dtype]
    assert (outputs >= 0).all()
    assert (outputs <= 1 + EPSILON[dtype]).all()
    order = x.argsort()
    assert (outputs[order].diff() >= -EPSILON[dtype]).all()


# --- which kernel ---


def test_kernels_of_their_own_are_for_the_exact_types_alone() -> None:
    class Peephole(LSTMCell):
        pass

    assert set(COMPILED) == set(TORCH) == set(REGISTRY)
    assert not isinstance(kernel_of(Peephole(2, 3), CPU), (*COMPILED.values(), *TORCH.values()))
    for cell_type, kernel_type in TORCH.items():
        assert type(kernel_of(cell_type(2, 3), CPU, "torch")) is kernel_type


@NEEDS_COMPILER
@KINDS
@pytest.mark.parametrize("dtype", DTYPES)
def test_compiled_kernels_are_taken_where_they_can_be_built(kind: str, dtype: torch.dtype) -> None:
    cell = cell_of(kind, 2, 3).to(dtype)
    assert type(kernel_of(cell, CPU)) is COMPILED[type(cell)]


def test_a_precision_that_is_not_compiled_runs_in_torch() -> None:
    assert type(kernel_of(LSTMCell(2, 3).bfloat16(), CPU)) is TORCH[LSTMCell]
