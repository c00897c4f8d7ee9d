"""One time step of an LSTM taken apart: every number between its inputs and its outputs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lstm_bench.cells.lstm import LSTMCell

GATES = ("f", "i", "g", "o")
BLOCKS = {"i": 0, "f": 1, "g": 2, "o": 3}  # of LSTMCell's weights, H rows each
Vector = Sequence[float]


class AnatomyError(ValueError):
    """Numbers are not those of a step; the message is one line: the key, its value and what is allowed."""


@dataclass(frozen=True)
class StepAnatomy:
    """One step of one example: vectors of H numbers, x of D, `concatenated` = [h_{t-1}, x_t] of H + D.

    `weights` holds W [H, H + D] over [h, x] and `biases` b [H] of each gate, the sum where a cell has two. `split`
    holds U h and V x of the same weights W = [U, V], so that pre = W [h, x] + b = (U h + V x) + b.
    `pre` holds the pre-activations and `gates` f, i, the candidate g and o; keep = f c_{t-1}, written = i g.
    """

    x: list[float]
    h_before: list[float]
    c_before: list[float]
    concatenated: list[float]
    weights: dict[str, list[list[float]]]
    biases: dict[str, list[float]]
    split: dict[str, tuple[list[float], list[float]]]
    pre: dict[str, list[float]]
    gates: dict[str, list[float]]
    keep: list[float]
    written: list[float]
    c: list[float]
    tanh_c: list[float]
    h: list[float]


@torch.no_grad()
def dissect(cell: LSTMCell, x: Tensor, h: Tensor, c: Tensor) -> StepAnatomy:
    """Take one step apart, in float64.

        pre = W_ih x + b_ih + W_hh h + b_hh,   f i o = sigmoid(pre),   g = tanh(pre)
        c' = f c + i g,   h' = o tanh(c')

    Args:
        cell: its weights are used as they are, widened to float64.
        x: [D].
        h: [H], from the step before.
        c: [H], from the step before.

    Raises: AnatomyError for another size, or a number that is not finite.
    """
    for name, vector, size in (("x", x, cell.input_size), ("h", h, cell.hidden_size), ("c", c, cell.hidden_size)):
        _check(name, vector, size)
    x, h, c = x.double(), h.double(), c.double()
    weights = {name: p.double() for name, p in cell.named_parameters()}
    over_h, over_x = weights["weight_hh"] @ h, weights["weight_ih"] @ x
    whole = torch.cat((weights["weight_hh"], weights["weight_ih"]), dim=1)
    biases = weights["bias_ih"] + weights["bias_hh"]
    pre = _by_gate(over_x + weights["bias_ih"] + over_h + weights["bias_hh"])
    gates = {gate: torch.tanh(value) if gate == "g" else torch.sigmoid(value) for gate, value in pre.items()}
    keep, written = gates["f"] * c, gates["i"] * gates["g"]
    after = keep + written
    return StepAnatomy(
        x=x.tolist(),
        h_before=h.tolist(),
        c_before=c.tolist(),
        concatenated=torch.cat((h, x)).tolist(),
        weights={gate: rows.tolist() for gate, rows in _by_gate(whole).items()},
        biases={gate: values.tolist() for gate, values in _by_gate(biases).items()},
        split={gate: (_by_gate(over_h)[gate].tolist(), _by_gate(over_x)[gate].tolist()) for gate in GATES},
        pre={gate: value.tolist() for gate, value in pre.items()},
        gates={gate: value.tolist() for gate, value in gates.items()},
        keep=keep.tolist(),
        written=written.tolist(),
        c=after.tolist(),
        tanh_c=after.tanh().tolist(),
        h=(gates["o"] * after.tanh()).tolist(),
    )


def _by_gate(stacked: Tensor) -> dict[str, Tensor]:
    """Return the rows [H, ...] of each gate, from those of all gates [4 H, ...] in the order of LSTMCell."""
    blocks = stacked.chunk(4)
    return {gate: blocks[BLOCKS[gate]] for gate in GATES}


@torch.no_grad()
def cell_from_numbers(weights: Mapping[str, Sequence[Vector]], biases: Mapping[str, Vector], n_inputs: int) -> LSTMCell:
    """Return the LSTM in float64 whose gates are W [h, x] + b, with W [H, H + D] and b [H] for each of f, i, g and o.

    Raises: AnatomyError where a gate is missing, sizes do not match, or a number is not finite.
    """
    hidden_size = len(biases.get("f", ()))
    if hidden_size < 1 or n_inputs < 1:
        raise AnatomyError("x, b_f=0 numbers: allowed: at least one number each")
    cell = LSTMCell(n_inputs, hidden_size).double()
    cell.bias_hh.zero_()
    for gate, block in BLOCKS.items():
        rows = slice(block * hidden_size, (block + 1) * hidden_size)
        matrix = _matrix(f"W_{gate}", weights.get(gate, ()), hidden_size, hidden_size + n_inputs)
        bias = torch.tensor(list(biases.get(gate, ())), dtype=torch.float64)
        _check(f"b_{gate}", bias, hidden_size)
        cell.weight_hh[rows], cell.weight_ih[rows] = matrix[:, :hidden_size], matrix[:, hidden_size:]
        cell.bias_ih[rows] = bias
    return cell


def _check(name: str, vector: Tensor, size: int) -> None:
    if vector.shape != (size,):
        raise AnatomyError(f"{name}={_many(vector.numel())}: allowed: {_many(size)}, since that is the weights' size")
    not_finite = vector[~vector.isfinite()]
    if len(not_finite):
        raise AnatomyError(f"{name}={float(not_finite[0])}: allowed: finite numbers")


def _many(count: int) -> str:
    return f"{count} number{'' if count == 1 else 's'}"


def _matrix(name: str, rows: Sequence[Vector], height: int, width: int) -> Tensor:
    widths = sorted({len(row) for row in rows})
    if len(rows) != height or widths != [width]:
        shape = f"{len(rows)} rows" + (f" of {' or '.join(map(str, widths))} numbers" if rows else "")
        raise AnatomyError(f"{name}={shape}: allowed: {height} rows of {width} numbers, for [h, x]")
    matrix = torch.tensor([list(row) for row in rows], dtype=torch.float64)
    for row in matrix:
        _check(name, row, width)
    return matrix
