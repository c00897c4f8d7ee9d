"""A pool of processes that call a function at the same time."""

import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, Self

from lstm_bench.python_process import environment_with, import_path

Process = subprocess.Popen[bytes]


class WorkerLostError(RuntimeError):
    """A process of the pool has ended before it answered."""


class WorkerPool:
    """Fresh processes with a number of threads each; a context manager.

    They are plain child processes with a pipe in each direction: they need no semaphores, which some machines lack, and
    never run the script again that started the study, as those of multiprocessing do.

    Args:
        processes: how many.
        threads: of each.
        prepared: whether they have the settings of the engine's workers (see `engine.process_setup`). The others are as
            PyTorch starts them, with at most that many threads.
    """

    def __init__(self, processes: int, threads: int, prepared: bool) -> None:
        command = [sys.executable, "-m", "lstm_bench.speed.pool_process", str(threads), str(prepared)]
        environment = environment_with(import_path())
        self._workers = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
            for _ in range(processes)
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, _: object, __: TracebackType | None) -> None:
        """End the processes: after their present call, or at once where the block raises an exception."""
        for worker in self._workers:
            if error is not None:
                worker.kill()
            for pipe in (worker.stdin, worker.stdout):
                with suppress(OSError):  # a call that could not be sent
                    pipe and pipe.close()
        for worker in self._workers:
            worker.wait()

    def call_all(self, function: Callable[..., Any], *arguments: Any) -> list[Any]:
        """Call a function in every process, and return what each returned when the last has ended.

        Raises: what a process raised; WorkerLostError.
        """
        return self._call(self._workers, function, arguments)

    def call_one(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function in one of the processes, and return what it returned; raise as `call_all` does."""
        return self._call(self._workers[:1], function, arguments)[0]

    def _call(self, workers: list[Process], function: Callable[..., Any], arguments: tuple[Any, ...]) -> list[Any]:
        call = pickle.dumps((function, arguments))
        for worker in workers:
            with _lost_if_closed(worker):
                assert worker.stdin is not None
                worker.stdin.write(call)
                worker.stdin.flush()
        outcomes = []
        for worker in workers:
            with _lost_if_closed(worker):
                assert worker.stdout is not None
                outcomes.append(pickle.load(worker.stdout))
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome
        return outcomes


@contextmanager
def _lost_if_closed(worker: Process) -> Iterator[None]:
    """Turn the error of a closed pipe into one that says how the process ended."""
    try:
        yield
    except (EOFError, ConnectionError, pickle.UnpicklingError) as error:  # the last: it died within an answer
        with suppress(subprocess.TimeoutExpired):
            worker.wait(timeout=1)
        raise WorkerLostError(f"a worker process ended with exit code {worker.returncode}") from error
