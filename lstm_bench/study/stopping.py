"""Handle Ctrl-C, a closed terminal and the signals of clusters: request jobs to end, then end the study.

While jobs run, a signal creates a file that every job of the study sees, on any machine: each writes a checkpoint and
ends. A job that has not ended after the grace period is killed, and resumes from its last checkpoint. At any other
time, and when it arrives a second time, a signal ends the study at once. A signal that is ignored when the study
starts, as by nohup, stays ignored, here and in every process that the study starts.
"""

import multiprocessing.resource_tracker
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from types import FrameType

JOBS_GRACE_S = 2.0  # from the request to the end of a job's process
LAUNCH_GRACE_S = 3.0  # from the request to the end of the launcher
AT_ONCE_S = 0.01
Handler = Callable[[int, FrameType | None], None]
NAMES = ("SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGXCPU")
REQUESTS = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]  # may reach any process of a study


class Stopped(KeyboardInterrupt):
    """The study was stopped by a signal."""

    def __init__(self, signum: int) -> None:
        super().__init__(signal.Signals(signum).name)
        self.exit_code = 128 + signum


class Stop:
    """The signal handlers of a study, and the request to stop that they make."""

    def __init__(self) -> None:
        self._signum: int | None = None
        self._request: Path | None = None
        self._is_any_job_running: Callable[[], bool] = lambda: False

    @property
    def was_signalled(self) -> bool:
        """Whether a signal arrived while jobs ran."""
        return self._signum is not None

    def _handle_signal(self, signum: int, _: FrameType | None) -> None:
        if self._request is None or self._signum is not None:
            raise Stopped(signum)
        self._signum = signum
        with suppress(OSError):  # a full disk: the alarm ends the study
            self._request.touch()
        _set_alarm(LAUNCH_GRACE_S if self._is_any_job_running() else AT_ONCE_S)

    def _raise_stopped(self, *_: object) -> None:
        raise Stopped(self._signum or signal.SIGTERM)

    @contextmanager
    def listening(self) -> Iterator["Stop"]:
        """Handle signals during the block, except those that are ignored."""
        handlers: dict[signal.Signals, Handler] = dict.fromkeys([signal.SIGINT, *REQUESTS], self._handle_signal)
        if hasattr(signal, "SIGALRM"):
            handlers[signal.SIGALRM] = self._raise_stopped
        active = {signum: handler for signum, handler in handlers.items() if signal.getsignal(signum) != signal.SIG_IGN}
        previous = {signum: signal.signal(signum, handler) for signum, handler in active.items()}
        try:
            yield self
        finally:
            _set_alarm(0)
            for signum, handler in previous.items():
                signal.signal(signum, handler)

    @contextmanager
    def forwarding(self, request: Path, is_any_job_running: Callable[[], bool] = lambda: True) -> Iterator[None]:
        """Forward signals during the block to the jobs by creating the file `request`, at which they end by themselves.

        Where no job is running yet, a signal ends the block at once.

        Raises: Stopped at the end of the block, where there was a signal.
        """
        request.unlink(missing_ok=True)
        self._request, self._is_any_job_running = request, is_any_job_running
        try:
            with _ctrl_c_blocked():
                yield
        finally:
            self._request = None
            _set_alarm(0)
            if self._signum is not None:
                raise Stopped(self._signum)


@contextmanager
def _ctrl_c_blocked() -> Iterator[None]:
    """Block Ctrl-C in this thread during the block, and so in every process that the thread starts.

    A terminal sends Ctrl-C to a launcher's processes, too, which would die of it with a traceback. It still reaches
    this process through its earlier threads, and its handler runs here.
    """
    if not hasattr(signal, "pthread_sigmask") or threading.active_count() == 1:
        yield
        return
    _start_trackers()  # first, since their start unblocks Ctrl-C
    previous = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, previous)


def _start_trackers() -> None:
    """Start the processes that clean up after multiprocessing and joblib, with the signals of clusters blocked.

    One that died of a signal to the process group would be started again without its list of resources, and print a
    KeyError for each.
    """
    trackers = (multiprocessing.resource_tracker, import_module("joblib.externals.loky.backend.resource_tracker"))
    previous = signal.pthread_sigmask(signal.SIG_BLOCK, REQUESTS)
    try:
        for tracker in trackers:
            tracker.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, previous)


def _set_alarm(seconds: float) -> None:
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)
