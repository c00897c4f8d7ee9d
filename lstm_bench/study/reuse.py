"""What other studies have trained already is taken from there."""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from lstm_bench.records.schema import JobPlan
from lstm_bench.records.store import StudyRecords
from lstm_bench.study.members import members_of
from lstm_bench.study.recovery import is_set_aside


def take_over(records: StudyRecords, jobs: Sequence[JobPlan]) -> int:
    """Copy finished members of these jobs, and those that tuned them, from the studies beside; return how many.

    A member is the same wherever it was trained, since its identity is the hash of all that changes its result; its
    time, device and kernel are those of where it was. Members without a result, damaged ones and studies that were
    started anew since stay behind.
    """
    others = [StudyRecords(path.parent) for path in sorted(records.folder.parent.glob("*/members"))]
    others = [other for other in others if other.folder != records.folder and not is_set_aside(other.folder)]
    wanted = [member.identity for job in jobs for member in members_of(job) if not records.has_result(member.identity)]
    return sum(any(_copied(identity, other, records) for other in others) for identity in wanted)


def _copied(identity: str, source: StudyRecords, target: StudyRecords) -> bool:
    """Copy one member, whole or not at all; tell whether it was there."""
    if not source.has_result(identity) or source.damage(identity):
        return False
    place = target.member_folder(identity)
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.folder, prefix=".taken.") as temporary:
        fresh = Path(temporary) / identity
        shutil.copytree(source.member_folder(identity), fresh)
        shutil.rmtree(place, ignore_errors=True)  # an attempt that never came to its record
        fresh.replace(place)
    return True
