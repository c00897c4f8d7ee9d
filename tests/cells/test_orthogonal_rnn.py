"""The orthogonal network: its matrix is the scaled Cayley transform, whatever training does to its numbers."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from lstm_bench.cells.orthogonal_rnn import OrthogonalRNNCell
from lstm_bench.engine.generic import permits_batching

D, H, B = 3, 6, 2


def make(hidden_size: int = H, moved: bool = True, **settings: Any) -> OrthogonalRNNCell:
    cell = OrthogonalRNNCell(D, hidden_size, **settings, generator=Generator().manual_seed(0)).double()
    if moved:
        with torch.no_grad():
            for parameter in cell.parameters():
                parameter.normal_(0.0, 0.7, generator=Generator().manual_seed(2))
    return cell


def inputs() -> Tensor:
    return torch.randn(7, B, D, generator=Generator().manual_seed(1), dtype=torch.float64)


def recurrent_matrix(cell: OrthogonalRNNCell) -> Tensor:
    """Return W by its action on the unit vectors, with no input, bias or nonlinearity."""
    size = cell.hidden_size
    with torch.no_grad():
        cell.weight_ih.zero_()
        cell.bias.zero_()
        return cell.step(torch.zeros(size, D, dtype=torch.float64), torch.eye(size, dtype=torch.float64))[1].T


@pytest.mark.parametrize("hidden_size", [1, 2, 5, 6])
@pytest.mark.parametrize("moved", [True, False])
def test_the_recurrent_matrix_is_orthogonal(hidden_size: int, moved: bool) -> None:
    matrix = recurrent_matrix(make(hidden_size, moved=moved))
    torch.testing.assert_close(matrix @ matrix.T, torch.eye(hidden_size, dtype=torch.float64), rtol=0, atol=1e-12)


@pytest.mark.parametrize("nonlinearity", ["modrelu", "tanh"])
def test_a_step_is_the_papers(nonlinearity: str) -> None:
    cell = make(nonlinearity=nonlinearity, negative_share=0.3)
    p = {name: parameter.detach().numpy() for name, parameter in cell.named_parameters()}
    skew = np.zeros((H, H))
    skew[np.triu_indices(H, 1)] = p["skew"]
    skew -= skew.T
    matrix = np.linalg.inv(np.eye(H) + skew) @ (np.eye(H) - skew) @ np.diag([-1, -1, 1, 1, 1, 1])
    h, expected = np.zeros((B, H)), []
    for u in inputs().numpy():
        z = h @ matrix.T + u @ p["weight_ih"].T
        h = np.tanh(z + p["bias"]) if nonlinearity == "tanh" else np.sign(z) * np.maximum(np.abs(z) + p["bias"], 0)
        expected.append(h)
    state, outputs = cell.initial_state(B), []
    for x in inputs():
        output, state = cell.step(x, state)
        outputs.append(output.detach().numpy())
    np.testing.assert_allclose(outputs, expected, rtol=1e-10, atol=1e-12)
    assert sum(parameter.numel() for parameter in cell.parameters()) == H * (H - 1) // 2 + H * (D + 1)


def test_at_the_start_pairs_of_units_turn_by_an_angle_of_up_to_a_quarter() -> None:
    matrix = recurrent_matrix(make(200, moved=False, negative_share=0.0))
    angles = torch.linalg.eigvals(matrix).angle().abs().sort().values
    torch.testing.assert_close(angles[::2], angles[1::2])  # each with its conjugate
    assert 0 <= angles.min() < angles.max() <= math.pi / 2
    assert angles.mean().item() == pytest.approx(math.pi / 4, abs=0.1)


def test_the_gradient_neither_fades_nor_grows_in_500_steps() -> None:
    cell = make()
    with torch.no_grad():
        cell.bias.zero_()
    state = start = torch.randn(1, H, generator=Generator().manual_seed(4), dtype=torch.float64).requires_grad_()
    for _ in range(500):
        _, state = cell.step(torch.zeros(1, D, dtype=torch.float64), state)
    direction = torch.randn(1, H, generator=Generator().manual_seed(5), dtype=torch.float64)
    (gradient,) = torch.autograd.grad((state * direction).sum(), start)
    assert gradient.norm().item() == pytest.approx(direction.norm().item(), rel=1e-9)


def test_several_members_step_in_one_call_at_any_width() -> None:
    assert permits_batching(make(40, moved=False))


def test_a_share_is_from_0_to_1() -> None:
    with pytest.raises(ValueError, match=r"negative_share=1\.5: allowed: a number from 0 to 1"):
        make(negative_share=1.5)
