"""Earlier records when a study starts: reuse the members of other studies, or archive those of the study itself."""

from collections.abc import Sequence
from pathlib import Path

from lstm_bench.records.copying import copy_result
from lstm_bench.records.folder_id import hand_on_folder_id
from lstm_bench.records.plan import JobPlan
from lstm_bench.records.reading import RecordError
from lstm_bench.records.snapshot import Snapshot
from lstm_bench.records.store import StudyRecords


def reuse_members(records: StudyRecords, jobs: Sequence[JobPlan], snapshot: Snapshot) -> int:
    """Copy finished members of these jobs, tuning included, from the other studies in runs/; return how many.

    A member's identity is the hash of everything that changes its result, so its result is the same in every study; its
    time, device and kernel are those of the study that trained it. Members without a result, damaged members and
    archived studies are not copied.

    Args:
        records: the records of the study.
        jobs: its jobs.
        snapshot: its members, in which copied ones appear.
    """
    others = [StudyRecords(path.parent) for path in sorted(records.folder.parent.glob("*/members"))]
    others = [other for other in others if other.folder != records.folder and not _is_archived(other.folder)]
    identities = [member.identity for job in jobs for member in job.possible_members()]
    copied = [
        identity
        for identity in identities
        if not snapshot.has_result(identity) and any(copy_result(identity, other, records) for other in others)
    ]
    for identity in copied:
        snapshot.read_member(identity)
    return len(copied)


def archive_study(records: StudyRecords) -> Path | None:
    """Rename the folder of a study to <study>.before-<n>; return the new folder, None where there was no study."""
    if not records.folder.exists():
        return None
    number = 1
    while (archive := records.folder.with_name(f"{records.folder.name}.before-{number}")).exists():
        number += 1
    archived = records.folder.rename(archive)
    hand_on_folder_id(archived, records.folder)
    return archived


def _is_archived(folder: Path) -> bool:
    """Tell whether a folder of runs/ is an archived study."""
    return ".before-" in folder.name


def attempt_of(records: StudyRecords, resume: bool) -> int:
    """Return how often the study was started again without resuming, including this time."""
    try:
        before = records.read_plan().attempt
    except RecordError:
        return 0
    return before if resume else before + 1
