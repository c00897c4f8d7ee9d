"""The gradient flow against answers known in closed form."""

import math

import pytest
import torch

from lstm_bench.cells.lstm import LSTMCell
from lstm_bench.cells.rnn import RNNCell
from lstm_bench.probes.gradient_flow import decay_per_step, gradient_flow


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def silent(cell):
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.zero_()
    return cell.double()


@pytest.mark.parametrize("gain", [0.9, 1.0, 1.1])
def test_a_scaled_orthogonal_network_at_rest_scales_the_gradient_by_its_gain(gain):
    cell = silent(RNNCell(2, 6))
    with torch.no_grad():
        cell.weight_hh.copy_(gain * torch.linalg.qr(torch.randn(6, 6, generator=generator(), dtype=torch.float64))[0])
    flow = gradient_flow(cell, torch.zeros(40, 3, 2), generator())
    assert flow.norms == pytest.approx([gain**k for k in range(41)], rel=1e-12)
    assert flow.decay == pytest.approx(gain, rel=1e-12)
    assert flow.horizon is None


def test_a_relu_identity_network_with_positive_input_keeps_the_gradient_exactly():
    cell = silent(RNNCell(1, 4, nonlinearity="relu"))
    with torch.no_grad():
        cell.weight_hh.copy_(torch.eye(4))
        cell.weight_ih.fill_(1.0)
    assert gradient_flow(cell, torch.ones(20, 2, 1), generator()).norms == pytest.approx([1.0] * 21, rel=1e-15)


def test_an_lstm_without_recurrence_loses_the_forget_gate_a_step_along_its_cell_state():
    cell = silent(LSTMCell(1, 5))
    with torch.no_grad():
        cell.bias_ih[5:10] = 2.0
    norms = gradient_flow(cell, torch.zeros(30, 2, 1), generator()).norms
    f, o = 1 / (1 + math.exp(-2.0)), 0.5
    assert norms[1:] == pytest.approx([o * f**k for k in range(1, 31)], rel=1e-12)


def test_the_horizon_is_the_first_step_below_a_thousandth():
    cell = silent(RNNCell(1, 3))
    with torch.no_grad():
        cell.weight_hh.copy_(0.5 * torch.eye(3))
    assert gradient_flow(cell, torch.zeros(30, 2, 1), generator()).horizon == 10  # 0.5^10 = 0.00098


def test_a_trained_cell_is_left_as_it_was():
    cell = LSTMCell(2, 3, generator=generator())
    before = [p.clone() for p in cell.parameters()]
    gradient_flow(cell, torch.randn(5, 2, 2, generator=generator()), generator())
    assert all(torch.equal(a, b) for a, b in zip(before, cell.parameters(), strict=True))
    assert all(p.requires_grad and p.dtype == torch.float32 for p in cell.parameters())


def test_the_slope_leaves_out_what_has_vanished_entirely():
    assert decay_per_step([1.0, 0.5, 0.25, 0.0, 0.0]) == pytest.approx(0.5)
    assert decay_per_step([1.0, 0.0]) == 1.0
