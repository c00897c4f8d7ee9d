"""Bring MLflow level with the records: python -m lstm_bench.sync STUDY [STUDY ...]."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from lstm_bench.analysis.wording import counted
from lstm_bench.records.locking import HeldError
from lstm_bench.records.reading import RecordError
from lstm_bench.report.__main__ import existing_studies, study_folder
from lstm_bench.sync.levelling import NotLevelError, bring_level

NOT_LEVEL, WRONG_INPUT = 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Bring each study level and print a line a study; return the exit code, the worst where there are several.

    0: MLflow shows all that the records hold. 1: it does not, and a line says why. 2: a study that is none, or is being
    mirrored by the process that runs it.
    """
    asked = _parser().parse_args(arguments)
    return max(_sync(study, asked.runs, asked.reports, asked.uri) for study in asked.studies)


def _sync(study: str, runs: Path, reports: Path, uri: str | None) -> int:
    try:
        level = bring_level(_folder(study, runs), reports, uri)
    except NotLevelError as error:
        return _told(f"study={study}: not level: {error}", NOT_LEVEL)
    except HeldError as error:
        return _told(f"study={study}: mirrored by {error}: allowed: when that has ended", WRONG_INPUT)
    except RecordError as error:
        return _told(str(error), WRONG_INPUT)
    print(f"{study}: {counted(level.runs, 'run')} level, {level.written} written now")
    return 0


def _told(problem: str, code: int) -> int:
    print(" ".join(problem.split()), file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lstm_bench.sync", description="Bring MLflow level with the records of studies."
    )
    parser.add_argument(
        "studies", nargs="+", metavar="STUDY", help="name of a study, a folder of runs/; or the path of such a folder"
    )
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where studies lie (default: runs)")
    parser.add_argument("--reports", type=Path, default=Path("reports"), help="where reports lie (default: reports)")
    parser.add_argument("--uri", help="the MLflow store (default: that of the study)")
    return parser


def _folder(study: str, runs: Path) -> Path:
    """Return the folder of a study, which is named or given as a path.

    Raises: RecordError where there is none.
    """
    folder = study_folder(study, runs)
    if (folder / "study.json").exists():
        return folder.resolve()
    allowed = ", ".join(existing_studies(runs)) or f"none, since {runs} holds no study"
    raise RecordError(f"study={study}: allowed: {allowed}")


if __name__ == "__main__":
    sys.exit(main())
