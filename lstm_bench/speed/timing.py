"""Time implementations of a training step side by side, in interleaved rounds in worker processes."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

import torch

from lstm_bench.speed.implementation import Implementation, Step
from lstm_bench.speed.peak_memory import peak_growth
from lstm_bench.speed.worker_pool import WorkerPool

WARM_UP_STEPS, CALIBRATION_STEPS, MEMORY_STEPS = 3, 2, 2
Kind = tuple[int, int, bool]  # processes, threads of each, prepared


@dataclass(frozen=True)
class Timing:
    """Steps that each process takes in a round, and the seconds of each round."""

    steps: int
    seconds: list[float]


class InterleavedTimer:
    """Time implementations, each in as many processes and threads as it needs; a context manager.

    In a round, one implementation after another takes some steps in all of its processes at once, while the others
    wait. A busy moment of the machine thus slows all implementations alike.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._pools: dict[Kind, WorkerPool] = {}

    def __enter__(self) -> Self:
        self._stack.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the processes."""
        self._stack.__exit__(kind, error, trace)

    def _pool(self, implementation: Implementation) -> WorkerPool:
        """Return the processes for an implementation; those of the same kind are shared."""
        kind = implementation.processes, implementation.threads, implementation.prepared
        if kind not in self._pools:
            self._pools[kind] = self._stack.enter_context(WorkerPool(*kind))
        return self._pools[kind]

    def threads(self, implementation: Implementation) -> int:
        """Return how many threads each process of an implementation has."""
        threads: int = self._pool(implementation).call_one(torch.get_num_threads)
        return threads

    def peak_memory(self, implementation: Implementation, counts_making: bool = False) -> int | None:
        """Return by how many bytes one process grows at its peak when it makes the model and trains some steps.

        None where the system does not report it. Measure it before anything is timed, which leaves memory to use again.
        With `counts_making`, code of libraries that is first touched when the model is made counts, too (some 8 MiB).
        """
        growth: int | None = self._pool(implementation).call_one(_peak_memory, implementation, counts_making)
        return growth

    def time(self, implementations: Sequence[Implementation], rounds: int, round_s: float) -> list[Timing]:
        """Return the timing of each implementation in `rounds` rounds of about `round_s` seconds each.

        Before the rounds, each model is made, warmed up, and takes some steps to find out how many fit in a round.
        """
        for key, implementation in enumerate(implementations):
            self._pool(implementation).call_all(_make, key, implementation)
        steps = [
            max(1, round(round_s * CALIBRATION_STEPS / self._time(key, implementation, CALIBRATION_STEPS)))
            for key, implementation in enumerate(implementations)
        ]
        seconds: list[list[float]] = [[] for _ in implementations]
        for _ in range(rounds):
            for key, implementation in enumerate(implementations):
                seconds[key].append(self._time(key, implementation, steps[key]))
        for pool in self._pools.values():
            pool.call_all(_steps.clear)
        return [Timing(*both) for both in zip(steps, seconds, strict=True)]

    def _time(self, key: int, implementation: Implementation, steps: int) -> float:
        """Return the seconds from the start of the first process to the end of the last."""
        spans = self._pool(implementation).call_all(_run, key, steps, implementation.job.trainer.device)
        return float(max(ended for _, ended in spans) - min(started for started, _ in spans))


_steps: dict[int, Step] = {}  # of this worker process, by the key of the implementation


def _make(key: int, implementation: Implementation) -> None:
    """In a worker: make a step and warm it up."""
    _steps[key] = implementation.make(implementation.job, implementation.members)
    for _ in range(WARM_UP_STEPS):
        _steps[key]()


def _run(key: int, steps: int, device: str) -> tuple[float, float]:
    """In a worker: take some steps; return when they began and ended, on the clock that all processes share."""
    step = _steps[key]
    _synchronise(device)
    started = time.perf_counter()
    for _ in range(steps):
        step()
    _synchronise(device)
    return started, time.perf_counter()


def _synchronise(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def _peak_memory(implementation: Implementation, counts_making: bool) -> int | None:
    """In a worker: measure in a forked child, after a step of a small model for what libraries set up once.

    Pages of code that this process has touched are not the child's until it touches them. So with `counts_making` the
    small model is made here, and the code that makes a model counts in the child. Only processes of one thread can
    make it here, since threads do not survive a fork.
    """
    job, members = implementation.job, implementation.members
    small = replace(job, trainer=replace(job.trainer, batch_size=1))

    def make_and_step() -> None:
        implementation.make(small, 1)()

    def work() -> None:
        step = implementation.make(job, members)
        for _ in range(MEMORY_STEPS):
            step()

    return peak_growth(implementation.make(small, members) if counts_making else make_and_step, work)
