"""LRU, minGRU and minLSTM are what their papers write down, started as there, and a scan equals the steps."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from lstm_bench.cells.linear_scan import linear_scan
from lstm_bench.cells.lru import LRUCell
from lstm_bench.cells.min_gru import MinGRUCell
from lstm_bench.cells.min_lstm import MinLSTMCell

D, H, B = 3, 5, 2
LINEAR = [LRUCell, MinGRUCell, MinLSTMCell]


def make(cell_type: type, **settings: Any) -> Any:
    return cell_type(D, H, **settings, generator=Generator().manual_seed(0)).double()


def inputs(steps: int = 7) -> Tensor:
    return torch.randn(steps, B, D, generator=Generator().manual_seed(1), dtype=torch.float64)


def stepped(cell: Any, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    outputs = []
    for x_t in x:
        output, state = cell.step(x_t, state)
        outputs.append(output)
    return torch.stack(outputs), state


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def g(x: np.ndarray) -> np.ndarray:
    return np.where(x >= 0, x + 0.5, sigmoid(x))


@pytest.mark.parametrize("steps", [1, 2, 3, 8, 37])
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_a_scan_is_the_loop(steps: int, dtype: torch.dtype) -> None:
    generator = Generator().manual_seed(steps)
    decay, drive = (torch.randn(steps, 2, 3, dtype=dtype, generator=generator) for _ in range(2))
    state = start = torch.randn(2, 3, dtype=dtype, generator=generator)
    states = []
    for a, b in zip(decay, drive, strict=True):
        state = a * state + b
        states.append(state)
    torch.testing.assert_close(linear_scan(decay, drive, start), torch.stack(states), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("cell_type", LINEAR)
def test_the_scan_of_a_cell_has_the_outputs_state_and_gradients_of_its_steps(cell_type: type) -> None:
    cell = make(cell_type)
    _, start = stepped(cell, inputs(), cell.initial_state(B))  # from any state, not from 0 alone
    results = []
    for run in (lambda x: stepped(cell, x, start.detach()), lambda x: cell.scan(x, start.detach())):
        x = inputs(steps=13).requires_grad_()
        outputs, state = run(x)
        gradients = torch.autograd.grad(outputs.square().sum(), [x, *cell.parameters()])
        results.append([outputs, state, *gradients])
    for by_steps, by_scan in zip(*results, strict=True):
        torch.testing.assert_close(by_scan, by_steps, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("output", ["linear", "gelu"])
def test_an_lru_is_its_recurrence_in_complex_numbers(output: str) -> None:
    cell = make(LRUCell, output=output)
    p = {name: parameter.detach().numpy() for name, parameter in cell.named_parameters()}
    eigenvalues = np.exp(-np.exp(p["nu"]) + 1j * np.exp(p["theta"]))
    inward, outward = p["b_real"] + 1j * p["b_imaginary"], p["c_real"] + 1j * p["c_imaginary"]
    state, expected = np.zeros((B, H), complex), []
    for u in inputs().numpy():
        state = eigenvalues * state + np.exp(p["gamma"]) * (u @ inward.T)
        y = (state @ outward.T).real + u @ p["e"].T
        expected.append(y * 0.5 * (1 + np.vectorize(math.erf)(y / math.sqrt(2))) if output == "gelu" else y)
    outputs, last = stepped(cell, inputs(), cell.initial_state(B))
    np.testing.assert_allclose(outputs.detach(), expected, rtol=1e-12)
    np.testing.assert_allclose(last.detach(), state, rtol=1e-12)
    assert sum(parameter.numel() for parameter in cell.parameters()) == H * (2 * H + 3 * D + 3)


def test_the_eigenvalues_of_an_lru_start_uniform_on_a_ring() -> None:
    """Uniform by area: the square of the radius is uniform. gamma keeps the variance of white noise."""
    cell = LRUCell(4, 4000, r_min=0.8, r_max=0.9, max_phase=1.0, generator=Generator().manual_seed(0))
    eigenvalues = cell.decay().detach()
    square = eigenvalues.abs().square()
    assert 0.64 - 1e-5 <= square.min() < square.max() <= 0.81 + 1e-5
    assert square.mean().item() == pytest.approx((0.64 + 0.81) / 2, abs=0.003)
    assert 0 <= eigenvalues.angle().min() < eigenvalues.angle().max() <= 1
    assert eigenvalues.angle().mean().item() == pytest.approx(0.5, abs=0.02)
    torch.testing.assert_close(torch.exp(2 * cell.gamma.detach()), 1 - square)
    deviations = [cell.b_real.std().item(), cell.b_imaginary.std().item(), cell.e.std().item()]
    assert deviations == pytest.approx([8**-0.5, 8**-0.5, 0.5], rel=0.02)
    assert cell.c_real.std().item() == pytest.approx(4000**-0.5, rel=0.01)


@pytest.mark.parametrize("candidate", ["linear", "positive"])
def test_a_min_gru_is_a_weighted_mean_of_its_candidates(candidate: str) -> None:
    cell = make(MinGRUCell, candidate=candidate)
    weight, bias = cell.weight.detach().numpy(), cell.bias.detach().numpy()
    h, expected = np.zeros((B, H)), []
    for u in inputs().numpy():
        z, n = np.split(u @ weight.T + bias, 2, axis=1)
        n = g(n) if candidate == "positive" else n
        h = (1 - sigmoid(z)) * h + sigmoid(z) * n
        expected.append(h)
    np.testing.assert_allclose(stepped(cell, inputs(), cell.initial_state(B))[0].detach(), expected, rtol=1e-12)
    assert sum(parameter.numel() for parameter in cell.parameters()) == 2 * H * (D + 1)


@pytest.mark.parametrize("candidate", ["linear", "positive"])
def test_a_min_lstm_normalises_its_gates(candidate: str) -> None:
    cell = make(MinLSTMCell, candidate=candidate)
    weight, bias = cell.weight.detach().numpy(), cell.bias.detach().numpy()
    h, expected = np.zeros((B, H)), []
    for u in inputs().numpy():
        f, i, n = np.split(u @ weight.T + bias, 3, axis=1)
        f, i, n = sigmoid(f), sigmoid(i), g(n) if candidate == "positive" else n
        h = f / (f + i) * h + i / (f + i) * n
        expected.append(h)
    np.testing.assert_allclose(stepped(cell, inputs(), cell.initial_state(B))[0].detach(), expected, rtol=1e-12)
    assert sum(parameter.numel() for parameter in cell.parameters()) == 3 * H * (D + 1)


def test_gates_that_are_both_nearly_closed_still_sum_to_1() -> None:
    """With f and i of e^-1000 and e^-1002, f/(f + i) is sigmoid(2)."""
    cell = make(MinLSTMCell)
    with torch.no_grad():
        cell.weight.zero_()
        cell.bias[:H], cell.bias[H : 2 * H] = -1000.0, -1002.0
    gates = cell.gates(inputs()[0], cell.initial_state(B))
    torch.testing.assert_close(gates["f"], torch.full((B, H), 2.0, dtype=torch.float64).sigmoid())
    torch.testing.assert_close(gates["f"] + gates["i"], torch.ones(B, H, dtype=torch.float64))


@pytest.mark.parametrize(
    ("cell_type", "settings", "kept"),
    [(MinGRUCell, {"update_bias": -3.0}, 0.9526), (MinLSTMCell, {"forget_bias": 50.0}, 0.667)],
)
def test_the_bias_of_a_gate_decides_what_is_kept(cell_type: type, settings: dict[str, float], kept: float) -> None:
    """1 - sigmoid(-3) is 0.9526; f = 1 and i = 1/2 keep 2/3."""
    cell = make(cell_type, **settings)
    with torch.no_grad():
        cell.weight.zero_()
        cell.bias[H:] = 0.0
    gate = cell.gates(inputs()[0], cell.initial_state(B))[cell.retention]
    assert gate.mean().item() == pytest.approx(kept, abs=1e-3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"r_min": 0.9, "r_max": 0.5}, "r_min=0.9: allowed: a number from 0 to below r_max=0.5"),
        ({"r_max": 1.5}, "r_min=0.0: allowed: .* r_max=1.5, which is at most 1"),
        ({"max_phase": 0.0}, "max_phase=0.0: allowed: a number above 0 and up to 2 pi"),
        ({"output": "relu"}, "output=relu: allowed: linear, gelu"),
    ],
)
def test_an_lru_refuses_what_is_no_ring(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LRUCell(D, H, **settings)
