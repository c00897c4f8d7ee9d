"""Time constants of units: closed forms, and the order that they give."""

import math

import pytest
import torch
from torch import nn

from lstm_bench.anatomy.gates.steps import Mode
from lstm_bench.anatomy.gates.time_constants import slowest_first, time_constant, time_constants
from lstm_bench.anatomy.gates.trace import trace
from lstm_bench.anatomy.gates.weights import find_recurrent


@pytest.mark.parametrize("mode", ["LSTM", "GRU"])
def test_a_constant_gate_gives_its_own_decay(mode: Mode) -> None:
    """-1 / ln f with f = e^(-1/tau), whose bias is ln(f / (1 - f)); the second block of both is the gate that keeps."""
    taus = torch.tensor([0.5, 3.0, 100.0], dtype=torch.float64)
    kept = torch.exp(-1 / taus)
    layer = (nn.LSTM if mode == "LSTM" else nn.GRU)(2, 3, dtype=torch.float64)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        layer.bias_hh_l0[3:6] = torch.log(kept / (1 - kept))
    one = trace(find_recurrent(layer.state_dict(), "a test", None, "tanh"), torch.ones(9, 2))[0][0]
    assert time_constants(mode, one.inside) == pytest.approx(taus.tolist(), rel=1e-12)


def test_it_is_of_the_mean_gate() -> None:
    gates = torch.tensor([[0.2, 1.0], [0.8, 1.0]], dtype=torch.float64)
    assert time_constants("LSTM", {"f": gates}) == [pytest.approx(1 / math.log(2)), math.inf]


def test_that_of_an_rnn_is_the_decay_of_its_autocorrelation() -> None:
    """Of a first-order autoregression with factor 0.9: -1 / ln 0.9 = 9.49."""
    generator = torch.Generator().manual_seed(9)
    noise, h = torch.randn(20_000, generator=generator, dtype=torch.float64), torch.zeros(20_000, dtype=torch.float64)
    for t in range(1, len(h)):
        h[t] = 0.9 * h[t - 1] + noise[t]
    columns = torch.stack([h, noise.abs() * torch.tensor([1.0, -1.0]).repeat(10_000), torch.full_like(h, 0.3)], dim=1)
    slow, alternating, constant = time_constants("RNN_TANH", {"h": columns})
    assert slow == pytest.approx(-1 / math.log(0.9), rel=0.05)
    assert alternating == 0.0
    assert math.isnan(constant)


def test_a_small_series_by_hand() -> None:
    """Deviations -1, 0, 1: products 0 and 0, so nothing is kept; of 0, 0, 1, 1: 1/4 of a variance of 1."""
    assert time_constants("RNN_RELU", {"h": torch.tensor([[1.0], [2.0], [3.0]]).double()}) == [0.0]
    pair = torch.tensor([[0.0], [0.0], [1.0], [1.0]]).double()
    assert time_constants("RNN_RELU", {"h": pair}) == [pytest.approx(1 / math.log(4))]


def test_the_ends() -> None:
    assert (time_constant(0.0), time_constant(-0.3), time_constant(1.0)) == (0.0, 0.0, math.inf)
    assert math.isnan(time_constant(math.nan))


def test_the_slowest_unit_comes_first_and_one_without_a_time_constant_last() -> None:
    assert slowest_first([1.0, math.nan, math.inf, 2.0, 1.0]) == [2, 3, 0, 4, 1]
