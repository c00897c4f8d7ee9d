"""The checks of a cell, in one list: the first of them run before a study, all of them for the author of a cell.

The checks before a study find what makes numbers wrong without an error, in a few steps. The others take longer, or
examine what a study may well do: run a cell member by member, say, or leave out the hidden sizes that it refuses.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch

from lstm_bench.cells.contract import CellError, cell_error, cell_failure, cell_name
from lstm_bench.engine.conformance import gradients, modes, precision, repeatability, running, sizes
from lstm_bench.engine.conformance.finding import Finding, fault, not_tried
from lstm_bench.engine.conformance.subject import Subject
from lstm_bench.engine.model import MakeCell

ALLOWED = ": allowed: "  # between a fault and its mend, in the message of a CellError


class Check(NamedTuple):
    """A check: its name and its function, which raises CellError for a cell that cannot take a step."""

    name: str
    find: Callable[[Subject], Finding]


AT_THE_DOOR = (
    Check("shapes", precision.shapes),
    Check("start", repeatability.start),
    Check("state", repeatability.memory),
    Check("constants", repeatability.constants),
    Check("own tensors", repeatability.tensors_stay),
    Check("in place", repeatability.nothing_in_place),
    Check("seeds", repeatability.seeds),
    Check("parameters", gradients.reached),
    Check("evaluation", modes.evaluation),
    Check("dtypes", precision.dtypes),
    Check("count", sizes.parameters),
)
FOR_THE_AUTHOR = (
    Check("generators", repeatability.generators),
    Check("batch", modes.batch_independence),
    Check("gradients", gradients.derivatives),
    Check("widths", sizes.widths),
    Check("members", running.members),
    Check("gpu", running.gpu),
)
TIMED = (Check("speed", running.speed),)
ALL = (*AT_THE_DOOR, *FOR_THE_AUTHOR, *TIMED)


def check_cell(make_cell: MakeCell, device: torch.device) -> list[str]:
    """Return warnings about a class of cells that can be trained, one sentence each.

    Raises: CellError for a class that fails, or whose numbers would be wrong; it names the fault and what is allowed.
    """
    subject = Subject(make_cell, device)
    warnings = list[str]()
    for check in AT_THE_DOOR:
        finding = check.find(subject)
        if finding.verdict == "fault":
            raise cell_error(type(subject.first), f"{finding.text}{ALLOWED}{finding.mend}")
        if finding.verdict == "warning":
            warnings.append(f"{cell_name(type(subject.first))}: {finding.text}")
    return warnings


def findings(
    make_cell: MakeCell,
    device: torch.device,
    make_of_width: Callable[[int], MakeCell] | None = None,
    checks: tuple[Check, ...] = ALL,
) -> Iterator[tuple[str, Finding]]:
    """Yield the name of each check and what it finds, whatever the cell does.

    Once a check has found a fault, a later one in which the cell raises counts as not tried.

    Args:
        make_cell: makes a cell from a generator.
        device: where the checks run.
        make_of_width: returns a function that makes a cell of another hidden size.
        checks: the checks to run.

    Raises: CellError where no cell can be made.
    """
    subject = Subject(make_cell, device, make_of_width)
    faulty: str | None = None  # the first check that finds a fault
    for check in checks:
        try:
            finding = check.find(subject)
        except (MemoryError, torch.OutOfMemoryError):
            raise
        except (Exception, SystemExit) as error:
            finding = not_tried(f"see {faulty}") if faulty else _fault_of(error, type(subject.first))
        if finding.verdict == "fault":
            faulty = faulty or check.name
        yield check.name, finding


def _fault_of(error: BaseException, cell_type: type) -> Finding:
    """Return the fault of a cell that raises in a check."""
    raised = error if isinstance(error, CellError) else cell_failure(cell_type, "it", error)
    text, _, mend = str(raised).removeprefix(f"{cell_name(cell_type)}: ").partition(ALLOWED)
    return fault(text, mend)
