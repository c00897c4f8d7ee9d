"""A process that runs jobs, one after another, for a supervisor: python -m lstm_bench.study.worker.

Messages are lines of JSON. Input: a job, or "stop". Output: "alive", and the outcome of a job. A job that ends its
process, by os._exit, a segmentation fault or for lack of memory, ends this process alone. When the input ends, the
process writes a checkpoint and ends.
"""

import json
import os
import queue
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, TextIO

from lstm_bench.matplotlib_start import prepare_matplotlib
from lstm_bench.records.plan import JobPlan
from lstm_bench.records.schema import JobOutcome
from lstm_bench.study.heartbeat import PipeHeartbeat
from lstm_bench.study.stopping import REQUESTS
from lstm_bench.text_encoding import allow_all_letters

ORPHANS_GRACE_S = 1.0
BETWEEN_BEATS_S = 0.5  # while another process runs the job
Jobs = queue.SimpleQueue[dict[str, Any]]


def serve() -> None:
    """Run the jobs of the input, one after another, until it ends.

    Ctrl-C is ignored, since the study handles it; signals that clusters send to every process of a job request the job
    to end, unless they are ignored. What a plug-in prints goes to stderr, since stdout carries the messages to the
    supervisor.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    heartbeat, jobs = PipeHeartbeat(os.fdopen(os.dup(1), "w", encoding="utf-8")), Jobs()
    os.dup2(2, 1)
    allow_all_letters()  # in what a plug-in prints
    _request_stop_at_signals(heartbeat)
    threading.Thread(target=_listen, args=(sys.stdin, heartbeat, jobs), name="listener", daemon=True).start()
    from lstm_bench.engine.process_setup import prepare_process

    prepare_process()
    prepare_matplotlib()  # a plug-in may import it
    while True:
        request = jobs.get()
        heartbeat.busy = True
        os.chdir(request["working_folder"])
        outcome = _run(**request["job"], heartbeat=heartbeat)
        heartbeat.busy = False
        heartbeat.send(outcome)


def _request_stop_at_signals(heartbeat: PipeHeartbeat) -> None:
    for signum in REQUESTS:
        if signal.getsignal(signum) != signal.SIG_IGN:
            signal.signal(signum, lambda *_: heartbeat.request_stop())


def _listen(lines: TextIO, heartbeat: PipeHeartbeat, jobs: Jobs) -> None:
    """Receive messages of the supervisor; when it has ended, end the process after a moment for a checkpoint."""
    try:
        for line in lines:
            message = json.loads(line)
            if message == "stop":
                heartbeat.request_stop()
            else:
                jobs.put(message)
        heartbeat.request_stop()
        if heartbeat.busy:
            time.sleep(ORPHANS_GRACE_S)
    finally:
        os._exit(1)


def _run(
    folder: str, job: dict[str, Any], name: str, tuned_by: str, checkpoint_s: float, heartbeat: PipeHeartbeat
) -> JobOutcome:
    """Run one part of a job under its lock.

    A process of an earlier invocation may still hold the lock, for example on a cluster when the submitter has died.
    This process waits for its end, and trains the members that it has left.
    """
    from lstm_bench.records.locking import HeldError, LockError, held, job_lock
    from lstm_bench.records.store import StudyRecords
    from lstm_bench.study.identity import job_identity
    from lstm_bench.study.job_run import run_job
    from lstm_bench.study.planning import job_config

    records = StudyRecords(Path(folder))
    plan = JobPlan(**job)
    config = job_config(plan)
    heartbeat.beat()
    if job_identity(config) != plan.job:
        return JobOutcome("failed", "its source changed while the study ran; start the study again")
    while not heartbeat.stop_requested():
        try:
            with held(job_lock(records.folder, name), f"job {name} of {records.folder.name}", BETWEEN_BEATS_S):
                return run_job(config, records, checkpoint_s, heartbeat, plan.seeds, name, tuned_by)
        except HeldError:
            heartbeat.beat()
        except LockError as error:
            return JobOutcome("failed", str(error))
    return JobOutcome("interrupted", "stopped while another process ran it")


if __name__ == "__main__":
    serve()
