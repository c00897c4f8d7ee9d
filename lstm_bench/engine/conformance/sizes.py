"""The number of parameters of a cell, and the hidden sizes that it allows."""

from collections.abc import Mapping

from torch import Generator, Tensor

from lstm_bench.cells.contract import CellError
from lstm_bench.cells.reals import count_reals
from lstm_bench.engine.conformance.finding import Finding, fault, not_tried, ok, warning
from lstm_bench.engine.conformance.subject import DRAWS, SEED, Subject, listed, step_once
from lstm_bench.engine.model import drawn_cell

WIDTHS = range(1, 17)


def parameters(subject: Subject) -> Finding:
    """Count the trained numbers by the shapes of the parameters, which are the same for every seed and after a step."""
    start, after = subject.starts[0], dict(subject.rivals[1].named_parameters())
    other = [name for name, tensor in after.items() if name not in start or start[name].shape != tensor.shape]
    if other:
        return fault(
            f"its parameters {listed(other)} differ between a new cell and one of another seed that took a step, so "
            "they cannot be counted, matched or trained together",
            "every parameter is made in the constructor, with a shape that follows from its arguments",
        )
    first = dict(subject.first.named_parameters())
    trained = {name: tensor for name, tensor in first.items() if tensor.requires_grad}
    if not trained:
        return warning("no parameter is trained", "one or more with requires_grad=True")
    count, fixed = sum(map(count_reals, trained.values())), [name for name in first if name not in trained]
    return ok(f"{formula(trained)} = {count:,}{f'; not trained: {listed(fixed)}' if fixed else ''}", f"{count:,}")


def formula(tensors: Mapping[str, Tensor]) -> str:
    """Return the number of real numbers in tensors as a sum by shape: "weight 4 x 3 + bias 4"."""
    return " + ".join(f"{name} {_product(tensor)}" for name, tensor in tensors.items())


def _product(tensor: Tensor) -> str:
    sizes = [*([2] if tensor.is_complex() else []), *tensor.shape]
    return " x ".join(map(str, sizes)) or "1"


def widths(subject: Subject) -> Finding:
    """Try the hidden sizes of WIDTHS; those that a constructor refuses are left out where cells are matched."""
    if subject.make_of_width is None:
        return not_tried("it has no hidden_size to set")
    refused, failing = dict[int, str](), dict[int, str]()
    for width in WIDTHS:
        try:
            cell = drawn_cell(subject.make_of_width(width), Generator().manual_seed(SEED))
        except Exception as error:  # a constructor refuses in its own way
            refused[width] = str(error)
            continue
        if cell.hidden_size != width:
            return fault(
                f"hidden_size={width} makes a cell whose hidden_size is {cell.hidden_size}, by which cells are matched",
                "self.hidden_size = hidden_size, the width of the output",
            )
        try:
            step_once(cell, DRAWS)
        except CellError as error:
            failing[width] = str(error)
    if failing:
        width, reason = next(iter(failing.items()))
        return warning(
            f"hidden_size={width} is refused by a step, not by the constructor: {reason}",
            f'raise ValueError("hidden_size={width}: allowed: ...") in the constructor',
        )
    span = f"{WIDTHS[0]} to {WIDTHS[-1]}"
    allowed = [str(width) for width in WIDTHS if width not in refused]
    if not refused:
        return ok(f"every hidden_size from {span}")
    width, reason = next(iter(refused.items()))
    return ok(f"of the hidden sizes {span} it allows {', '.join(allowed) or 'none'} ({width}: {reason})")
