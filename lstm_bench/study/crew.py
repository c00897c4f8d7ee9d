"""Processes that wait with a training step in hand, and run it when told."""

import signal
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from lstm_bench.config.schema import JobConfig

PEAK_STEPS = 2
Step = Callable[[], object]
Maker = Callable[[JobConfig, int], Step]  # from a job and how many members train together


class Crew:
    """Processes that hold steps by name and run them when told."""

    def __init__(self, processes: int, threads: int, prepared: bool) -> None:
        context = get_context("spawn")
        self._pipes: list[Connection] = []
        self._processes = []
        for _ in range(processes):
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, threads, prepared), daemon=True)
            process.start()
            theirs.close()
            self._pipes.append(ours)
            self._processes.append(process)

    def all(self, *message: Any) -> list[Any]:
        """Send a message to every process, and return their answers when the last has come.

        Raises: what a process raised.
        """
        for pipe in self._pipes:
            pipe.send(message)
        answers = [pipe.recv() for pipe in self._pipes]
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers

    def close(self) -> None:
        """End the processes."""
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.join()


def _serve(pipe: Connection, threads: int, prepared: bool) -> None:
    """In a process of a crew: answer messages until the pipe is closed; Ctrl-C is the parent's to hear."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if prepared:
        from lstm_bench.engine.bootstrap import prepare_process

        prepare_process()
    import torch

    torch.set_num_threads(threads if prepared else min(threads, torch.get_num_threads()))
    answers = _Answers()
    with suppress(EOFError, ConnectionError):
        while True:
            command, *arguments = pipe.recv()
            pipe.send(_outcome(getattr(answers, command), arguments))


def _outcome(command: Callable[..., object], arguments: list[Any]) -> object:
    """Return what a command returns, or the exception that it raised."""
    try:
        return command(*arguments)
    except Exception as error:
        return error


class _Answers:
    """What a process of a crew can be told to do."""

    def __init__(self) -> None:
        self._steps: dict[str, Step] = {}

    def make(self, name: str, make: Maker, job: JobConfig, members: int) -> None:
        """Make a step, and run it once."""
        self._steps[name] = make(job, members)
        self._steps[name]()

    def run(self, name: str, times: int) -> None:
        """Run a step some times."""
        for _ in range(times):
            self._steps[name]()

    def clear(self) -> None:
        """Forget all steps."""
        self._steps.clear()

    def peak(self, make: Maker, job: JobConfig, small: JobConfig, members: int) -> int | None:
        """Return the peak growth of making a step and running it; a small job first loads what libraries load once."""
        from lstm_bench.probes.peak_memory import peak_growth

        def warm_up() -> None:  # in the child, as the work: threads of this process would not survive the fork
            make(small, 1)()

        def work() -> None:
            step = make(job, members)
            for _ in range(PEAK_STEPS):
                step()

        return peak_growth(warm_up, work)

    def threads(self) -> int:
        """Return how many threads a step has."""
        import torch

        return torch.get_num_threads()

    def rates(self) -> tuple[float, float]:
        """Return what this core can do now."""
        from lstm_bench.probes.machine_limit import core_rates

        return core_rates()
