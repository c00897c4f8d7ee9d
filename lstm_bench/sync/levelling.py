"""Bring MLflow level with one study's records, with patience for a store that others use."""

import shlex
import sys
import time
from pathlib import Path
from typing import NamedTuple

from lstm_bench.analysis.frames import load_study
from lstm_bench.analysis.results import derived_metrics, study_metrics
from lstm_bench.records.locking import held, is_held, job_lock
from lstm_bench.records.reading import RecordError
from lstm_bench.records.schema import StudyPlan
from lstm_bench.records.store import StudyRecords
from lstm_bench.study.folders import tracking_uri
from lstm_bench.tracking.background import mirror_lock
from lstm_bench.tracking.mirror import Mirror
from lstm_bench.tracking.progress import Progress
from lstm_bench.tracking.summary import StudySummary

PATIENCE_S = 60.0  # with a database that is locked, since something was last written
BETWEEN_TRIES_S = 1.0


class NotLevelError(Exception):
    """MLflow does not show all that the records hold, in words: why."""


class Level(NamedTuple):
    """What MLflow shows now: how many runs, and how many of these were written this time."""

    runs: int
    written: int


def bring_level(folder: Path, reports: Path, uri: str | None) -> Level:
    """Write what MLflow lacks of a study's records, its end included where the study has ended.

    Args:
        folder: the study's records.
        reports: where reports lie; one of this study becomes a run, too.
        uri: the MLflow store, None for that of the study's plan.

    Raises: NotLevelError, HeldError where the study's own mirror is at work, RecordError for no study that trains.
    """
    records = StudyRecords(folder)
    plan = records.read_plan()
    if plan.measure != "training":
        raise RecordError(f"study={folder.name}: a study of {plan.measure}: allowed: studies that train")
    with held(mirror_lock(folder), shlex.join(["python", "-m", "lstm_bench.sync", *sys.argv[1:]])):
        where, artifacts = tracking_uri(folder.parent.parent, uri or plan.tracking_uri)
        progress = Progress()
        mirror = Mirror(plan, records, where, artifacts, progress, lambda job: is_held(job_lock(folder, job)))
        ending = _ending(plan, folder, reports)
        _level(mirror, ending, progress)
        return Level(mirror.present() + (ending.report is not None), len(progress.written))


def _ending(plan: StudyPlan, folder: Path, reports: Path) -> StudySummary:
    """Return what is known of a study that has ended, nothing of one that was stopped."""
    if plan.finished is None:
        return StudySummary()
    study, report = load_study(folder), reports / folder.name
    return StudySummary(
        derived_metrics(study), study_metrics(study), report if (report / "results.csv").is_file() else None
    )


def _level(mirror: Mirror, ending: StudySummary, progress: Progress) -> None:
    """Try until MLflow is level; a database that somebody else has locked is tried again."""
    while True:
        try:
            mirror.level(ending)
            break
        except Exception as error:
            if "database is locked" not in str(error) or time.monotonic() - progress.last_write > PATIENCE_S:
                raise NotLevelError(_in_a_line(error)) from error
        time.sleep(BETWEEN_TRIES_S)
    if mirror.refused:
        identity, problem = next(iter(mirror.refused.items()))
        raise NotLevelError(f"{len(mirror.refused)} members, the first {identity}: {_in_a_line(problem)}")


def _in_a_line(error: Exception) -> str:
    """Return the first line of what was raised; MLflow and SQLAlchemy tell the whole statement after it."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:300]
