"""Norms of the Jacobian product against closed forms, numpy, and torch's own Jacobian of many steps."""

import math

import numpy as np
import pytest
import torch
from known_cells import (
    LinearCell,
    PairCell,
    by_key,
    generator,
    lstm_with,
    model_of,
    normal,
    orthogonal,
    run,
    tanh_at_rest,
)
from torch import Tensor

from lstm_bench.cells.lstm import LSTMCell, LSTMState
from lstm_bench.cells.rnn import RNNCell
from lstm_bench.probes.contract import ProbeError
from lstm_bench.probes.jacobian import JacobianNorms, jacobian, jacobian_over
from lstm_bench.tasks.adding import AddingTask
from lstm_bench.tasks.contract import log_spaced
from lstm_bench.tasks.marked_pairs import MarkedPairsTask

H = 6


@pytest.mark.parametrize("gain", [0.9, 1.0, 1.1])
def test_a_scaled_orthogonal_network_has_its_gain_a_step_in_every_direction(gain):
    back = [1, 2, 5, 20, 100, 200]
    gains = jacobian_over(LinearCell(gain * orthogonal(H), normal(H, 2)), normal(200, 1, 2), back)
    assert gains.steps_back == back
    assert gains.spectral == pytest.approx([gain**k for k in back], rel=1e-12)
    assert gains.frobenius == pytest.approx([math.sqrt(H) * gain**k for k in back], rel=1e-12)
    assert by_key(gains) == {"grad/spectral_decay": pytest.approx(gain, rel=1e-12)}


def test_a_network_at_rest_whose_matrix_is_not_normal_has_the_norms_of_its_powers():
    W = 0.5 * normal(H, H)
    powers = [np.linalg.matrix_power(W.numpy(), k) for k in (1, 3, 10)]
    gains = jacobian_over(tanh_at_rest(W), torch.zeros(12, 1, 2), [1, 3, 10])
    assert gains.spectral == pytest.approx([np.linalg.norm(power, 2) for power in powers], rel=1e-12)
    assert gains.frobenius == pytest.approx([np.linalg.norm(power) for power in powers], rel=1e-12)
    assert gains.spectral[0] > max(abs(np.linalg.eigvals(W.numpy())))


def test_the_joint_jacobian_of_an_lstm_is_torchs_own_of_the_steps_together():
    cell, x = LSTMCell(2, 4, generator=generator()).double(), normal(10, 1, 2)
    gains = jacobian_over(cell, x, [1, 4, 10])
    for k, spectral, frobenius in zip((1, 4, 10), gains.spectral, gains.frobenius, strict=True):
        before = run(cell, x[: 10 - k])[1] if k < 10 else cell.initial_state(1)

        def together(whole: Tensor, k: int = k) -> Tensor:
            h, c = whole.view(2, 1, 4)
            return torch.cat(run(cell, x[10 - k :], LSTMState(h, c))[1], dim=1).flatten()

        whole = torch.autograd.functional.jacobian(together, torch.cat(before, dim=1).flatten())
        assert spectral == pytest.approx(float(torch.linalg.matrix_norm(whole, 2)), rel=1e-12)
        assert frobenius == pytest.approx(float(torch.linalg.matrix_norm(whole)), rel=1e-12)


def test_a_plain_tuple_is_a_whole_state_too():
    cell = PairCell(2, 3, generator=generator()).double()
    cell.mixed.data.zero_()
    (spectral,) = jacobian_over(cell, torch.zeros(9, 1, 2), [9]).spectral
    fast = np.linalg.norm(np.linalg.matrix_power(cell.fast.detach().numpy(), 9), 2)
    assert spectral == pytest.approx(max(0.9**9, fast), rel=1e-12)


def test_without_recurrent_weights_an_lstm_keeps_its_slowest_unit():
    """From the second step back nothing goes through h, and c keeps f; so ||J_k|| falls by max f from then on."""
    gains = jacobian_over(lstm_with([2.0, 0.0, -1.0]), normal(30, 1, 2), [20, 21, 30])
    f = 1 / (1 + math.exp(-2.0))
    assert gains.spectral[1] / gains.spectral[0] == pytest.approx(f, rel=1e-6)
    assert gains.spectral[2] / gains.spectral[0] == pytest.approx(f**10, rel=1e-6)


def test_a_norm_of_zero_takes_no_part_in_the_decay():
    assert by_key(JacobianNorms([1, 2, 8], [0.5, 0.25, 0.0], [0.5, 0.25, 0.0])) == {
        "grad/spectral_decay": pytest.approx(0.5)
    }
    assert by_key(JacobianNorms([1, 2], [0.5, 0.0], [0.5, 0.0])) == {}


@pytest.mark.parametrize(("hidden_size", "measured"), [(256, True), (257, False)])
def test_a_cell_above_256_units_is_left_out(hidden_size, measured):
    model = model_of(RNNCell(2, hidden_size, generator=generator()))
    assert (jacobian(model, AddingTask(2), generator()) is not None) == measured


def test_the_steps_back_are_spread_from_one_to_the_whole_sequence():
    assert log_spaced(1, 12) == [1]
    assert log_spaced(8, 4) == [1, 2, 4, 8]
    assert log_spaced(5, 12) == [1, 2, 3, 4, 5]
    assert log_spaced(1000, 4) == [1, 10, 100, 1000]
    assert log_spaced(7, 1) == [7]


@pytest.mark.parametrize("back", [[0], [1, 6]])
def test_a_k_outside_the_sequence_is_refused(back):
    with pytest.raises(ProbeError, match=r"^jacobian: \d steps back in a sequence of 5: allowed: 1 to 5 steps back$"):
        jacobian_over(LinearCell(torch.eye(2), torch.eye(2)), torch.zeros(5, 1, 2), back)


def test_a_sequence_is_read_up_to_its_own_end():
    task, cell = MarkedPairsTask(10), LSTMCell(2, 3, generator=generator(1))
    for seed in range(4):
        batch = task.sample(1, generator(seed))
        gains = jacobian(model_of(cell), task, generator(seed), points=4)
        assert gains == jacobian_over(cell, batch.inputs[: int(batch.lengths)], log_spaced(int(batch.lengths), 4))
