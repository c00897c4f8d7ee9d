"""The first LSTM: its sizes, its start, and its equations unit by unit."""

import math

import pytest
import torch
from torch import Generator

from lstm_bench.cells.lstm_1997 import BlockState, OriginalLSTMCell


def cell(features: int, hidden: int, **settings: float) -> OriginalLSTMCell:
    return OriginalLSTMCell(features, hidden, **settings, generator=Generator().manual_seed(0))


@pytest.mark.parametrize(("features", "hidden", "outputs", "weights"), [(2, 4, 1, 93), (8, 4, 4, 156), (8, 6, 8, 308)])
def test_with_the_read_out_it_has_the_papers_number_of_weights(
    features: int, hidden: int, outputs: int, weights: int
) -> None:
    n_parameters = sum(parameter.numel() for parameter in cell(features, hidden).parameters())
    assert n_parameters + (hidden + 1) * outputs == weights


def test_input_gates_start_closed_the_later_the_tighter_and_all_else_is_small() -> None:
    made = cell(8, 6, input_gate_bias=-2.0)
    assert made.bias[6:9].tolist() == [-2.0, -4.0, -6.0]
    others = torch.cat([made.weight_ih.flatten(), made.weight_hh.flatten(), made.bias[:6], made.bias[9:]]).detach()
    assert float(others.abs().max()) <= 0.1
    assert float(others.std()) == pytest.approx(0.1 / math.sqrt(3), rel=0.15)


def logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def test_a_step_unit_by_unit_in_plain_numbers() -> None:
    """Three cells in blocks of two: the second block has one. Units: three cells, two input gates, two output gates."""
    made = cell(2, 3).double().requires_grad_(False)
    generator = Generator().manual_seed(1)
    x, h, c = (torch.randn(n, generator=generator, dtype=torch.float64) for n in (2, 7, 3))
    net = [
        sum(w * v for w, v in zip(made.weight_ih[u].tolist(), x.tolist(), strict=True))
        + sum(w * v for w, v in zip(made.weight_hh[u].tolist(), h.tolist(), strict=True))
        + made.bias[u].item()
        for u in range(7)
    ]
    block = [0, 0, 1]
    new_c = [float(c[v]) + logistic(net[3 + block[v]]) * (4 * logistic(net[v]) - 2) for v in range(3)]
    y = [logistic(net[5 + block[v]]) * (2 * logistic(new_c[v]) - 1) for v in range(3)]
    before = BlockState(h.unsqueeze(0), c.unsqueeze(0))
    output, state = made.step(x.unsqueeze(0), before)
    assert output[0].tolist() == pytest.approx(y, rel=1e-12)
    assert state.h[0].tolist() == pytest.approx([*y, *map(logistic, net[3:])], rel=1e-12)
    assert state.c[0].tolist() == pytest.approx(new_c, rel=1e-12)
    shown = made.gates(x.unsqueeze(0), before)
    assert shown["i"][0].tolist() == pytest.approx([logistic(net[3 + block[v]]) for v in range(3)], rel=1e-12)
    assert shown["o"][0].tolist() == pytest.approx([logistic(net[5 + block[v]]) for v in range(3)], rel=1e-12)


def test_what_is_in_c_stays_where_the_input_gates_are_shut() -> None:
    made = cell(2, 4).requires_grad_(False)
    made.bias[4:6] = -1000.0
    state = BlockState(torch.rand(3, 8), torch.randn(3, 4))
    for _ in range(50):
        _, after = made.step(torch.randn(3, 2), state)
        assert torch.equal(after.c, state.c)
        state = after
