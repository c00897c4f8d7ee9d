"""The gradient flow against answers known in closed form and against autograd through the whole unroll."""

import math

import pytest
import torch
from known_cells import (
    LinearCell,
    PairCell,
    PlugIn,
    by_key,
    generator,
    lstm_with,
    model_of,
    normal,
    orthogonal,
    parts_of,
    run,
    silent,
    tanh_at_rest,
)
from torch import Generator, Tensor

from lstm_bench.cells.lstm import LSTMCell
from lstm_bench.cells.rnn import RNNCell
from lstm_bench.probes.gradient_flow import Decline, GradientFlow, decay_per_step, flow_over, gradient_flow
from lstm_bench.tasks.copy import CopyTask
from lstm_bench.tasks.marked_pairs import MarkedPairsTask

STEPS = 200


def inputs(steps: int, batch: int = 3, size: int = 2, seed: int = 1) -> Tensor:
    return normal(steps, batch, size, seed=seed)


def drawn_vectors(*sizes: int, seed: int = 0) -> list[Tensor]:
    """Return v as drawn: one for the output, then one for each part of the state."""
    stream = generator(seed)
    drawn = [torch.randn(size, dtype=torch.float64, generator=stream) for size in sizes]
    return [v / v.norm() for v in drawn]


@pytest.mark.parametrize("gain", [0.9, 1.0, 1.1])
def test_a_scaled_orthogonal_network_at_rest_scales_the_gradient_by_its_gain(gain):
    flow = flow_over(tanh_at_rest(gain * orthogonal(6)), torch.zeros(STEPS, 3, 2), generator())
    assert flow.joint.norms == pytest.approx([gain**k for k in range(STEPS + 1)], rel=1e-12)
    assert flow.joint.decay == pytest.approx(gain, rel=1e-12)
    assert flow.paths == {}


@pytest.mark.parametrize("gain", [0.9, 1.0, 1.1])
def test_a_linear_network_scales_the_gradient_by_its_gain_whatever_it_reads(gain):
    cell = LinearCell(gain * orthogonal(6), normal(6, 2))
    flow = flow_over(cell, inputs(STEPS), generator())
    assert flow.joint.norms == pytest.approx([gain**k for k in range(STEPS + 1)], rel=1e-12)
    assert flow.joint.decay == pytest.approx(gain, rel=1e-12)


def test_a_network_at_rest_whose_matrix_is_not_normal_carries_back_powers_of_its_transpose():
    W = 0.5 * normal(5, 5)
    assert (W @ W.T - W.T @ W).norm() > 1
    (v,) = drawn_vectors(5)
    powers = [torch.linalg.matrix_power(W.T, k) for k in range(31)]
    flow = flow_over(tanh_at_rest(W), torch.zeros(30, 4, 2), generator())
    assert flow.joint.norms == pytest.approx([float((power @ v).norm()) for power in powers], rel=1e-12)


@pytest.mark.parametrize("size", [1, 6])
def test_a_relu_copy_of_the_last_state_passes_the_gradient_on_untouched(size):
    """Exactly: the norm of v itself is 1 up to rounding, and 1 where it has a single entry."""
    cell = silent(RNNCell(2, size, "relu"))
    cell.weight_hh.data.copy_(torch.eye(size))
    cell.bias_ih.data.fill_(0.1)
    first, *further = flow_over(cell, torch.zeros(STEPS, 3, 2), generator()).joint.norms[1:]
    assert set(further) == {first}
    assert first == (1.0 if size == 1 else pytest.approx(1.0, rel=1e-15))


@pytest.mark.parametrize("bias", [-1.0, 0.0, 3.0])
def test_without_recurrent_weights_c_keeps_its_forget_gate_a_step_and_h_nothing(bias):
    flow = flow_over(lstm_with([bias] * 4), inputs(STEPS), generator())
    f = 1 / (1 + math.exp(-bias))
    assert list(flow.paths) == ["h", "c"]
    assert flow.paths["c"].norms == pytest.approx([f**k for k in range(STEPS + 1)], rel=1e-12)
    assert flow.paths["c"].decay == pytest.approx(f, rel=1e-12)
    assert flow.paths["h"].norms == [1.0] + [0.0] * STEPS
    assert flow.paths["h"].decay == 0.0


def test_the_path_through_c_is_the_product_of_the_forget_gates_of_each_unit_and_example():
    H, steps = 4, 12
    cell, x = lstm_with([0.5, -0.5, 1.0, 2.0]), inputs(steps)
    cell.weight_ih.data[H : 2 * H] = normal(H, 2, seed=3)
    _, _, v = drawn_vectors(H, H, H)
    f = torch.sigmoid(x @ cell.weight_ih[H : 2 * H].T + cell.bias_ih[H : 2 * H])  # [T, B, H]
    expected = [
        math.exp(float((v * f[steps - k :].prod(dim=0)).norm(dim=1).log().mean().detach())) for k in range(steps + 1)
    ]
    flow = flow_over(cell, x, generator())
    assert flow.paths["c"].norms == pytest.approx(expected, rel=1e-12)
    assert flow.paths["h"].norms == [1.0] + [0.0] * steps


