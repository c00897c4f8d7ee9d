"""Write the missing records of a study into MLflow: python -m lstm_bench.tracking.backfill STUDY [STUDY ...].

Records are complete whatever happened to MLflow while the study ran, so they can be written at any later time. Heavy
imports (pandas, MLflow) stand inside the functions that need them, so that a wrong name is reported at once.
"""

import argparse
import atexit
import gc
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lstm_bench.analysis.wording import counted
from lstm_bench.records.locking import HeldError, LockError, held, is_job_held
from lstm_bench.records.plan import StudyPlan
from lstm_bench.records.reading import RecordError
from lstm_bench.records.store import StudyRecords
from lstm_bench.report.study_folders import existing_studies, study_folder
from lstm_bench.study.folders import tracking_uri
from lstm_bench.text_encoding import allow_all_letters, restart_in_utf8
from lstm_bench.tracking.addresses import others_line
from lstm_bench.tracking.background import mirror_lock
from lstm_bench.tracking.progress import Progress
from lstm_bench.tracking.run_spec import StudySummary

if TYPE_CHECKING:
    from lstm_bench.tracking.mirror import Mirror

PROGRAM = "lstm_bench.tracking.backfill"
INCOMPLETE, BAD_INPUT = 1, 2
PATIENCE_S = 60.0  # with a locked database, since the last write
BETWEEN_TRIES_S = 1.0


class IncompleteError(Exception):
    """MLflow does not show all that the records hold; the message says why."""


class Backfilled(NamedTuple):
    """The numbers of a study's runs in MLflow, of those that this call wrote, and of runs of other folders."""

    runs: int
    written: int
    others: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Backfill each study, print a line for each, and return the highest exit code.

    The exit code of a study is 0 where MLflow shows all that the records hold, 1 where it does not, and 2 for an
    unknown study, a study that does not train, or one that is being mirrored by the process that runs it.
    """
    allow_all_letters()
    options = _parser().parse_args(arguments)
    return max(_backfill_by_name(study, options.runs, options.reports, options.uri) for study in options.studies)


def backfill(folder: Path, reports: Path, uri: str | None) -> Backfilled:
    """Write into MLflow the missing records of a study and, where it has ended, its summary; return counts of runs.

    Args:
        folder: the study's records.
        reports: the folder of all reports; the study's report, if there is one, becomes a run.
        uri: the MLflow store; None for the store of the study's plan, or of MLFLOW_TRACKING_URI where that has none.

    Raises: IncompleteError; HeldError where the study's own mirror is running; LockError; RecordError for a study that
        does not train, or whose plan or store cannot be found.
    """
    records = StudyRecords(folder)
    plan = records.read_plan()
    if plan.measure in ("speed", "claims"):
        raise RecordError(f"study={folder.name}: a study of {plan.measure}: allowed: studies that train")
    if uri is None:
        _check_store(folder.name, plan.tracking_uri)
    from lstm_bench.tracking.mirror import Mirror

    with held(mirror_lock(folder), shlex.join(["python", "-m", PROGRAM, *sys.argv[1:]])):
        store, artifacts = tracking_uri(folder.parent.parent, uri or plan.tracking_uri)
        progress = Progress()
        mirror = Mirror(plan, records, store, artifacts, progress, lambda job: is_job_held(folder, job))
        summary = _summary(plan, folder, reports)
        _update(mirror, summary, progress)
        n_runs = mirror.recorded() + (summary.report is not None)
        return Backfilled(n_runs, len(progress.written), mirror.n_others)


def _check_store(study: str, uri: str | None) -> None:
    """Raise RecordError where the folder of a study's SQLite store has moved away: it would be made again, empty."""
    file = Path(uri.removeprefix("sqlite:///")) if uri and uri.startswith("sqlite:///") else None
    if file is not None and not file.parent.is_dir():
        raise RecordError(
            f"study={study}: its store {uri}: no folder {file.parent}: allowed: --uri URI, where it has moved"
        )


def _summary(plan: StudyPlan, folder: Path, reports: Path) -> StudySummary:
    """Return the summary of a study; it is empty for a study that has not ended."""
    if plan.finished is None:
        return StudySummary()
    from lstm_bench.analysis.frames import load_study
    from lstm_bench.study.mlflow_summary import mlflow_summary

    report = reports / folder.name
    return mlflow_summary(load_study(folder), report if (report / "results.csv").is_file() else None)


def _update(mirror: "Mirror", summary: StudySummary, progress: Progress) -> None:
    """Update MLflow; try again while another process has locked the database."""
    while True:
        try:
            mirror.update(summary)
            break
        except Exception as error:
            if "database is locked" not in str(error) or time.monotonic() - progress.last_write > PATIENCE_S:
                raise IncompleteError(_first_line(error)) from error
        time.sleep(BETWEEN_TRIES_S)
    if mirror.refused:
        identity, problem = next(iter(mirror.refused.items()))
        raise IncompleteError(f"{counted(len(mirror.refused), 'member')}, the first {identity}: {_first_line(problem)}")


def _first_line(error: Exception) -> str:
    """Return the first line of a message; MLflow and SQLAlchemy append the whole statement."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:300]


def _backfill_by_name(study: str, runs: Path, reports: Path, uri: str | None) -> int:
    """Backfill a study, print the result or the problem in one line, and return the exit code."""
    try:
        result = backfill(_folder(study, runs), reports, uri)
    except IncompleteError as error:
        return _report_problem(f"study={study}: not all written to MLflow: {error}", INCOMPLETE)
    except HeldError as error:
        return _report_problem(f"study={study}: mirrored by {error}: allowed: once that process has ended", BAD_INPUT)
    except (RecordError, LockError) as error:
        return _report_problem(str(error), BAD_INPUT)
    print(f"{study}: {counted(result.runs, 'run')} in MLflow, {result.written} written now")
    if result.others:
        print(f"{study}: {others_line(result.others)}")
    return 0


def _report_problem(problem: str, code: int) -> int:
    print(" ".join(problem.split()), file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m {PROGRAM}", description="Write the missing records of studies to MLflow."
    )
    parser.add_argument(
        "studies", nargs="+", metavar="STUDY", help="name of a study, a folder of runs/; or the path of such a folder"
    )
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of all records (default: runs)")
    parser.add_argument(
        "--reports", type=Path, default=Path("reports"), help="folder of all reports (default: reports)"
    )
    parser.add_argument("--uri", help="the MLflow store (default: that of the study, or MLFLOW_TRACKING_URI)")
    return parser


def _folder(study: str, runs: Path) -> Path:
    """Return the folder of a study that is given by name or by path.

    Raises: RecordError where there is none.
    """
    folder = study_folder(study, runs)
    if (folder / "study.json").exists():
        return folder.resolve()
    allowed = ", ".join(existing_studies(runs)) or f"none, since {runs} holds no study"
    raise RecordError(f"study={study}: allowed: {allowed}")


if __name__ == "__main__":
    restart_in_utf8()
    atexit.register(gc.freeze)  # Python would search all of MLflow for cycles before it ends: half a second
    sys.exit(main())
