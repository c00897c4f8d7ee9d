"""Copy a member from one study's records to another's, completely or not at all."""

import shutil
import tempfile
from pathlib import Path

from lstm_bench.records.reading import RecordError
from lstm_bench.records.schema import WITHOUT_RESULT
from lstm_bench.records.store import StudyRecords

TEMPORARY = ".taken."  # prefix of temporary folders, which a killed process leaves behind


def copy_result(identity: str, source: StudyRecords, target: StudyRecords) -> bool:
    """Copy one member with all of its files; return whether the source has its result, undamaged."""
    try:
        if not source.has_member(identity) or source.read_checked(identity).status in WITHOUT_RESULT:
            return False
    except RecordError:
        return False
    target_folder = target.member_folder(identity)
    target_folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.folder, prefix=TEMPORARY) as temporary:
        fresh = Path(temporary) / identity
        shutil.copytree(source.member_folder(identity), fresh)
        shutil.rmtree(target_folder, ignore_errors=True)  # files of a member without a result
        fresh.replace(target_folder)
    return True


def clear_temporary(records: StudyRecords) -> None:
    """Remove the folders of processes that were killed while copying; the caller holds the lock of the study."""
    for folder in records.folder.glob(f"{TEMPORARY}*"):
        shutil.rmtree(folder, ignore_errors=True)
