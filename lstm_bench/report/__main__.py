"""Make a report again from its records: python -m lstm_bench.report <study> [runs]."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from lstm_bench.records.store import RecordError
from lstm_bench.report.build import build_report

WRONG_INPUT = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the report that was asked for and print its path; return the exit code, 2 for an unknown study."""
    parser = argparse.ArgumentParser(prog="python -m lstm_bench.report", description="Make a report from its records.")
    parser.add_argument("study", help="name of the study, a folder of runs/")
    parser.add_argument("runs", nargs="?", type=Path, default=Path("runs"), help="where studies lie (default: runs)")
    parser.add_argument("--reports", type=Path, default=Path("reports"), help="where reports go (default: reports)")
    asked = parser.parse_args(arguments)
    there = existing_studies(asked.runs)
    if asked.study not in there:
        allowed = ", ".join(there) or f"none, since {asked.runs} holds no study"
        print(f"study={asked.study}: allowed: {allowed}", file=sys.stderr)
        return WRONG_INPUT
    try:
        print(build_report(asked.runs / asked.study, asked.reports))
    except RecordError as error:
        print(error, file=sys.stderr)
        return WRONG_INPUT
    return 0


def existing_studies(runs: Path) -> list[str]:
    """Return the names of the studies that have a plan."""
    return sorted(path.parent.name for path in runs.glob("*/study.json"))


if __name__ == "__main__":
    sys.exit(main())