def gradient_of_the_last_output(cell, x: Tensor, v: Tensor, back: int) -> Tensor:
    """Return d(v . output_T)/d s_{T-back} of the whole state [B, S], by one autograd.grad through the full unroll."""
    state = cell.initial_state(x.shape[1])
    if back < len(x):
        state = run(cell, x[: len(x) - back])[1]
    leaves = [part.detach().requires_grad_() for part in parts_of(state)]
    start = leaves[0] if isinstance(state, Tensor) else (type(state)(*leaves) if hasattr(state, "h") else tuple(leaves))
    outputs, _ = run(cell, x[len(x) - back :], start)
    gradients = torch.autograd.grad((outputs[-1] @ v).sum(), leaves)
    return torch.cat(gradients, dim=1)


@pytest.mark.parametrize("cell_type", [LSTMCell, RNNCell, PairCell])
def test_the_joint_flow_is_that_of_autograd_through_the_full_unroll(cell_type):
    cell, x = cell_type(2, 5, generator=generator(2)).double(), inputs(20)
    v = drawn_vectors(5)[0]
    expected = [1.0]
    for back in range(1, 21):
        norms = gradient_of_the_last_output(cell, x, v, back).norm(dim=1)
        expected.append(math.exp(float(norms.log().mean())))
    assert flow_over(cell, x, generator()).joint.norms == pytest.approx(expected, rel=1e-10)


def test_the_parts_of_a_plain_tuple_have_a_path_each():
    """Of s1 it is 0.9 a step: what s1 gives to itself through s0 is not on it."""
    flow = flow_over(PairCell(2, 5, generator=generator()), inputs(3, batch=1), generator())
    assert list(flow.paths) == ["s0", "s1"]
    steps = PairCell(2, 5, generator=generator()).double()
    steps.mixed.data.zero_()
    alone = flow_over(steps, torch.zeros(8, 2, 2), generator())
    assert alone.paths["s1"].norms == pytest.approx([0.9**k for k in range(9)], rel=1e-12)


class SharingCell(PlugIn):
    """a' = a + b, b' = 0: autograd hands one and the same tensor to both parts."""

    def initial_state(self, batch_size: int) -> tuple[Tensor, Tensor]:
        return self.zeros(batch_size), self.zeros(batch_size)

    def step(self, x, state):
        a = state[0] + state[1]
        return a, (a, self.zeros(len(x)))


class SummingCell(SharingCell):
    """a' = a + the sum of b: autograd hands b a tensor whose entries share their memory."""

    def step(self, x, state):
        a = state[0] + state[1].sum(dim=1, keepdim=True)
        return a, (a, self.zeros(len(x)))


@pytest.mark.parametrize(("cell_type", "joint"), [(SharingCell, math.sqrt(2)), (SummingCell, None)])
def test_parts_that_share_a_gradient_keep_their_own_paths(cell_type, joint):
    flow = flow_over(cell_type(2, 3), inputs(5), generator())
    assert flow.paths["s0"].norms == pytest.approx([1.0] * 6, rel=1e-12)
    assert flow.paths["s1"].norms == [1.0] + [0.0] * 5
    (v,) = drawn_vectors(3)
    expected = joint or math.sqrt(1 + 3 * float(v.sum()) ** 2)
    assert flow.joint.norms[1:] == pytest.approx([expected] * 5, rel=1e-12)


@pytest.mark.parametrize("row", [0, 1, 2])
def test_the_batch_enters_by_the_mean_of_its_logarithms(row):
    """A batch of three has the geometric mean of the three alone."""
    cell, x = LSTMCell(2, 5, generator=generator(2)), inputs(9)
    together = flow_over(cell, x, generator())
    alone = [flow_over(cell, x[:, b : b + 1], generator()) for b in range(3)]
    for name in ("joint", "h", "c"):
        norms = [(flow.paths | {"joint": flow.joint})[name].norms for flow in alone]
        expected = [math.prod(values) ** (1 / 3) for values in zip(*norms, strict=True)]
        assert (together.paths | {"joint": together.joint})[name].norms == pytest.approx(expected, rel=1e-10)
        assert norms[row] != pytest.approx(expected, rel=1e-3)


