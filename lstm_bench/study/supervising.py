"""Run each job in a process of its own, and give its members a status however that process ends.

Launchers differ in what dies with a job: with joblib's workers it is the whole study. So the launcher's process runs no
job itself. It supervises a second process, which is kept from job to job, since starting it takes seconds.
"""

import atexit
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from lstm_bench.config.schema import SafetyConfig
from lstm_bench.records.reading import RecordError
from lstm_bench.records.schema import JobPlan, MemberRecord
from lstm_bench.records.store import StudyRecords
from lstm_bench.study.job_protocol import ALL_WELL, Outcome
from lstm_bench.study.locks import stop_request, study_lock
from lstm_bench.study.parent_watchdog import end_with_study
from lstm_bench.study.stopping import JOBS_GRACE_S

POLL_S = 0.2
START_S = 120.0  # time that a process may take for its imports, beside the timeout of a job
KILLED_BY_US = "stopped before it could write a checkpoint; it goes on from the one before"
DEFAULT_HANDLERS = (signal.SIG_DFL, signal.default_int_handler)
_thread_local = threading.local()  # the worker of this thread, as a launcher may run jobs in threads


class Worker:
    """A process that runs jobs, with a pipe for messages in each direction."""

    def __init__(self) -> None:
        self._import_path = _import_path()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "lstm_bench.study.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=os.environ | {"PYTHONPATH": os.pathsep.join(self._import_path)},
        )
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read_lines, name="reader", daemon=True)
        self._reader.start()
        atexit.register(self.end)

    def _read_lines(self) -> None:
        for line in self._process.stdout or ():
            self._lines.put(line)
        self._lines.put("")  # end of the output

    def fits(self) -> bool:
        """Tell whether the process can run a job of this one: it is alive, and has the same import path."""
        return self._process.poll() is None and self._import_path == _import_path()

    def send(self, message: object) -> None:
        """Send a message; `receive` reports a process that has died."""
        with suppress(OSError):
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()

    def receive(self, patience_s: float) -> Any:
        """Return the next message, None where there is none within `patience_s` seconds.

        Raises: EOFError where the process has died.
        """
        try:
            line = self._lines.get(timeout=patience_s)
        except queue.Empty:
            return None
        if not line:
            raise EOFError
        return json.loads(line)

    def end(self) -> int:
        """Kill the process unless it has ended, and return its exit code; -9 for SIGKILL."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(0.2)  # a process that has closed its output is about to end
        self._process.kill()
        exit_code = self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):  # messages that could not be sent
                pipe and pipe.close()
        atexit.unregister(self.end)
        return exit_code


def _import_path() -> tuple[str, ...]:
    """Return the folders of sys.path, with the working folder in place of ""."""
    return tuple(entry or str(Path.cwd()) for entry in sys.path)


def supervise(records: StudyRecords, number: int, safety: SafetyConfig) -> None:
    """Run one job of the plan in a worker, and give a status to members that the worker left running."""
    end_with_study(study_lock(records.folder))
    request = stop_request(records.folder)
    if request.exists():
        return
    plan = records.read_plan().jobs[number]
    kills_before = _out_of_memory_kills()
    with _sigterm_as_request() as stop_event:
        outcome = _run(records, number, safety, lambda: request.exists() or stop_event.is_set())
    if outcome == ("interrupted", _killed(signal.SIGKILL)) and _out_of_memory_kills() > kills_before:
        outcome = "out_of_memory", "the system ended its process for want of memory"
    with suppress(OSError, RecordError):  # a full disk, a missing folder: the study lists members without a result
        if outcome != ALL_WELL:
            finalise_members(records, plan, outcome)
        records.write_progress(plan.job, {"phase": "done"})
        records.journal.note("job_ended", job=plan.job, number=number, outcome=outcome[0], reason=_last_line(outcome))
        return
    print(f"Job {number} ({plan.task} {plan.cell} lag {plan.lag}): {_last_line(outcome)}", file=sys.stderr)


@contextmanager
def _sigterm_as_request() -> Iterator[threading.Event]:
    """Yield an event that SIGTERM, which clusters and shells send to all processes of a group, sets during the block.

    Ctrl-C is ignored, since the study handles it. Signals that have a handler keep it: that of the study, where its own
    process runs the jobs, or that of a launcher.
    """
    stop_event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop_event
        return
    handlers: dict[signal.Signals, Any] = {signal.SIGTERM: lambda *_: stop_event.set(), signal.SIGINT: signal.SIG_IGN}
    replaced = {s: handler for s, handler in handlers.items() if signal.getsignal(s) in DEFAULT_HANDLERS}
    previous = {s: signal.signal(s, handler) for s, handler in replaced.items()}
    try:
        yield stop_event
    finally:
        if signal.SIGTERM in previous:  # Ctrl-C stays ignored, as it may arrive between two jobs
            signal.signal(signal.SIGTERM, previous[signal.SIGTERM])


def _run(records: StudyRecords, number: int, safety: SafetyConfig, is_to_stop: Callable[[], bool]) -> Outcome:
    worker = getattr(_thread_local, "worker", None)
    if worker is None or not worker.fits():
        if worker is not None:
            worker.end()
        _thread_local.worker = worker = Worker()
    job = {"folder": str(records.folder), "number": number, "checkpoint_s": safety.checkpoint_s}
    worker.send({"working_folder": str(Path.cwd()), "job": job})
    outcome = _await_outcome(worker, safety.job_timeout_s, is_to_stop)
    if outcome[0] != "done":  # a failed job may leave state behind in its process
        worker.end()
        _thread_local.worker = None
    return outcome


def _await_outcome(worker: Worker, timeout_s: float, is_to_stop: Callable[[], bool]) -> Outcome:
    """Wait for the outcome of a job; end its process where it hangs, or does not stop when requested."""
    last_heartbeat, requested_at = time.monotonic() + START_S, None  # there is no heartbeat during imports
    while True:
        try:
            message = worker.receive(POLL_S)
        except EOFError:
            return _death(worker.end())
        if isinstance(message, list):
            return message[0], message[1]
        if message is not None:
            last_heartbeat = time.monotonic()
        if requested_at is None and is_to_stop():
            requested_at = time.monotonic()
            worker.send("stop")
        if requested_at is not None and time.monotonic() - requested_at > JOBS_GRACE_S:
            worker.end()
            return "interrupted", KILLED_BY_US
        if time.monotonic() - last_heartbeat > timeout_s:
            worker.end()
            return "failed", f"hung: no sign of life for {timeout_s:g} s (safety.job_timeout_s)"


def _death(exit_code: int) -> Outcome:
    """Return the outcome of a job whose process ended without sending one."""
    if -exit_code in (signal.SIGKILL, signal.SIGTERM):
        return "interrupted", _killed(signal.Signals(-exit_code))
    if exit_code < 0:
        return "failed", f"its process died of {signal.Signals(-exit_code).name}"
    return "failed", f"its process ended itself with exit code {exit_code}"


def _killed(signum: signal.Signals) -> str:
    return f"its process was killed ({signum.name}); it goes on from its last checkpoint"


def _out_of_memory_kills() -> int:
    """Return how many processes the system has killed for lack of memory, 0 where it does not report that."""
    counters = Path("/proc/vmstat")
    lines = counters.read_text().splitlines() if counters.is_file() else []
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)


def finalise_members(records: StudyRecords, job: JobPlan, outcome: Outcome) -> list[str]:
    """Give a status to every member of a job that has no result; return those that were running.

    A member that had not begun gets the status of its job, and no record where the job was interrupted.
    """
    status, reason = outcome
    left_running = []
    for identity, role, seed, rate in job.members():
        if records.has_result(identity):
            continue
        was_running = records.has_member(identity) and records.read_member(identity).status == "running"
        if was_running:
            left_running.append(identity)
            records.write_status(replace(records.read_member(identity), status=status, error=reason))
        elif role == "report" and status != "interrupted":
            records.write_status(MemberRecord(identity, job.job, role, seed, rate, status, error=reason))
    return left_running


def _last_line(outcome: Outcome) -> str:
    return (outcome[1].strip().splitlines() or [""])[-1]
