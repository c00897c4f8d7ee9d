"""Inject every fault, print what became of it, and write the same into experiments/faults/README.md: make faults.

python tests/faults [full|short] [--seed N] [--only WORDS]
"""

from __future__ import annotations

import argparse
import platform
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import SystemRandom

import bad_jobs
import damaging
import full_disks
import killing
import mirror_outages
import misbehaving
import output_folders
import stopping_studies
import torch
from faults import Fault, Tried, tries
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from lstm_bench.cores import usable_cores

PARTS = (
    killing, damaging, full_disks, misbehaving, stopping_studies, bad_jobs, output_folders, mirror_outages,
)  # fmt: skip
README = Path(__file__).parents[2] / "experiments" / "faults" / "README.md"
BEGIN, END = "<!-- table -->", "<!-- end of table -->"
HEADINGS = ("fault", "tried", "survived", "lost", "when it struck")


def main(arguments: Sequence[str] | None = None) -> int:
    """Inject all faults; return 0 where nothing was lost, else 1."""
    parser = argparse.ArgumentParser(prog="python tests/faults", description=__doc__.splitlines()[0])
    parser.add_argument("count", nargs="?", choices=("full", "short"), default="full")
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**6), help="of all random moments")
    parser.add_argument("--only", default="", help="part of the names of the faults to inject; the table stays")
    options = parser.parse_args(arguments)
    console = Console()
    console.print(f"Seed {options.seed}, {options.count} counts")
    chosen = [(fault, getattr(fault, options.count)) for part in PARTS for fault in part.FAULTS]
    wanted = [(fault, count) for fault, count in chosen if count and options.only in fault.name]
    results = inject(wanted, options.seed, console)
    console.print(in_a_table(results))
    if options.count == "full" and not options.only:
        write_down(results, options.seed)
    return int(any(result.losses for result in results))


def inject(wanted: Sequence[tuple[Fault, int]], seed: int, console: Console) -> list[Tried]:
    """Inject faults so many times, and tell at once what was lost."""
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    results = []
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=sum(count for _, count in wanted))
        for fault, count in wanted:
            progress.update(task, description=fault.name)
            result = tries(fault, count, seed, folder, lambda: progress.advance(task))
            results.append(result)
            console.print(f"{fault.name}: {result.survived} of {result.tried} survived", highlight=False)
            for loss in result.losses:
                console.print(f"  {loss}\n  (files: {folder})", markup=False, highlight=False)
    return results


def rows(results: Sequence[Tried]) -> list[tuple[str, ...]]:
    """Return a row a fault, in words."""
    return [
        (r.fault.name, f"{r.tried}", f"{r.survived}", f"{len(r.losses)}", in_words(r.stages)) for r in results
    ]  # fmt: skip


def in_words(stages: dict[str, int]) -> str:
    """Tell how many tries struck at each stage, the most frequent first."""
    counts = sorted(((count, stage) for stage, count in stages.items() if stage), reverse=True)
    return ", ".join(f"{stage} {count}" for count, stage in counts)


def in_a_table(results: Sequence[Tried]) -> Table:
    """Return the table for a terminal."""
    table = Table(*HEADINGS)
    for row in rows(results):
        table.add_row(*row)
    return table


def write_down(results: Sequence[Tried], seed: int) -> None:
    """Put the table, its date and its machine between the two markers of the README."""
    before, rest = README.read_text().split(BEGIN)
    after = rest.split(END)[1]
    tried, lost = sum(r.tried for r in results), sum(len(r.losses) for r in results)
    summary = (
        f"{datetime.now(UTC).date()}, {usable_cores()} cores of an {processor()}, Python {platform.python_version()}, "
        f"torch {torch.__version__}, seed {seed}: {tried} tried, {tried - lost} survived, {lost} lost."
    )
    lines = [HEADINGS, ("---",) * len(HEADINGS), *rows(results)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    README.write_text(f"{before}{BEGIN}\n{summary}\n\n{table}\n{END}{after}")


def processor() -> str:
    """Return the name of this machine's processor."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    return next((line.split(": ")[1] for line in lines if line.startswith("model name")), platform.machine())


if __name__ == "__main__":
    raise SystemExit(main())
