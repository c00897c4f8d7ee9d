"""The locks of a study, in a folder beside its records, which may be archived while the locks are held."""

import glob
from pathlib import Path


def study_lock(records: Path) -> Path:
    """Return the lock that an invocation holds on the study of these records."""
    return records.parent / ".locks" / f"{records.name}.lock"


def job_lock(records: Path, job: str) -> Path:
    """Return the lock that the process of a job holds."""
    return records.parent / ".locks" / f"{records.name}.job-{job}.lock"


def is_any_job_running(records: Path) -> bool:
    """Tell whether a lock's note says that a process runs a job of a study."""
    return any(study_lock(records).parent.glob(f"{glob.escape(records.name)}.job-*.lock.holder"))


def stop_request(records: Path) -> Path:
    """Return the file whose presence asks the jobs of a study to end."""
    return records.parent / ".locks" / f"{records.name}.stop"
