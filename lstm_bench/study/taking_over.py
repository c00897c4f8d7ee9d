"""What other studies have trained already is taken from there."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from lstm_bench.records.reading import RecordError
from lstm_bench.records.schema import JobPlan
from lstm_bench.records.store import StudyRecords
from lstm_bench.study.identity import member_identity


def take_over(records: StudyRecords, jobs: Sequence[JobPlan]) -> int:
    """Copy finished members of these jobs, and those that tuned them, from the studies beside; return how many.

    A member is the same wherever it was trained, since its identity is the hash of all that changes its result; its
    time, device and kernel are those of where it was. Failed members stay behind, to be tried again.
    """
    others = [StudyRecords(path.parent) for path in sorted(records.folder.parent.glob("*/members"))]
    others = [other for other in others if other.folder != records.folder]
    wanted = [identity for job in jobs for identity in _identities(job) if not records.has_member(identity)]
    return sum(any(_copied(identity, other, records) for other in others) for identity in wanted)


def _identities(job: JobPlan) -> Iterator[str]:
    for seed in job.seeds:
        yield member_identity(job.job, "report", seed)
    for rate in job.learning_rates if len(job.learning_rates) > 1 else []:
        for seed in job.tuning_seeds:
            yield member_identity(job.job, "tuning", seed, rate)


def _copied(identity: str, source: StudyRecords, target: StudyRecords) -> bool:
    """Copy one member, whole or not at all; tell whether it was there."""
    try:
        if not source.has_member(identity) or source.read_member(identity).status == "failed":
            return False
    except RecordError:
        return False
    place = target.member_folder(identity)
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.folder, prefix=".taken.") as temporary:
        fresh = Path(temporary) / identity
        shutil.copytree(source.member_folder(identity), fresh)
        shutil.rmtree(place, ignore_errors=True)  # an attempt that never came to its record
        fresh.replace(place)
    return True
