"""Run each job in a process of its own, and bring it to a status whatever becomes of that process.

Launchers differ in what a dying job takes along: joblib's workers take the whole study. So the process that a launcher
chose runs nothing itself. It watches over a second one, kept from job to job, since starting it takes seconds.
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
from lstm_bench.study.locks import stop_request, study_lock
from lstm_bench.study.members import members_of
from lstm_bench.study.parent_watchdog import end_with_study
from lstm_bench.study.stopping import JOBS_GRACE_S

POLL_S = 0.2
START_S = 120.0  # that a process may take to import what it needs, beside the patience with a job
KILLED_BY_US = "stopped before it could write a checkpoint; it goes on from the one before"
ALL_WELL = ("done", "")
Outcome = tuple[str, str]  # "done" or a status without result, and why
NOBODY = (signal.SIG_DFL, signal.default_int_handler)  # who hears a signal where nobody has asked to
_here = threading.local()  # the worker of this thread: a launcher may run jobs in threads


class Worker:
    """A process that runs jobs, and what it says."""

    def __init__(self) -> None:
        self._surroundings = _surroundings()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "lstm_bench.study.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=os.environ | {"PYTHONPATH": os.pathsep.join(self._surroundings)},
        )
        self._said: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._hearer = threading.Thread(target=self._hear, name="hearer", daemon=True)
        self._hearer.start()
        atexit.register(self.end)

    def _hear(self) -> None:
        for line in self._process.stdout or ():
            self._said.put(line)
        self._said.put("")  # the end

    def fits(self) -> bool:
        """Tell whether it can run a job started here and now: it lives, and imports what would be imported here."""
        return self._process.poll() is None and self._surroundings == _surroundings()

    def tell(self, what: object) -> None:
        """Send a line; one that has died is found dead by whoever listens to it."""
        with suppress(OSError):
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(what) + "\n")
            self._process.stdin.flush()

    def hear(self, patience_s: float) -> Any:
        """Return what it says next, None if it says nothing for a while.

        Raises: EOFError where it has died.
        """
        try:
            line = self._said.get(timeout=patience_s)
        except queue.Empty:
            return None
        if not line:
            raise EOFError
        return json.loads(line)

    def end(self) -> int:
        """Kill the process unless it has ended, and return its exit code; -9 for SIGKILL."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(0.2)  # where it says no more, its end is near
        self._process.kill()
        exit_code = self._process.wait()
        self._hearer.join()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):  # what was not sent any more
                pipe and pipe.close()
        atexit.unregister(self.end)
        return exit_code


def _surroundings() -> tuple[str, ...]:
    """Return where modules are looked for; "" stands for the working folder."""
    return tuple(entry or str(Path.cwd()) for entry in sys.path)


def supervise(records: StudyRecords, number: int, safety: SafetyConfig) -> None:
    """Run one job of the plan; afterwards none of its members is left running."""
    end_with_study(study_lock(records.folder))
    request = stop_request(records.folder)
    if request.exists():
        return
    plan = records.read_plan().jobs[number]
    before = _out_of_memory_kills()
    with _heard_as_a_request() as told:
        outcome = _run(records, number, safety, lambda: request.exists() or told.is_set())
    if outcome == ("interrupted", _killed(signal.SIGKILL)) and _out_of_memory_kills() > before:
        outcome = "out_of_memory", "the system ended its process for want of memory"
    with suppress(OSError, RecordError):  # a full disk, a folder that is gone: the study tells who has no result
        if outcome != ALL_WELL:
            settle(records, plan, outcome)
        records.write_progress(plan.job, {"phase": "done"})
        records.journal.note("job_ended", job=plan.job, number=number, outcome=outcome[0], reason=_last_line(outcome))
        return
    print(f"Job {number} ({plan.task} {plan.cell} lag {plan.lag}): {_last_line(outcome)}", file=sys.stderr)


