"""Who may do what in a study at one time: locks beside its folder, which a study that starts anew moves away."""

from pathlib import Path


def study_lock(records: Path) -> Path:
    """Return the lock of an invocation on the study of these records."""
    return records.parent / ".locks" / f"{records.name}.lock"


def job_lock(records: Path, job: str) -> Path:
    """Return the lock of the process that runs a job."""
    return records.parent / ".locks" / f"{records.name}.{job}.lock"


def stop_request(records: Path) -> Path:
    """Return the file whose presence asks the jobs of a study to end."""
    return records.parent / ".locks" / f"{records.name}.stop"
