"""Processes that wait, and all call a function at once when told to."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Any, Self


class WorkerLostError(RuntimeError):
    """A process of the pool has ended before it answered."""


class WorkerPool:
    """Fresh processes of some threads each; a context manager.

    Args:
        processes: how many.
        threads: of each.
        prepared: whether they have the settings of the engine's workers (see `engine.process_setup`). The others are as
            PyTorch starts them, with at most so many threads.
    """

    def __init__(self, processes: int, threads: int, prepared: bool) -> None:
        context = get_context("spawn")
        self._workers: list[tuple[BaseProcess, Connection]] = []
        for _ in range(processes):
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, threads, prepared), daemon=True)
            process.start()
            theirs.close()
            self._workers.append((process, ours))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, _: object, __: TracebackType | None) -> None:
        """End the processes: after what they are at, or at once where an exception is on its way."""
        for process, pipe in self._workers:
            pipe.close()
            if error is not None:
                process.terminate()
        for process, _pipe in self._workers:
            process.join()

    def call_all(self, function: Callable[..., Any], *arguments: Any) -> list[Any]:
        """Call a function in every process, and return what each returned when the last has ended.

        Raises: what a process raised; WorkerLostError.
        """
        return self._call(self._workers, function, arguments)

    def call_one(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function in one of the processes, and return what it returned; raise as `call_all` does."""
        return self._call(self._workers[:1], function, arguments)[0]

    def _call(
        self, workers: list[tuple[BaseProcess, Connection]], function: Callable[..., Any], arguments: tuple[Any, ...]
    ) -> list[Any]:
        for process, pipe in workers:
            with _lost_if_closed(process):
                pipe.send((function, arguments))
        outcomes = []
        for process, pipe in workers:
            with _lost_if_closed(process):
                outcomes.append(pipe.recv())
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome
        return outcomes


@contextmanager
def _lost_if_closed(process: BaseProcess) -> Iterator[None]:
    """Turn the error of a closed pipe into one that says how the process ended."""
    try:
        yield
    except (EOFError, ConnectionError) as error:
        process.join(timeout=1)
        raise WorkerLostError(f"a worker process ended with exit code {process.exitcode}") from error


def _serve(pipe: Connection, threads: int, prepared: bool) -> None:
    """In a process of the pool: answer calls until the pipe is closed; Ctrl-C is for the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if prepared:
        from lstm_bench.engine.process_setup import prepare_process

        prepare_process()
    import torch

    torch.set_num_threads(threads if prepared else min(threads, torch.get_num_threads()))
    with suppress(EOFError, ConnectionError):
        while True:
            function, arguments = pipe.recv()
            pipe.send(_outcome(function, arguments))


def _outcome(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Return what a function returns, or the exception that it raised."""
    try:
        return function(*arguments)
    except Exception as error:
        return error
