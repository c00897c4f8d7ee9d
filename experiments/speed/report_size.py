"""What it takes to make the report of 1,000 members again: seconds, CPU seconds, peak memory, size of the page.

python experiments/speed/report_size.py [--rounds 3] [--studies FOLDER]

Writes two synthetic studies (once, to --studies, else to a temporary folder) with tables as large as real ones:
"seeds", 2 cells x 10 lags x 50 seeds of one task, and "cells", 5 cells x 10 lags x 10 seeds of two tasks with 600
tuning members beside. Then makes each report `rounds` times, each in a fresh process, imports included, and prints
medians. Other work on the machine lengthens the wall time; the CPU time hardly. Memory is that of all processes of a
rebuild together, looked at 20 times a second, pages that they share counted in each.
"""

import argparse
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # for command_cost
sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "analysis"))  # for synthetic_study

from command_cost import command_cost
from synthetic_study import CELLS, SyntheticCell, make_study

LAGS = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48)
MORE_CELLS = {
    "gru": SyntheticCell(3, 14.0, 0.9, 0.96, 110_000.0),
    "lstm_chrono": SyntheticCell(4, 30.0, 0.96, 0.975, 88_000.0),
    "lstm_no_forget_gate": SyntheticCell(3, 9.0, 0.95, 0.97, 100_000.0),
}
STUDIES: Mapping[str, Mapping[str, Any]] = {
    "seeds": {"cells": ("lstm", "rnn"), "n_seeds": 50, "tasks": ("copy",), "tuned": False},
    "cells": {"cells": ("lstm", "rnn", *MORE_CELLS), "n_seeds": 10, "tasks": ("copy", "adding"), "tuned": True},
}


@dataclass(frozen=True)
class Rebuild:
    """One rebuild of a report."""

    wall_s: float
    cpu_s: float
    peak_mib: float
    page_mb: float


def main() -> None:
    """Print a line a study: medians over the rounds."""
    parser = argparse.ArgumentParser(description="Time and memory of a report of 1,000 members.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--studies", type=Path, help="where the studies lie, written where they are not there")
    asked = parser.parse_args()
    CELLS.update(MORE_CELLS)
    with tempfile.TemporaryDirectory() as temporary:
        runs = asked.studies or Path(temporary) / "runs"
        for study, shape in STUDIES.items():
            if not (runs / study).exists():
                make_study(runs / study, lags=LAGS, **shape)
            rounds = [asdict(rebuild(study, runs, Path(temporary) / "reports")) for _ in range(asked.rounds)]
            middle = {name: median(one[name] for one in rounds) for name in rounds[0]}
            print(f"{study}:", ", ".join(f"{name} {value:.1f}" for name, value in middle.items()), flush=True)


def rebuild(study: str, runs: Path, reports: Path) -> Rebuild:
    """Return what one rebuild in a fresh process took; the CPU time is that of its workers too."""
    command = [sys.executable, "-m", "lstm_bench.report", study, "--runs", str(runs), "--reports", str(reports)]
    cost = command_cost(command)
    page = reports / study / "report.html"
    return Rebuild(*cost, page.stat().st_size / 1e6)


if __name__ == "__main__":
    main()
