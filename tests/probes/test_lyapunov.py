"""Lyapunov exponents of systems that have them in closed form."""

import math

import pytest
import torch
from known_cells import (
    LinearCell,
    PlugIn,
    by_key,
    echo,
    generator,
    lstm_with,
    model_of,
    normal,
    orthogonal,
    run,
    tanh_at_rest,
)
from torch import Tensor

from lstm_bench.cells.lstm import LSTMCell
from lstm_bench.cells.rnn import RNNCell
from lstm_bench.probes.lyapunov import LyapunovSpectrum, lyapunov, spectrum_over
from lstm_bench.tasks.adding import AddingTask
from lstm_bench.tasks.marked_pairs import MarkedPairsTask

FORGOTTEN = -math.inf


def exponents(cell, steps: int, count: int, settling: int = 0) -> list[float]:
    x = normal(steps, 1, cell.input_size, seed=1)
    return spectrum_over(cell, x, generator(2), count, settling).exponents


@pytest.mark.parametrize("gain", [0.9, 1.0, 1.1])
def test_a_scaled_orthogonal_network_grows_by_its_gain_in_every_direction(gain):
    cell = LinearCell(gain * orthogonal(6), normal(6, 2))
    assert exponents(cell, 50, 6) == pytest.approx([math.log(gain)] * 6, abs=1e-10)


@pytest.mark.parametrize("gain", [0.9, 1.0])
def test_so_does_a_tanh_network_at_rest(gain):
    assert exponents(tanh_at_rest(gain * orthogonal(6)), 50, 6) == pytest.approx([math.log(gain)] * 6, abs=1e-10)


def test_the_exponents_of_a_diagonal_network_are_its_entries_in_order():
    entries = [0.3, 1.2, 0.05, 0.7]
    cell = LinearCell(torch.diag(torch.tensor(entries, dtype=torch.float64)), normal(4, 2))
    expected = [math.log(entry) for entry in sorted(entries, reverse=True)]
    assert exponents(cell, 220, 4, settling=60) == pytest.approx(expected, abs=1e-10)
    assert exponents(cell, 220, 2, settling=60) == pytest.approx(expected[:2], abs=1e-10)
    assert exponents(cell, 220, 9, settling=60) == pytest.approx(expected, abs=1e-10)  # at most the size of the state


def test_the_exponents_of_a_matrix_that_is_not_normal_are_those_of_its_eigenvalues():
    basis = normal(3, 3)
    W = basis @ torch.diag(torch.tensor([0.9, 0.5, 0.2], dtype=torch.float64)) @ torch.linalg.inv(basis)
    assert torch.linalg.matrix_norm(W, 2) > 1.2  # one step alone may grow
    spectrum = exponents(LinearCell(W, normal(3, 2)), 260, 3, settling=80)
    assert spectrum == pytest.approx([math.log(0.9), math.log(0.5), math.log(0.2)], abs=1e-10)


def test_all_exponents_together_are_the_mean_log_determinant_of_the_steps_that_count():
    """Of J_t = diag(1 - h_t^2) W, for any directions: from after the first settling to before the last one."""
    cell, x, settling = RNNCell(2, 4, generator=generator()).double(), normal(30, 1, 2), 7
    h = run(cell, x)[0].squeeze(1).detach()
    log_det = (1 - h.square()).log().sum(dim=1) + torch.linalg.slogdet(cell.weight_hh.detach()).logabsdet
    spectrum = spectrum_over(cell, x, generator(), 4, settling).exponents
    assert sum(spectrum) == pytest.approx(float(log_det[settling:-settling].mean()), rel=1e-12)


def test_a_cell_whose_state_is_its_input_forgets_at_once():
    exponents_of_cell = lyapunov(model_of(echo()), AddingTask(5), generator())
    assert exponents_of_cell.exponents == [FORGOTTEN] * 2
    assert exponents_of_cell.horizon == 0.0
    assert by_key(exponents_of_cell) == {"memory/lyapunov_horizon": 0.0, "memory/lyapunov_gone_within": 1.0}
    assert [list(column) for column in exponents_of_cell.curves()["spectrum"]] == [[], []]


