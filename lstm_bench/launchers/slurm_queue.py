"""Query and change SLURM's queue by its own commands, none of which needs SLURM's accounting."""

import re
import subprocess
from collections.abc import Collection, Mapping, Sequence

from lstm_bench.launchers.errors import LauncherError

CANCELLED = "CANCELLED"
ENDED = {
    *("BOOT_FAIL", CANCELLED, "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED"),
    *("REVOKED", "TIMEOUT"),
}
PURGED = "PURGED"  # the state of a job that the queue has forgotten
DEFAULT_MAX_ARRAY_SIZE = 1001  # SLURM's own
MOST_SECONDS = 60.0  # that a command may take


def run(*command: str) -> str:
    """Run a command of SLURM and return what it prints.

    Raises: LauncherError with its message, where the command fails, is not installed or does not answer.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=MOST_SECONDS)
    except FileNotFoundError as error:
        raise LauncherError(f"{command[0]} is not on the PATH of this machine") from error
    except subprocess.TimeoutExpired as error:
        raise LauncherError(f"{command[0]} does not answer within {MOST_SECONDS:g} s") from error
    if done.returncode:
        raise LauncherError(_reason(done.stderr) or f"{command[0]} ended with exit code {done.returncode}")
    return done.stdout


def _reason(stderr: str) -> str:
    """Return the first line of the error output of a SLURM command, without the command's name."""
    lines = [re.sub(r"^\w+: (error|fatal): ", "", line).strip() for line in stderr.splitlines()]
    return next(filter(None, lines), "")


def max_array_size() -> int:
    """Return how many jobs an array may have: the cluster's MaxArraySize, as an index is below it."""
    setting = re.search(r"^MaxArraySize\s*=\s*(\d+)", run("scontrol", "show", "config"), re.MULTILINE)
    return max(1, int(setting[1])) if setting else DEFAULT_MAX_ARRAY_SIZE


def states(job_ids: Sequence[str]) -> Mapping[str, str]:
    """Return the state of each job by its id, "12", or "12_3" in an array; PURGED for one that has left the queue.

    Raises: LauncherError where the controller does not answer, which says nothing of the jobs.
    """
    arrays = sorted({job_id.partition("_")[0] for job_id in job_ids})
    try:
        table = run(
            "squeue", "--noheader", "--array", "--states=all", "--format=%i %T", f"--jobs={','.join(arrays)}"
        )  # the id of a job of an array is ARRAY_TASK
    except LauncherError as error:
        if "Invalid job id" not in str(error):
            raise
        table = ""
    known = dict(line.split() for line in table.splitlines())
    array_states = {array: known.get(array, PURGED) for array in arrays}  # of jobs that never began
    return {job_id: known.get(job_id, array_states[job_id.partition("_")[0]]) for job_id in job_ids}


def is_over(state: str) -> bool:
    """Tell whether a job in this state will not run again by itself."""
    return state in ENDED or state == PURGED


def cancel_waiting(job_ids: Collection[str]) -> None:
    """Remove those jobs from the queue that have not begun."""
    arrays = sorted({job_id.partition("_")[0] for job_id in job_ids})
    if arrays:
        run("scancel", "--state=PENDING", *arrays)


def state_and_restarts(job_id: str) -> tuple[str, int]:
    """Return the state of a job, and how often it was queued again, which counts at once what SLURM does by itself.

    Raises: LauncherError where the controller does not answer, no longer knows the job, or leaves one of them out.
    """
    fields = dict(re.findall(r"\b(JobState|Restarts)=(\w+)", run("scontrol", "show", "job", job_id)))
    if len(fields) < 2 or not fields["Restarts"].isdecimal():
        raise LauncherError(f"scontrol show job {job_id}: no JobState or Restarts in its answer")
    return fields["JobState"], int(fields["Restarts"])


def requeue(job_id: str) -> None:
    """Put a running job into the queue again, which ends this run of it.

    Raises: LauncherError where the cluster forbids it.
    """
    run("scontrol", "requeue", job_id)
