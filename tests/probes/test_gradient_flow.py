"""The gradient flow against answers known in closed form."""


import pytest
import torch

from lstm_bench.cells.rnn import RNNCell
from lstm_bench.probes.gradient_flow import flow_over


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
    flow = flow_over(cell, torch.zeros(200, 3, 2), generator())
    assert flow.joint.norms == pytest.approx([gain**k for k in range(201)], rel=1e-12)
    assert flow.joint.decay == pytest.approx(gain, rel=1e-12)
    assert flow.paths == {}
