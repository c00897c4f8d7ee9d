"""Print the findings of the conformance suite on a cell, one line a check."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch

from lstm_bench.cells.contract import CellError
from lstm_bench.check.naming import HIDDEN_SIZE, named_job
from lstm_bench.config.building import TARGET
from lstm_bench.config.errors import ConfigError
from lstm_bench.config.objects import build_job, cell_maker
from lstm_bench.config.schema import JobConfig
from lstm_bench.engine.conformance.finding import Finding
from lstm_bench.engine.conformance.suite import ALL, Check, findings
from lstm_bench.engine.model import MakeCell

NAME_WIDTH = max(len(check.name) for check in ALL)
VERDICT_WIDTH = len("not tried")
CPU = torch.device("cpu")


def report(arguments: Sequence[str], checks: tuple[Check, ...] = ALL) -> bool:
    """Print the findings of the checks on the named cell; return whether none is a fault.

    Raises: ConfigError for bad input, as in a study: no such class, an unknown key, a value that is not allowed.
    """
    job = named_job(arguments)
    task, _ = build_job(job)
    settings = [f"{key}={value}" for key, value in job.cell.items() if key != TARGET]
    print(" ".join([f"cell {job.cell[TARGET]}", *settings, f"input_size={task.input_size}"]))
    verdicts = Counter[str]()
    for name, finding in findings_of(job, checks):
        print(line(name, finding), flush=True)
        verdicts[finding.verdict] += 1
    print(", ".join(f"{count} {verdict}" for verdict, count in verdicts.items()))
    return not verdicts["fault"]


def findings_of(job: JobConfig, checks: tuple[Check, ...]) -> Iterator[tuple[str, Finding]]:
    """Yield the name and the finding of each check on the cell of a job, with inputs as wide as those of its task.

    Raises: ConfigError where no cell can be made.
    """
    task, _ = build_job(job)

    def of_width(width: int) -> MakeCell:
        return cell_maker(replace(job, cell={**job.cell, HIDDEN_SIZE: width}), task)

    try:
        yield from findings(cell_maker(job, task), CPU, of_width if HIDDEN_SIZE in job.cell else None, checks)
    except CellError as error:  # no cell can be made with storage
        raise ConfigError(str(error)) from error


def line(name: str, finding: Finding) -> str:
    """Return the finding of a check in one line: its verdict, the check's name, what was found, and what mends it."""
    mend = f" -- remedy: {finding.mend}" if finding.mend else ""
    text = " ".join(f"{finding.text}{mend}".split())
    return f"{finding.verdict:<{VERDICT_WIDTH}}  {name:<{NAME_WIDTH}}  {text}"