def test_half_a_step_is_below_a_thousandth_after_ten_and_below_1_over_e_after_two():
    flow = GradientFlow(Decline([0.5**k for k in range(41)]), {})
    assert flow.joint.horizon(1e-3) == 10
    assert flow.joint.horizon(1 / math.e) == 2
    assert by_key(flow) == {"grad/decay": pytest.approx(0.5), "grad/horizon": 10.0, "grad/horizon_e": 2.0}


def test_a_horizon_is_where_the_gradient_is_below_the_share_and_not_where_it_meets_it():
    assert Decline([1.0, 0.5, 0.25, 0.125]).horizon(0.25) == 3
    assert Decline([1.0, 0.5, 0.25]).horizon(0.25) is None


def test_a_horizon_beyond_the_sequence_is_left_out():
    flow = GradientFlow(Decline([0.5**k for k in range(5)]), {"h": Decline([1.0, 0.0]), "c": Decline([1.0, 2.0])})
    assert flow.joint.horizon(1e-3) is None
    assert set(by_key(flow)) == {"grad/decay", "grad/horizon_e", "grad/decay_h_path", "grad/decay_c_path"}
    assert by_key(flow)["grad/decay_h_path"] == 0.0
    assert by_key(flow)["grad/decay_c_path"] == pytest.approx(2.0)
    assert {name: (list(curve.at), curve.values) for name, curve in flow.curves().items()} == {
        "joint": ([0, 1, 2, 3, 4], [1.0, 0.5, 0.25, 0.125, 0.0625]),
        "h path": ([0, 1], [1.0, 0.0]),
        "c path": ([0, 1], [1.0, 2.0]),
    }


def test_decay_is_the_least_squares_slope_of_the_logarithms_and_leaves_zeros_out():
    assert decay_per_step([1.0, 0.5, 0.25, 0.0, 0.0]) == pytest.approx(0.5, rel=1e-12)
    assert decay_per_step([1.0, 0.0, 0.25, 0.0, 0.0625]) == pytest.approx(0.5, rel=1e-12)
    assert decay_per_step([1.0, 0.0]) == 0.0
    uneven = [1.0, math.exp(-1.0), math.exp(-4.0)]  # through (0, 0), (1, -1), (2, -4): slope -2
    assert decay_per_step(uneven) == pytest.approx(math.exp(-2.0), rel=1e-12)


def test_what_float32_would_lose_is_kept():
    """0.5^k underflows in float32 after 149 steps."""
    flow = flow_over(tanh_at_rest(0.5 * orthogonal(4)).float(), torch.zeros(300, 1, 2), generator())
    assert flow.joint.norms[300] == pytest.approx(0.5**300, rel=1e-4)  # W itself is rounded to float32


def test_another_lag_can_be_asked_for():
    task, cell = CopyTask(lag=3, n_symbols=1), LSTMCell(10, 4, generator=generator())
    assert len(gradient_flow(model_of(cell, 9), task, generator()).joint.norms) == 6
    elsewhere = gradient_flow(model_of(cell, 9), task, generator(5), examples=4, lag=20)
    assert elsewhere == gradient_flow(model_of(cell, 9), CopyTask(lag=20, n_symbols=1), generator(5), examples=4)
    assert len(elsewhere.joint.norms) == 23


def test_the_task_gives_the_sequences_and_the_generator_draws_them_first():
    task, cell, stream = CopyTask(lag=3, n_symbols=1), LSTMCell(10, 4, generator=generator()), Generator()
    stream.manual_seed(7)
    x = task.sample(16, stream).inputs
    assert gradient_flow(model_of(cell, 9), task, generator(7)) == flow_over(cell, x, stream)


def test_of_sequences_that_end_at_different_steps_each_counts_back_from_its_own_end():
    """To the same numbers as each alone, and up to the shortest."""
    cell, x, ends = LSTMCell(2, 4, generator=generator(3)), inputs(30, batch=3), [30, 21, 26]
    alone = [flow_over(cell, x[:end, b : b + 1], generator()) for b, end in enumerate(ends)]
    together = flow_over(cell, x, generator(), torch.tensor(ends))
    named = {"joint": together.joint} | together.paths
    for name, decline in named.items():
        of_each = [({"joint": flow.joint} | flow.paths)[name].norms for flow in alone]
        expected = [math.exp(sum(math.log(norms[k]) for norms in of_each) / 3) for k in range(22)]
        assert decline.norms == pytest.approx(expected, rel=1e-9)


def test_a_task_of_random_length_is_probed_from_each_end():
    task, model = MarkedPairsTask(20), model_of(LSTMCell(2, 4, generator=generator(3)))
    batch = task.sample(16, generator(5))
    stream = generator(5)
    task.sample(16, stream)
    expected = flow_over(model.cell, batch.inputs, stream, batch.lengths)
    assert gradient_flow(model, task, generator(5)).joint == expected.joint
    assert len(expected.joint.norms) == int(batch.lengths.min()) + 1
