"""What tests have the processes of a pool do, in a file of its own: a process imports nothing else for it."""

import os
import signal
import threading
import time


def make_writer(path, name, job, members):
    """Return a step that notes in a file which process took it."""

    def step():
        with path.open("a") as log:
            log.write(f"{name} {os.getpid()}\n")

    return step


def make_slow(job, members):
    """Return a step that takes 20 ms or a little more."""
    return lambda: time.sleep(0.02)


def refuse():
    raise KeyError("nobody")


def raise_what_cannot_be_sent():
    error = ValueError("a lock")
    error.lock = threading.Lock()
    raise error


def end_by_a_signal():
    os.kill(os.getpid(), signal.SIGKILL)
