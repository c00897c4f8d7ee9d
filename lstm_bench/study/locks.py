"""Who may do what in a study at one time: locks beside its folder, which a study that starts anew moves away."""

import glob
from pathlib import Path


def study_lock(records: Path) -> Path:
    """Return the lock of an invocation on the study of these records."""
    return records.parent / ".locks" / f"{records.name}.lock"


def job_lock(records: Path, job: str) -> Path:
    """Return the lock of the process that runs a job."""
    return records.parent / ".locks" / f"{records.name}.job-{job}.lock"


def is_any_job_at_work(records: Path) -> bool:
    """Tell whether a process has left a note that it runs a job of a study."""
    return any(study_lock(records).parent.glob(f"{glob.escape(records.name)}.job-*.lock.holder"))


def stop_request(records: Path) -> Path:
    """Return the file whose presence asks the jobs of a study to end."""
    return records.parent / ".locks" / f"{records.name}.stop"
