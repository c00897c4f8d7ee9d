"""Decide whether a generated kernel may run a cell: in a trial it has to give the numbers of autograd."""

import torch

from lstm_bench.cells.contract import Cell, CellError
from lstm_bench.engine.compiled.build import CannotBuildError, library
from lstm_bench.engine.compiled.layout import PRECISION
from lstm_bench.engine.functional_cell import FunctionalCell
from lstm_bench.engine.generated.generating import generate, once_for_alike
from lstm_bench.engine.generated.kernel import GeneratedKernel
from lstm_bench.engine.generated.tracing import CannotGenerateError
from lstm_bench.engine.generic import GenericKernel, agree, named_tensors, trial


def why_not_generated(cell: Cell, training: bool = True) -> str | None:
    """Return why no kernel can be generated from the step of a cell in a mode; None where one can.

    A cell on the meta device is only traced; any other also runs a small problem in both ways.
    """
    try:
        if (dtype := FunctionalCell(cell).dtype) not in PRECISION:
            return f"no kernel is compiled for {dtype}"
        library(PRECISION[dtype])  # raises CannotBuildError without a compiler
        if any(tensor.is_meta for tensor in named_tensors(cell).values()):
            generate(cell, training)
        else:
            once_for_alike(why_not_generated, cell, training, lambda: _try(cell, training))
    except (CannotGenerateError, CannotBuildError, CellError) as error:
        return str(error)
    return None


def _try(cell: Cell, training: bool) -> None:
    """Compare outputs, gradients and norms of a small problem with those of autograd, member by member."""
    with torch.enable_grad():
        ways = [
            trial(kernel, cell) for kernel in (GeneratedKernel(cell, training), GenericKernel(cell, False, training))
        ]
    if not all(agree(a, b) for a, b in zip(*ways, strict=True)):
        raise CannotGenerateError("the generated kernel and autograd give different numbers")
