"""Run jobs on a SLURM cluster: submit arrays by submitit, wait for results, and queue interrupted jobs again.

A job that a signal ends before its limit, or for another job, has written a checkpoint: it puts itself into the queue
again and goes on from there, even if the process that submitted it has ended.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn, JobStatus

from lstm_bench.launchers import slurm_queue
from lstm_bench.launchers.errors import LauncherError
from lstm_bench.launchers.sweep_job import SweepJob

POLL_S, QUEUE_POLL_S = 1.0, 10.0  # for results, which are files; for the queue, which has other users
RESULT_PATIENCE_S = 20.0  # for a result to appear on a shared file system after the queue reports its job as ended
OURS = ("submitit_folder", "max_requeues")  # settings that are not submitit's
SHARED = ("name", "timeout_min", "cpus_per_task", "gpus_per_node", "tasks_per_node", "mem_gb", "nodes")  # of submitit
RESTARTS = "SLURM_RESTART_COUNT"
SUBMITITS = (signal.SIGTERM, signal.SIGCONT, signal.SIGUSR2)  # handled by submitit; the job's supervisor does it better
QUEUED_AGAIN = 75  # exit code of a run that another one follows; EX_TEMPFAIL of sysexits.h


def launch(jobs: Sequence[SweepJob], settings: Mapping[str, Any]) -> list[JobReturn]:
    """Submit jobs, in arrays of at most MaxArraySize, wait until all have ended, and return what they returned.

    Where the wait is interrupted, jobs that have not begun leave the queue.

    Args:
        jobs: those of a sweep.
        settings: those of the launcher: options of submitit's SLURM executor, and OURS.

    Raises: LauncherError where SLURM refuses them; and where a job ended without a result, when all have ended.
    """
    executor, submitted = _executor(settings), list[Any]()
    run = _Run(int(settings["max_requeues"]))
    try:
        size = slurm_queue.max_array_size()
        for first in range(0, len(jobs), size):
            submitted += _submitted(executor, run, jobs[first : first + size])
        return _results(submitted)
    except BaseException:
        with suppress(LauncherError):
            slurm_queue.cancel_waiting([job.job_id for job in submitted])
        raise


def check(settings: Mapping[str, Any]) -> None:
    """Check that SLURM would take a job with these settings; nothing is submitted.

    Raises: LauncherError with SLURM's reason.
    """
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "job.sh"
        try:
            executor = _executor({**settings, "submitit_folder": folder})
            script.write_text(executor._executor._make_submission_file_text("true", "check"))
        except (RuntimeError, NameError) as error:  # no srun; a setting that submitit does not know
            raise LauncherError(str(error).splitlines()[0]) from error
        slurm_queue.run("sbatch", "--test-only", str(script))


def _executor(settings: Mapping[str, Any]) -> Any:
    import submitit  # of the extra [slurm]

    executor = submitit.AutoExecutor(cluster="slurm", folder=settings["submitit_folder"], slurm_max_num_timeout=0)
    options = {key: value for key, value in settings.items() if key not in OURS and value is not None}
    executor.update_parameters(**{key if key in SHARED else f"slurm_{key}": value for key, value in options.items()})
    return executor


def _submitted(executor: Any, run: "_Run", jobs: Sequence[SweepJob]) -> list[Any]:
    from submitit.core.utils import FailedJobError, FailedSubmissionError

    try:
        return list(executor.map_array(run, jobs))
    except (FailedJobError, FailedSubmissionError, subprocess.CalledProcessError) as error:
        lines = [line for line in str(error).splitlines() if "error:" in line] or str(error).splitlines() or [""]
        raise LauncherError(f"SLURM refuses the jobs: {lines[-1].rpartition('error: ')[2]}") from error


class _Run:
    """The function that SLURM runs: a job of the sweep, which is queued again where a signal has ended it."""

    def __init__(self, max_requeues: int) -> None:
        self._max_requeues = max_requeues

    def __call__(self, job: SweepJob) -> JobReturn:
        from submitit import JobEnvironment

        for signum in SUBMITITS:
            signal.signal(signum, signal.SIG_DFL)
        job_id = str(JobEnvironment().job_id)
        done = job.run(job_id)
        was_signalled = done.status is JobStatus.COMPLETED and done.return_value is True
        if was_signalled and self._runs_again(job_id):
            raise SystemExit(QUEUED_AGAIN)  # no result yet
        return done

    def _runs_again(self, job_id: str) -> bool:
        """Queue this job again unless SLURM has; return whether it is queued, False where a person has cancelled it."""
        before = int(os.environ.get(RESTARTS, "0"))
        try:
            state, restarts = slurm_queue.state_and_restarts(job_id)
            if state != "RUNNING":
                return restarts > before
            if before >= self._max_requeues:
                print(f"Not queued again: already queued {before} times (hydra.launcher.max_requeues)", file=sys.stderr)
                return False
            slurm_queue.requeue(job_id)
        except LauncherError as error:
            print(f"Not queued again: {error}", file=sys.stderr)
            return False
        return True


def _results(submitted: Sequence[Any]) -> list[JobReturn]:
    """Wait until every job has ended; return the results in the order of the jobs, without those that were cancelled.

    Raises: LauncherError where a job has no result for another reason.
    """
    jobs, without_result = {str(job.job_id): job for job in submitted}, dict[str, str]()
    for states in _ended(list(jobs), lambda job_id: jobs[job_id].paths.result_pickle.exists()):
        without_result |= states
    if cancelled := [job_id for job_id, state in without_result.items() if state == slurm_queue.CANCELLED]:
        print(f"SLURM jobs were cancelled: {', '.join(cancelled)}", file=sys.stderr)
    lost = {job_id: state for job_id, state in without_result.items() if job_id not in cancelled}
    if lost:
        job_id, state = next(iter(lost.items()))
        more = f" (and {len(lost) - 1} more)" if len(lost) > 1 else ""
        log = jobs[job_id].paths.stderr
        raise LauncherError(f"SLURM job {job_id} ended without a result, {state}{more}; its log: {log}")
    return [_result(job) for job_id, job in jobs.items() if job_id not in cancelled]


def _result(job: Any) -> JobReturn:
    outcome, result = job._get_outcome_and_result()
    if outcome == "error":  # a traceback from outside our own code, which reports its errors itself
        last_line = str(result).strip().rpartition("\n")[2]
        raise LauncherError(f"SLURM job {job.job_id} failed: {last_line}; its log: {job.paths.stderr}")
    assert isinstance(result, JobReturn)
    return result


def _ended(job_ids: Sequence[str], has_result: Callable[[str], bool]) -> Iterator[Mapping[str, str]]:
    """Wait until all jobs have ended; yield the states of those that have left the queue without a result."""
    waiting, over_since, next_look = list(job_ids), dict[str, float](), 0.0
    while waiting := [job_id for job_id in waiting if not has_result(job_id)]:
        now = time.monotonic()
        if now >= next_look:
            next_look = now + QUEUE_POLL_S
            with suppress(LauncherError):  # the controller may be away for a while
                states = slurm_queue.states(waiting)
                over = {job_id: states[job_id] for job_id in waiting if slurm_queue.is_over(states[job_id])}
                over_since = {job_id: over_since.get(job_id, now) for job_id in over}
                lost = {job_id: over[job_id] for job_id in over if now - over_since[job_id] >= RESULT_PATIENCE_S}
                if lost:
                    yield lost
                    waiting = [job_id for job_id in waiting if job_id not in lost]
        time.sleep(POLL_S)
