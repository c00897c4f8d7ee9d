"""The FLOPs of a training step, against counts by hand and by torch's own counter."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from lstm_bench.cells.gated_delta import GatedDeltaCell
from lstm_bench.cells.gru import GRUCell
from lstm_bench.cells.lru import LRUCell
from lstm_bench.cells.lstm import LSTMCell
from lstm_bench.cells.min_gru import MinGRUCell
from lstm_bench.cells.orthogonal_rnn import OrthogonalRNNCell
from lstm_bench.cells.rnn import RNNCell
from lstm_bench.cells.zoo import ZooCell
from lstm_bench.speed.operations import training_flops

D, H, B = 5, 12, 7
FORWARD_AND_BACKWARD = 3  # a product's gradient takes two of its kind


def counted_forwards(cell: object) -> float:
    """Return what torch counts of one step: products of matrices, neither element-wise work nor linear systems."""
    with FlopCounterMode(display=False) as counter:
        cell.step(torch.randn(B, D), cell.initial_state(B))  # type: ignore[attr-defined]
    return float(counter.get_total_flops())


@pytest.mark.parametrize("cell_type", [RNNCell, GRUCell, LSTMCell, LRUCell, MinGRUCell])
def test_cells_of_weight_matrices_agree_with_torchs_counter(cell_type: type) -> None:
    cell = cell_type(D, H)
    assert training_flops(cell, B, 1) == FORWARD_AND_BACKWARD * counted_forwards(cell)


@pytest.mark.parametrize(
    "name", ["lem", "cornn", "mgu", "janet", "star", "ligru", "antisymmetric", "gated_antisymmetric"]
)
def test_cells_of_the_library_agree_with_torchs_counter(name: str) -> None:
    pytest.importorskip("torchrecurrent")
    cell = ZooCell(D, H, name)  # type: ignore[arg-type]
    assert training_flops(cell, B, 1) == FORWARD_AND_BACKWARD * counted_forwards(cell)


@pytest.mark.parametrize(("name", "diagonals"), [("indrnn", 1), ("unicornn", 3), ("peephole", 3)])
def test_diagonal_weights_count_entry_by_entry(name: str, diagonals: int) -> None:
    """UnICORNN multiplies by w and twice by sigma(c), a peephole LSTM by three vectors, which torch does not count."""
    pytest.importorskip("torchrecurrent")
    cell = ZooCell(D, H, name)  # type: ignore[arg-type]
    assert training_flops(cell, B, 1) == FORWARD_AND_BACKWARD * (counted_forwards(cell) + 2 * B * H * diagonals)


def test_the_gated_delta_rule_counts_its_products_with_the_state() -> None:
    """Torch counts S k and S q, and takes the outer product v k^T for element-wise work."""
    for heads in (1, 3):
        cell = GatedDeltaCell(D, H, heads)
        outer = 2 * B * heads * (H // heads) ** 2
        assert training_flops(cell, B, 1) == FORWARD_AND_BACKWARD * (counted_forwards(cell) + outer)


def factor_flops(size: int) -> int:
    """Return the operations of an LU factorisation, counted loop by loop."""
    return sum((size - k - 1) + 2 * (size - k - 1) ** 2 for k in range(size))


def test_an_orthogonal_rnn_counts_its_linear_system() -> None:
    cell = OrthogonalRNNCell(D, H)
    triangular = 2 * B * H**2  # both solves, forwards
    expected = FORWARD_AND_BACKWARD * (counted_forwards(cell) + triangular) + factor_flops(H)
    assert training_flops(cell, B, 1) == pytest.approx(expected, rel=0.01)


def test_a_large_orthogonal_rnn_is_dominated_by_the_factors() -> None:
    cell = OrthogonalRNNCell(1, 400)
    assert training_flops(cell, 1, 1) == pytest.approx(factor_flops(400), rel=0.05)


def test_flops_are_in_proportion_to_the_length() -> None:
    for cell in (LSTMCell(D, H), GatedDeltaCell(D, H), OrthogonalRNNCell(D, H)):
        assert training_flops(cell, B, 9) == pytest.approx(9 * training_flops(cell, B, 1))
