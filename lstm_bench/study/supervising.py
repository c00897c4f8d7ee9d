"""Run each job in a process of its own, and give its members a status however that process ends.

Launchers differ in what dies with a job: with joblib's workers it is the whole study. So the launcher's process runs no
job itself. It supervises a second process, which is kept from job to job, since starting it takes seconds.
"""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from lstm_bench.awake_clock import AwakeClock
from lstm_bench.config.schema import SafetyConfig
from lstm_bench.records.job_parts import JobPart, parts_of
from lstm_bench.records.locking import stop_request
from lstm_bench.records.reading import RecordError
from lstm_bench.records.schema import DONE, JobOutcome
from lstm_bench.records.snapshot import Snapshot
from lstm_bench.records.store import StudyRecords
from lstm_bench.study.recovery import finalise_members
from lstm_bench.study.stopping import JOBS_GRACE_S, REQUESTS
from lstm_bench.study.worker_process import Worker

POLL_S, LONGEST_LOOK_S = 0.2, 1.0
START_S = 120.0  # time that a process may take for its imports, in addition to the timeout of a job
KILLED_BY_US = "stopped before it could write a checkpoint; it resumes from the previous checkpoint"
DEFAULT_HANDLERS = (signal.SIG_DFL, signal.default_int_handler)
_thread_local = threading.local()  # the worker of this thread, as a launcher may run jobs in threads


class Supervised(NamedTuple):
    """The outcome of a job, and whether a signal to this process ended it: a queue may then run it again."""

    outcome: JobOutcome
    was_signalled: bool


def supervise(records: StudyRecords, number: int, safety: SafetyConfig) -> bool:
    """Run one part of the plan in a worker, and give a status to members that the worker left running.

    Return whether a signal to this process, and no request of the study, ended it early.
    """
    if stop_request(records.folder).exists():
        return False
    return supervise_part(records, parts_of(records.read_plan())[number], number, safety).was_signalled


def supervise_part(records: StudyRecords, part: JobPart, number: int, safety: SafetyConfig) -> Supervised:
    """Run one job, or a part of it, in a worker; give a status to members left running, and return how it ended.

    Args:
        records: the records of the study.
        part: what to run.
        number: what the journal and the screen call it.
        safety: how long it may be silent, and how often it writes checkpoints.
    """
    plan, request, kills_before = part.job, stop_request(records.folder), _out_of_memory_kills()
    with _signals_as_request() as stop_event:
        outcome = _run(records, part, safety, lambda: request.exists() or stop_event.is_set())
    was_signalled = outcome.status == "interrupted" and stop_event.is_set() and not request.exists()
    if outcome == JobOutcome("interrupted", _killed(signal.SIGKILL)) and _out_of_memory_kills() > kills_before:
        outcome = JobOutcome("out_of_memory", "the system ended its process for lack of memory")
    with suppress(OSError, RecordError):  # a full disk, a missing folder: the study lists members without a result
        if outcome != DONE:
            finalise_members(Snapshot(records, [plan]), plan, outcome)
        records.write_progress(part.name, {"phase": "done"})
        records.journal.note(
            "job_ended", job=plan.job, number=number, outcome=outcome.status, reason=_last_line(outcome)
        )
        return Supervised(outcome, was_signalled)
    print(f"Job {number} ({plan.task} {plan.cell} lag {plan.lag}): {_last_line(outcome)}", file=sys.stderr)
    return Supervised(outcome, was_signalled)


@contextmanager
def _signals_as_request() -> Iterator[threading.Event]:
    """Yield an event, which is set by the signals that clusters and shells send to a whole group of processes.

    Ctrl-C is ignored, since the study handles it. Signals that have a handler keep it: that of the study, where its own
    process runs the jobs, or that of a launcher. Ignored signals stay ignored.
    """
    stop_event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop_event
        return
    handlers: dict[signal.Signals, Any] = dict.fromkeys(REQUESTS, lambda *_: stop_event.set())
    handlers[signal.SIGINT] = signal.SIG_IGN
    replaced = {s: handler for s, handler in handlers.items() if signal.getsignal(s) in DEFAULT_HANDLERS}
    previous = {s: signal.signal(s, handler) for s, handler in replaced.items()}
    try:
        yield stop_event
    finally:
        previous.pop(signal.SIGINT, None)  # Ctrl-C stays ignored, as it may arrive between two jobs
        for signum, handler in previous.items():
            signal.signal(signum, handler)


def _run(records: StudyRecords, part: JobPart, safety: SafetyConfig, is_to_stop: Callable[[], bool]) -> JobOutcome:
    worker = getattr(_thread_local, "worker", None)
    if worker is None or not worker.fits():
        if worker is not None:
            worker.end()
        _thread_local.worker = worker = Worker()
    job = {"folder": str(records.folder), "job": asdict(part.job), "name": part.name, "tuned_by": part.tuned_by}
    worker.send({"working_folder": str(Path.cwd()), "job": job | {"checkpoint_s": safety.checkpoint_s}})
    outcome = _await_outcome(worker, safety.job_timeout_s, is_to_stop)
    if outcome.status != "done":  # a failed job may leave state behind in its process
        worker.end()
        _thread_local.worker = None
    return outcome


def _await_outcome(worker: Worker, timeout_s: float, is_to_stop: Callable[[], bool]) -> JobOutcome:
    """Wait for the outcome of a job; end its process where it hangs, or does not stop when requested."""
    clock = AwakeClock(LONGEST_LOOK_S)
    last_heartbeat, requested_at = START_S, None  # there is no heartbeat during imports
    while True:
        try:
            message = worker.receive(POLL_S)
        except EOFError:
            return _death(worker.end())
        if isinstance(message, list):
            return JobOutcome(*message)
        now = clock.seconds()
        if message is not None:
            last_heartbeat = now
        if requested_at is None and is_to_stop():
            requested_at = now
            worker.send("stop")
        if requested_at is not None and now - requested_at > JOBS_GRACE_S:
            worker.end()
            return JobOutcome("interrupted", KILLED_BY_US)
        if now - last_heartbeat > timeout_s:
            worker.end()
            return JobOutcome("failed", f"hung: no sign of life for {timeout_s:g} s (safety.job_timeout_s)")


def _death(exit_code: int) -> JobOutcome:
    """Return the outcome of a job whose process ended without sending one."""
    if -exit_code in (signal.SIGKILL, *REQUESTS):
        return JobOutcome("interrupted", _killed(signal.Signals(-exit_code)))
    if exit_code < 0:
        return JobOutcome("failed", f"its process died of {signal.Signals(-exit_code).name}")
    return JobOutcome("failed", f"its process ended itself with exit code {exit_code}")


def _killed(signum: signal.Signals) -> str:
    return f"its process was killed ({signum.name}); it resumes from its last checkpoint"


def _out_of_memory_kills() -> int:
    """Return how many processes the system has killed for lack of memory, 0 where it does not report that."""
    counters = Path("/proc/vmstat")
    lines = counters.read_text().splitlines() if counters.is_file() else []
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)


def _last_line(outcome: JobOutcome) -> str:
    return (outcome.reason.strip().splitlines() or [""])[-1]