def test_without_recurrent_weights_an_lstm_has_its_forget_gates_and_forgets_all_of_h():
    """c' = f c + ... and h' = o tanh(c'): the Jacobian over k steps has rank H, with f^k on the diagonal of its c."""
    f = [1 / (1 + math.exp(-bias)) for bias in (2.0, 0.5, -1.0)]
    spectrum = exponents(lstm_with([0.5, -1.0, 2.0]), 300, 6, settling=100)
    assert spectrum[:3] == pytest.approx([math.log(gate) for gate in f], abs=1e-10)
    assert spectrum[3:] == [FORGOTTEN] * 3


def test_a_direction_that_is_projected_away_is_forgotten_and_not_left_to_rounding():
    basis = orthogonal(5)
    W = basis @ torch.diag(torch.tensor([0.8, 0.8, 0.0, 0.0, 0.0], dtype=torch.float64)) @ basis.T
    spectrum = exponents(LinearCell(W, normal(5, 2)), 60, 5, settling=2)
    assert spectrum[:2] == pytest.approx([math.log(0.8)] * 2, abs=1e-10)
    assert spectrum[2:] == [FORGOTTEN] * 3


class LogisticCell(PlugIn):
    """h' = 4 h (1 - h): chaos with exponent ln 2."""

    def initial_state(self, batch_size: int) -> Tensor:
        return self.zeros(batch_size) + 0.3

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        h = 4 * state * (1 - state)
        return h, h


def test_the_logistic_map_is_chaotic_by_ln_2():
    exponents_of_cell = lyapunov(model_of(LogisticCell(2, 1)), AddingTask(50), generator(), steps=1500)
    assert exponents_of_cell.exponents == pytest.approx([math.log(2)], abs=0.02)
    assert by_key(exponents_of_cell) == {"memory/lyapunov": exponents_of_cell.exponents[0]}
    assert math.isinf(exponents_of_cell.horizon)


def test_sequences_of_the_task_follow_one_another_with_no_reset():
    task, stream = AddingTask(7), generator(3)
    x = torch.cat([task.sample(1, stream).inputs for _ in range(4)])[:26]
    cell = LSTMCell(2, 4, generator=generator())
    expected = spectrum_over(cell, x, stream, 3, settling=8)
    assert lyapunov(model_of(cell), task, generator(3), exponents=3, steps=10, settling=8) == expected


def test_of_sequences_that_end_early_nothing_is_read_behind_their_end():
    task, stream, cell = MarkedPairsTask(10), generator(3), LSTMCell(2, 4, generator=generator(1))
    drawn = [task.sample(1, stream) for _ in range(2)]
    assert any(int(batch.lengths) < task.length for batch in drawn)
    x = torch.cat([batch.inputs[: int(batch.lengths)] for batch in drawn])[:26]
    expected = spectrum_over(cell, x, stream, exponents=3, settling=8)
    assert lyapunov(model_of(cell), task, generator(3), exponents=3, steps=10, settling=8) == expected


def test_the_first_directions_decide_nothing_once_they_are_aligned():
    cell, x = LSTMCell(2, 6, generator=generator()).double(), normal(260, 1, 2)
    first, again = (spectrum_over(cell, x, generator(seed), 1, settling=80).exponents for seed in (1, 2))
    assert first == pytest.approx(again, abs=1e-4)


def test_exponents_descend_and_the_horizon_is_the_inverse_of_the_first():
    exponents_of_cell = lyapunov(model_of(LSTMCell(2, 6, generator=generator())), AddingTask(9), generator())
    assert exponents_of_cell.exponents == sorted(exponents_of_cell.exponents, reverse=True)
    assert LyapunovSpectrum([-0.25, -1.0]).horizon == 4.0
    assert LyapunovSpectrum([-1e-6]).horizon == pytest.approx(1e6)
    assert by_key(LyapunovSpectrum([-0.25, FORGOTTEN])) == {
        "memory/lyapunov": -0.25,
        "memory/lyapunov_horizon": 4.0,
    }
    assert [list(c) for c in LyapunovSpectrum([-0.25, FORGOTTEN]).curves()["spectrum"]] == [[1], [-0.25]]
    assert by_key(LyapunovSpectrum([0.0])) == {"memory/lyapunov": 0.0}
