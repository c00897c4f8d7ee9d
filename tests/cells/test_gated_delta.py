"""The gated delta rule: its recurrence, its eigenvalues, and parity, which these decide."""

import math

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from lstm_bench.cells.gated_delta import GatedDeltaCell

D, H, B = 3, 6, 2


def make(heads: int = 2, negative: bool = True) -> GatedDeltaCell:
    cell = GatedDeltaCell(D, H, heads, negative, generator=Generator().manual_seed(0)).double()
    with torch.no_grad():  # larger than the start, so that every term counts
        for weight in (cell.weight_q, cell.weight_k, cell.weight_v, cell.weight_beta, cell.weight_alpha):
            weight.mul_(6)
    return cell


def inputs() -> Tensor:
    return torch.randn(7, B, D, generator=Generator().manual_seed(1), dtype=torch.float64)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def unit(x: np.ndarray) -> np.ndarray:
    x = x * sigmoid(x)
    return x / np.sqrt((x**2).sum() + 1e-6)


@pytest.mark.parametrize("heads", [1, 2, 3])
@pytest.mark.parametrize("negative", [True, False])
def test_the_recurrence_is_the_papers(heads: int, negative: bool) -> None:
    """One sequence and one head at a time, with the transition as a matrix."""
    cell = make(heads, negative)
    p = {name: parameter.detach().numpy() for name, parameter in cell.named_parameters()}
    width = H // heads
    expected = np.zeros((7, B, H))
    for b in range(B):
        for j in range(heads):
            rows, s = slice(j * width, (j + 1) * width), np.zeros((width, width))
            for t, u in enumerate(inputs()[:, b].numpy()):
                q, k = unit(p["weight_q"][rows] @ u), unit(p["weight_k"][rows] @ u)
                beta = (2 if negative else 1) * sigmoid(p["weight_beta"][j] @ u)
                alpha = np.exp(-np.exp(p["a"][j]) * np.log1p(np.exp(p["weight_alpha"][j] @ u + p["b"][j])))
                s = alpha * s @ (np.eye(width) - beta * np.outer(k, k)) + beta * np.outer(p["weight_v"][rows] @ u, k)
                expected[t, b, rows] = s @ q
    state, outputs = cell.initial_state(B), []
    for x in inputs():
        output, state = cell.step(x, state)
        outputs.append(output.detach().numpy())
    np.testing.assert_allclose(outputs, expected, rtol=1e-10, atol=1e-14)
    assert sum(parameter.numel() for parameter in cell.parameters()) == 3 * H * D + 2 * heads * (D + 1)


@pytest.mark.parametrize(("negative", "least"), [(True, -1.0), (False, 0.0)])
def test_the_eigenvalues_of_a_step_reach_from_minus_1_or_from_0_to_1(negative: bool, least: float) -> None:
    """With no decay and beta at its largest, the transition is a reflection, or a projection."""
    cell = make(heads=1, negative=negative)
    with torch.no_grad():
        cell.a.fill_(-50.0)
        cell.weight_v.zero_()
        cell.weight_beta.fill_(100.0)
    x = torch.ones(H, D, dtype=torch.float64)
    start = torch.eye(H, dtype=torch.float64).expand(H, 1, H, H)
    transition = cell.step(x, start)[1][0, 0].detach()
    eigenvalues = torch.linalg.eigvalsh(transition)
    torch.testing.assert_close(eigenvalues[0].item(), least, atol=1e-5, rtol=0)
    torch.testing.assert_close(eigenvalues[1:], torch.ones(H - 1, dtype=torch.float64), atol=1e-5, rtol=0)


@pytest.mark.parametrize(("negative", "distinct"), [(True, True), (False, False)])
def test_negative_eigenvalues_hold_the_parity_of_ones(negative: bool, distinct: bool) -> None:
    """Width 1: a first input writes 1; each 1 after it multiplies by 1 - beta, and a 0 leaves the state alone.

    x = (first, one): v is 1 at the first step alone; k is about 1 at both, and 0 at a 0.
    """
    cell = GatedDeltaCell(2, 1, negative=negative).double()
    values = {"weight_q": [[9.0, 9.0]], "weight_k": [[9.0, 9.0]], "weight_v": [[0.5, 0.0]], "a": [-50.0]}
    values |= {"weight_beta": [[40.0, 40.0]], "weight_alpha": [[0.0, 0.0]], "b": [0.0]}
    with torch.no_grad():
        for name, value in values.items():
            cell.get_parameter(name).copy_(torch.tensor(value))
    ends = []
    for ones in (100, 101):
        bits = [[1.0, 0.0], *[[0.0, 1.0], [0.0, 0.0]] * ones]
        state = cell.initial_state(1)
        for bit in bits:
            _, state = cell.step(torch.tensor([bit], dtype=torch.float64), state)
        ends.append(state.item())
    even, odd = ends
    if distinct:
        assert even == pytest.approx(-odd, rel=1e-3)
        assert abs(even) == pytest.approx(1.0, abs=1e-3)
    else:
        assert [even, odd] == pytest.approx([0, 0], abs=1e-6)


def test_the_decay_starts_over_the_papers_range() -> None:
    cell = GatedDeltaCell(4, 4000, heads=4000, generator=Generator().manual_seed(0))
    rates, steps = cell.a.detach().exp(), torch.nn.functional.softplus(cell.b.detach())
    assert 0 < rates.min() < rates.max() <= 16 + 1e-5
    assert rates.mean().item() == pytest.approx(8, abs=0.3)
    assert 0.001 - 1e-6 <= steps.min() < steps.max() <= 0.1 + 1e-5
    assert steps.log().mean().item() == pytest.approx(math.log(0.01), abs=0.05)
    assert cell.weight_v.abs().max().item() == pytest.approx(2**-2.5 * math.sqrt(6 / 4004), rel=1e-3)


def test_heads_divide_the_width() -> None:
    with pytest.raises(ValueError, match="hidden_size=6: allowed: a multiple of heads=4"):
        GatedDeltaCell(D, 6, heads=4)
