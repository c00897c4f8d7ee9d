"""Run a small study, and faults, on every engine that is here, and print what became of them: make engines.

python tests/engines [arguments of pytest]; the table goes into experiments/cluster/README.md where nothing failed.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from lstm_bench.cores import usable_cores

HERE = Path(__file__).parent
README = HERE.parents[1] / "experiments" / "cluster" / "README.md"
BEGIN, END = "<!-- table -->", "<!-- end of table -->"
HEADINGS = ("engine", "jobs", "wall", "overhead a job", "faults injected", "survived")
TABLE = "LSTM_BENCH_ENGINES_TABLE"  # as in conftest.py


def main(arguments: Sequence[str]) -> int:
    """Run the tests; return pytest's exit code."""
    with tempfile.TemporaryDirectory() as folder:
        lines = Path(folder) / "rows.jsonl"
        lines.touch()
        command = [sys.executable, "-m", "pytest", "-n", "0", "-m", "engines or not engines", str(HERE), *arguments]
        exit_code = subprocess.run(command, check=False, env=os.environ | {TABLE: str(lines)}).returncode
        rows = [in_words(*json.loads(line)) for line in lines.read_text().splitlines()]
    table = Table(*HEADINGS)
    for row in rows:
        table.add_row(*row)
    Console().print(table)
    if exit_code == 0 and not arguments:
        write_down(rows)
    return exit_code


def in_words(
    engine: str, jobs: int | None, wall_s: float | None, overhead_s: float | None, faults: str, survived: bool
) -> tuple[str, ...]:
    """Return a row of the table."""
    seconds = ["" if value is None else f"{value:.1f} s" for value in (wall_s, overhead_s)]
    return engine, "" if jobs is None else str(jobs), *seconds, faults, "yes" if survived else "no"


def write_down(rows: Sequence[Sequence[Any]]) -> None:
    """Put the table, its date and its machine between the two markers of the README."""
    before, rest = README.read_text().split(BEGIN)
    after = rest.split(END)[1]
    summary = f"{datetime.now(UTC).date()}, {usable_cores()} cores, Python {platform.python_version()}."
    lines = [HEADINGS, ("---",) * len(HEADINGS), *rows]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    README.write_text(f"{before}{BEGIN}\n{summary}\n\n{table}\n{END}{after}")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