@contextmanager
def _heard_as_a_request() -> Iterator[threading.Event]:
    """Take SIGTERM, which clusters and shells send to all processes of a group, as a request to end the job.

    Ctrl-C is the study's to hear. Whoever hears signals already goes on doing so: the study itself, where it is the
    process that the launcher chose, or a launcher.
    """
    told = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield told
        return
    wanted: dict[signal.Signals, Any] = {signal.SIGTERM: lambda *_: told.set(), signal.SIGINT: signal.SIG_IGN}
    mine = {s: handler for s, handler in wanted.items() if signal.getsignal(s) in NOBODY}
    before = {s: signal.signal(s, handler) for s, handler in mine.items()}
    try:
        yield told
    finally:
        if signal.SIGTERM in before:  # not Ctrl-C: it may come between two jobs, too
            signal.signal(signal.SIGTERM, before[signal.SIGTERM])


def _run(records: StudyRecords, number: int, safety: SafetyConfig, is_to_stop: Callable[[], bool]) -> Outcome:
    worker = getattr(_here, "worker", None)
    if worker is None or not worker.fits():
        if worker is not None:
            worker.end()
        _here.worker = worker = Worker()
    job = {"folder": str(records.folder), "number": number, "checkpoint_s": safety.checkpoint_s}
    worker.tell({"working_folder": str(Path.cwd()), "job": job})
    outcome = _watched(worker, safety.job_timeout_s, is_to_stop)
    if outcome[0] != "done":  # whatever a failed job left behind goes with its process
        worker.end()
        _here.worker = None
    return outcome


def _watched(worker: Worker, timeout_s: float, is_to_stop: Callable[[], bool]) -> Outcome:
    """Wait for the outcome of a job; end its process where it hangs, or is asked to stop and does not."""
    last, asked = time.monotonic() + START_S, None  # imports give no sign of life
    while True:
        try:
            said = worker.hear(POLL_S)
        except EOFError:
            return _death(worker.end())
        if isinstance(said, list):
            return said[0], said[1]
        if said is not None:
            last = time.monotonic()
        if asked is None and is_to_stop():
            asked = time.monotonic()
            worker.tell("stop")
        if asked is not None and time.monotonic() - asked > JOBS_GRACE_S:
            worker.end()
            return "interrupted", KILLED_BY_US
        if time.monotonic() - last > timeout_s:
            worker.end()
            return "failed", f"hung: no sign of life for {timeout_s:g} s (safety.job_timeout_s)"


def _death(exit_code: int) -> Outcome:
    """Return what became of a job whose process ended without a word."""
    if -exit_code in (signal.SIGKILL, signal.SIGTERM):
        return "interrupted", _killed(signal.Signals(-exit_code))
    if exit_code < 0:
        return "failed", f"its process died of {signal.Signals(-exit_code).name}"
    return "failed", f"its process ended itself with exit code {exit_code}"


def _killed(signum: signal.Signals) -> str:
    return f"its process was killed ({signum.name}); it goes on from its last checkpoint"


def _out_of_memory_kills() -> int:
    """Return how many processes the system has ended for want of memory, 0 where it does not say."""
    counters = Path("/proc/vmstat")
    lines = counters.read_text().splitlines() if counters.is_file() else []
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)


def settle(records: StudyRecords, job: JobPlan, outcome: Outcome) -> list[str]:
    """Give a status to every member of a job that has no result; return those that had been running.

    A member that never began is as its job is, but where that was only interrupted: then it has no record yet.
    """
    status, reason = outcome
    left = []
    for identity, role, seed, rate in members_of(job):
        if records.has_result(identity):
            continue
        was_running = records.has_member(identity) and records.read_member(identity).status == "running"
        if was_running:
            left.append(identity)
            records.write_status(replace(records.read_member(identity), status=status, error=reason))
        elif role == "report" and status != "interrupted":
            records.write_status(MemberRecord(identity, job.job, role, seed, rate, status, error=reason))
    return left


def _last_line(outcome: Outcome) -> str:
    return (outcome[1].strip().splitlines() or [""])[-1]
