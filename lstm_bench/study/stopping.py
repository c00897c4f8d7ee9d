"""Ctrl-C, SIGTERM and a closed terminal: first a request that jobs can meet, then an end.

While jobs run, a signal becomes a file that every job of the study sees, on whatever machine: each writes a checkpoint
and ends. Whoever has not done so when the grace is over is killed, and goes on from its last checkpoint. At any other
time, and when it comes a second time, a signal ends the study at once.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from pathlib import Path
from types import FrameType

JOBS_GRACE_S = 2.0  # from the request to the end of a job's process
LAUNCH_GRACE_S = 3.0  # from the request to the end of the launcher
AT_ONCE_S = 0.01
Handler = Callable[[int, FrameType | None], None]
SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Stopped(KeyboardInterrupt):
    """The study was stopped by a signal."""

    def __init__(self, signum: int) -> None:
        super().__init__(signal.Signals(signum).name)
        self.exit_code = 128 + signum


class Stop:
    """What signals ask of a study."""

    def __init__(self) -> None:
        self._signum: int | None = None
        self._request: Path | None = None
        self._is_anybody_at_work: Callable[[], bool] = lambda: False

    @property
    def heard(self) -> bool:
        """Whether there was a signal while jobs ran."""
        return self._signum is not None

    def _hear(self, signum: int, _: FrameType | None) -> None:
        if self._request is None or self._signum is not None:
            raise Stopped(signum)
        self._signum = signum
        with suppress(OSError):  # a full disk: the alarm ends it
            self._request.touch()
        _set_alarm(LAUNCH_GRACE_S if self._is_anybody_at_work() else AT_ONCE_S)

    def _end(self, *_: object) -> None:
        raise Stopped(self._signum or signal.SIGTERM)

    @contextmanager
    def listening(self) -> Iterator["Stop"]:
        """Hear signals during the block."""
        heard: dict[signal.Signals, Handler] = dict.fromkeys(SIGNALS, self._hear)
        if hasattr(signal, "SIGALRM"):
            heard[signal.SIGALRM] = self._end
        before = {signum: signal.signal(signum, handler) for signum, handler in heard.items()}
        try:
            yield self
        finally:
            _set_alarm(0)
            for signum, handler in before.items():
                signal.signal(signum, handler)

    @contextmanager
    def asking(self, request: Path, is_anybody_at_work: Callable[[], bool] = lambda: True) -> Iterator[None]:
        """Let jobs end by themselves during the block: a signal makes the file `request`.

        Where no job is at work yet there is nothing to wait for.

        Raises: Stopped at the end of the block, where there was one.
        """
        request.unlink(missing_ok=True)
        self._request, self._is_anybody_at_work = request, is_anybody_at_work
        try:
            with _deaf_to_ctrl_c():
                yield
        finally:
            self._request = None
            _set_alarm(0)
            if self._signum is not None:
                raise Stopped(self._signum)


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Block Ctrl-C in this thread, and so in every process that it starts.

    A terminal sends Ctrl-C to a launcher's processes, too, which would die of it with a traceback. It still reaches
    this process, through any thread that was there before, and its handler runs here.
    """
    if not hasattr(signal, "pthread_sigmask") or threading.active_count() == 1:
        yield
        return
    resource_tracker.ensure_running()  # the start of Python's tracker, which joblib needs, unblocks Ctrl-C
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _set_alarm(seconds: float) -> None:
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)
