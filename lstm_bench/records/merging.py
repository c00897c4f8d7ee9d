"""Join the records of one study that several machines made.

Everything is checked before anything is written. Each member is copied completely or not at all, and the plan is
written after the members: a merge that is killed leaves records that a second one completes.
"""

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from lstm_bench.metrics import SECONDS
from lstm_bench.records.copying import clear_temporary, copy_result
from lstm_bench.records.former_metrics import declarations_of
from lstm_bench.records.identity import content_hash
from lstm_bench.records.joined_plans import PlansError, joined
from lstm_bench.records.locking import held, study_lock
from lstm_bench.records.plan import StudyPlan
from lstm_bench.records.reading import RecordError
from lstm_bench.records.schema import FAILED, WITHOUT_RESULT, MemberRecord
from lstm_bench.records.store import StudyRecords


class MergeError(Exception):
    """Records that do not belong together; the message says why in a line."""


@dataclass
class Merged:
    """What was taken from one folder.

    Attributes:
        folder: the folder.
        copied: how many results were copied.
        there: how many results the first folder had already.
        without: how many of its members have no result.
        damaged: the members that cannot be read or whose files are damaged, which are not copied.
    """

    folder: Path
    copied: int = 0
    there: int = 0
    without: int = 0
    damaged: list[str] = field(default_factory=list)


def merge(target: Path, sources: Sequence[Path], command: str) -> list[Merged]:
    """Join the records of other folders into the first, and return what was taken from each.

    Results are copied, and failures of members that have no record; checkpoints are not, nor is speed, which belongs to
    one machine.

    Args:
        target: the folder that all others are joined into.
        sources: the other folders, which are read only.
        command: shown to anyone who tries to run the study meanwhile.

    Raises: MergeError where a folder is named twice, or plans or results differ; RecordError where a plan cannot be
        read; HeldError where the study runs; LockError where the folder cannot be locked.
    """
    _check_folders([target, *sources])
    records = StudyRecords(target)
    plan = records.read_plan()
    others = [StudyRecords(source) for source in sources]
    for other in others:
        try:
            plan = joined(plan, other.read_plan())
        except PlansError as error:
            raise MergeError(f"{other.folder}: {error}") from error
    with held(study_lock(target), command):
        _check_results(plan, [records, *others])
        clear_temporary(records)
        merged = [_merge_one(plan, other, records) for other in others]
        if plan != records.read_plan():
            records.write_plan(plan)
        for result in merged:
            records.journal.note("merged", folder=str(result.folder.resolve()), members=result.copied)
    return merged


def _check_folders(folders: Sequence[Path]) -> None:
    places = [folder.resolve() for folder in folders]
    for folder, place in zip(folders, places, strict=True):
        if places.count(place) > 1:
            raise MergeError(f"{folder}: named twice: allowed: each folder once")


def _check_results(plan: StudyPlan, folders: Sequence[StudyRecords]) -> None:
    """Check that each member has the same result in all folders that have one.

    Raises: MergeError, which names the first member that has several.
    """
    differing = list[str]()
    for job in plan.jobs:
        for member in job.possible_members():
            results = {}
            for folder in folders:
                if (record := _with_result(folder, member.identity)) is not None:
                    results[_result_of(record, job.units)] = folder.folder
            if len(results) > 1:
                first, second, *_ = results.values()
                where = f"{job.task} {job.cell} lag {job.lag} {member.role} seed {member.seed}"
                differing.append(f"{second}: member {member.identity} ({where}): the result differs from {first}")
    if differing:
        more = f" (and {len(differing) - 1} more)" if len(differing) > 1 else ""
        raise MergeError(f"{differing[0]}{more}: allowed: one result per member, so leave out one of the two folders")


def _with_result(records: StudyRecords, identity: str) -> MemberRecord | None:
    with suppress(RecordError):  # damage is handled when the member is copied
        if records.has_member(identity):
            record = records.read_member(identity)
            return None if record.status in WITHOUT_RESULT else record
    return None


def _result_of(record: MemberRecord, units: dict[str, str]) -> str:
    """Return a hash of the result of a member, without its times."""
    declared = declarations_of(record, units)
    metrics = {key: _plain(value) for key, value in record.metrics.items() if declared[key].unit != SECONDS}
    other_fields = [record.status, record.steps, record.steps_to_solve, record.learning_rate]
    return content_hash([*other_fields, metrics])


def _plain(value: float) -> float | str:
    """Return a number, as text where it is not finite."""
    return value if math.isfinite(value) else str(value)


def _merge_one(plan: StudyPlan, source: StudyRecords, target: StudyRecords) -> Merged:
    merged = Merged(source.folder)
    for identity in [member.identity for job in plan.jobs for member in job.possible_members()]:
        if not source.has_member(identity):
            continue
        if target.has_result(identity):
            merged.there += 1
            continue
        try:
            record = source.read_checked(identity)
        except RecordError as error:
            merged.damaged.append(str(error))
            continue
        if record.status not in WITHOUT_RESULT:
            _quarantine_damaged(identity, target)
            merged.copied += copy_result(identity, source, target)
            continue
        merged.without += 1
        if record.status in FAILED and not target.has_member(identity):
            target.write_status(record)
    return merged


def _quarantine_damaged(identity: str, records: StudyRecords) -> None:
    """Quarantine a member that cannot be read, as a study that resumes does."""
    if records.has_member(identity):
        try:
            records.read_member(identity)
        except RecordError as error:
            records.journal.note("damaged", path=str(records.quarantine(identity)), reason=str(error))
