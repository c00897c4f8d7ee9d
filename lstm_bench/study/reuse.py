"""Reuse members that other studies have trained."""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from lstm_bench.records.schema import JobPlan
from lstm_bench.records.store import StudyRecords
from lstm_bench.study.recovery import is_archived


def reuse_members(records: StudyRecords, jobs: Sequence[JobPlan]) -> int:
    """Copy finished members of these jobs, tuning included, from the other studies in runs/; return how many.

    A member's identity is the hash of everything that changes its result, so its result is the same in every study; its
    time, device and kernel are those of the study that trained it. Members without a result, damaged members and
    archived studies are not copied.
    """
    others = [StudyRecords(path.parent) for path in sorted(records.folder.parent.glob("*/members"))]
    others = [other for other in others if other.folder != records.folder and not is_archived(other.folder)]
    members = [member.identity for job in jobs for member in job.members()]
    identities = [identity for identity in members if not records.has_result(identity)]
    return sum(any(_copied(identity, other, records) for other in others) for identity in identities)


def _copied(identity: str, source: StudyRecords, target: StudyRecords) -> bool:
    """Copy one member completely or not at all; return whether the source has its result."""
    if not source.has_result(identity) or source.damage(identity):
        return False
    target_folder = target.member_folder(identity)
    target_folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.folder, prefix=".taken.") as temporary:
        fresh = Path(temporary) / identity
        shutil.copytree(source.member_folder(identity), fresh)
        shutil.rmtree(target_folder, ignore_errors=True)  # files of a member without a result
        fresh.replace(target_folder)
    return True
