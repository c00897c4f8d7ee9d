"""A process that runs jobs, one after another, for a supervisor: python -m lstm_bench.study.worker.

Both talk in lines of JSON. In: a job, or "stop". Out: "alive", and the outcome of a job. A job that ends its process,
by sys.exit, a segmentation fault or for want of memory, ends this one alone. It outlives nobody: when its input ends it
writes a checkpoint and goes.
"""

import json
import os
import queue
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

SECONDS_BETWEEN_SIGNS = 0.5
ORPHANS_GRACE_S = 1.0
Jobs = queue.SimpleQueue[dict[str, Any]]


class Signs:
    """What a job exchanges with its supervisor; `busy` while there is a job."""

    def __init__(self, output: TextIO) -> None:
        self._output, self._asked, self._last = output, threading.Event(), 0.0
        self.busy = False

    def say(self, what: object) -> None:
        """Send a line; where nobody hears it any more, the thread that listens ends this process."""
        with suppress(OSError):
            self._output.write(json.dumps(what) + "\n")
            self._output.flush()

    def alive(self) -> None:
        """Send a sign of life, if the last was a while ago."""
        if time.monotonic() - self._last > SECONDS_BETWEEN_SIGNS:
            self._last = time.monotonic()
            self.say("alive")

    def stopping(self) -> bool:
        """Tell whether the job is asked to end."""
        return self._asked.is_set()

    def ask(self) -> None:
        """Ask the job to end."""
        self._asked.set()


def serve() -> None:
    """Run the jobs that are asked for, until the input ends.

    Ctrl-C is the study's to hear; SIGTERM, which clusters send to every process of a job, asks this job to end. What a
    plug-in prints goes where errors go, since the output belongs to the supervisor.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signs, jobs = Signs(os.fdopen(os.dup(1), "w", encoding="utf-8")), Jobs()
    os.dup2(2, 1)
    signal.signal(signal.SIGTERM, lambda *_: signs.ask())
    threading.Thread(target=_listen, args=(sys.stdin, signs, jobs), name="listener", daemon=True).start()
    from lstm_bench.engine.bootstrap import prepare_process

    prepare_process()
    while True:
        asked = jobs.get()
        signs.busy = True
        os.chdir(asked["working_folder"])
        outcome = _run(**asked["job"], signs=signs)
        signs.busy = False
        signs.say(outcome)


def _listen(lines: TextIO, signs: Signs, jobs: Jobs) -> None:
    """Take in what the supervisor says; when it is gone, end the process after a moment for a checkpoint."""
    try:
        for line in lines:
            said = json.loads(line)
            if said == "stop":
                signs.ask()
            else:
                jobs.put(said)
        signs.ask()
        if signs.busy:
            time.sleep(ORPHANS_GRACE_S)
    finally:
        os._exit(1)


def _run(folder: str, number: int, checkpoint_s: float, signs: Signs) -> tuple[str, str]:
    """Run one job of the plan, alone: an earlier invocation's process may still have to end."""
    from lstm_bench.records.locking import HeldError, held
    from lstm_bench.records.store import StudyRecords
    from lstm_bench.study.identity import job_identity
    from lstm_bench.study.job import PATIENCE_S, run_job
    from lstm_bench.study.locks import job_lock
    from lstm_bench.study.planning import job_config

    records = StudyRecords(Path(folder))
    plan = records.read_plan().jobs[number]
    config = job_config(plan)
    signs.alive()
    if job_identity(config) != plan.job:
        return "failed", "its source changed while the study ran; start the study again"
    try:
        with held(job_lock(records.folder, plan.job), f"job {number} of {records.folder.name}", PATIENCE_S):
            return run_job(config, records, checkpoint_s, signs)
    except HeldError as error:
        return "failed", f"this job is being run by {error}"


if __name__ == "__main__":
    serve()
