"""The harness measuring itself: our engine, torch.nn and a plain loop train the same jobs in turns.

A turn is a stretch of whole training steps (draw a batch, forward, backward, clip, update), started in all processes of
a contender at once and timed on the wall until the last has ended. The processes of the others wait meanwhile.
"""

import math
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace

from torch import Generator

from lstm_bench.config.schema import JobConfig, SpeedConfig
from lstm_bench.cores import usable_cores
from lstm_bench.probes.machine_limit import how_measured, training_work
from lstm_bench.records.schema import ContestRow, JobPlan, MachineLimit
from lstm_bench.study.contenders import Contender, contenders_for, parts
from lstm_bench.study.crew import Crew

LIMIT_ROUNDS = 9
Pair = tuple[JobConfig, JobPlan]


class Contest:
    """Crews for all kinds of contenders, and the turns that they take."""

    def __init__(self, config: SpeedConfig, stack: ExitStack) -> None:
        self._config, self._stack = config, stack
        self._crews: dict[tuple[str, int, int, bool], Crew] = {}

    def _crew(self, purpose: str, processes: int, contender: Contender) -> Crew:
        """Return the processes for a contender; those of the same kind and purpose are shared."""
        kind = processes, contender.threads, contender.prepared
        if (purpose, *kind) not in self._crews:
            crew = self._crews[purpose, *kind] = Crew(*kind)
            self._stack.callback(crew.close)
        return self._crews[purpose, *kind]

    def _racing(self, contender: Contender) -> Crew:
        return self._crew("race", contender.processes, contender)

    def peak(self, contender: Contender, job: JobConfig) -> int | None:
        """Return the peak memory of one process of a contender, measured in a child of a process that only waits."""
        (found,) = self._crew("peak", 1, contender).all("peak", contender.make, job, _small(job), contender.members)
        return None if found is None else int(found)

    def threads(self, contender: Contender) -> int:
        """Return how many threads each process of a contender has."""
        (threads, *_) = self._racing(contender).all("threads")
        return int(threads)

    def race(self, contenders: Sequence[Contender], job: JobConfig) -> dict[str, tuple[int, list[float]]]:
        """Return (steps a process and turn, seconds of each turn) by contender."""
        for contender in contenders:
            self._racing(contender).all("make", contender.name, contender.make, job, contender.members)
        times = {c.name: max(1, math.floor(self._config.turn_s / self._turn(c, 1))) for c in contenders}
        turns: dict[str, list[float]] = {contender.name: [] for contender in contenders}
        for _ in range(self._config.rounds):
            for contender in contenders:
                turns[contender.name].append(self._turn(contender, times[contender.name]))
        for crew in self._crews.values():
            crew.all("clear")
        return {name: (times[name], turns[name]) for name in times}

    def _turn(self, contender: Contender, times: int) -> float:
        started = time.perf_counter()
        self._racing(contender).all("run", contender.name, times)
        return time.perf_counter() - started


def _small(job: JobConfig) -> JobConfig:
    """Return a job of the same kind with a batch of one."""
    return replace(job, trainer=replace(job.trainer, batch_size=1))


def hold_contest(
    pairs: Sequence[Pair], config: SpeedConfig, on_job: Callable[[int], None]
) -> tuple[MachineLimit, list[ContestRow]]:
    """Let all contenders of all jobs take turns, and return what the machine can do and what they did.

    Args:
        pairs: each job and its plan.
        config: how many rounds, and how long a turn.
        on_job: called with the number of jobs done.
    """
    rows: list[ContestRow] = []
    with ExitStack() as stack:
        contest = Contest(config, stack)
        limit = measure_limit()
        for done, (job, plan) in enumerate(pairs, start=1):
            contenders = contenders_for(job, plan)
            peaks = {contender.name: contest.peak(contender, job) for contender in contenders}
            raced = contest.race(contenders, job)
            limit_s = _limit_s(job, plan, limit)
            rows += [
                _row(replace(c, threads=contest.threads(c)), job, plan, limit_s, *raced[c.name], peaks[c.name])
                for c in contenders
            ]
            on_job(done)
    return limit, rows


def measure_limit() -> MachineLimit:
    """Return the median of what one core does while every core does the same."""
    crew = Crew(usable_cores(), 1, prepared=True)
    try:
        crew.all("rates")
        found = [rates for _ in range(LIMIT_ROUNDS) for rates in crew.all("rates")]
    finally:
        crew.close()
    operations, nonlinearities = (statistics.median(values) for values in zip(*found, strict=True))
    return MachineLimit(operations, nonlinearities, how_measured())


def _limit_s(job: JobConfig, plan: JobPlan, limit: MachineLimit) -> float | None:
    """Return the least time that one core could take for a member-step of a job; None where its work is not known."""
    _, make_cell = parts(job)
    work = training_work(make_cell(Generator()), plan.batch_size, plan.length)
    if work is None:
        return None
    operations, nonlinearities = work
    return operations / limit.flops_per_s + nonlinearities / limit.nonlinearities_per_s


def _row(
    contender: Contender, job: JobConfig, plan: JobPlan, limit_s: float | None, times: int, turns: list[float],
    peak: int | None,
) -> ContestRow:  # fmt: skip
    return ContestRow(
        job=plan.job,
        task=plan.task,
        cell=job.cell_name,
        lag=plan.lag,
        length=plan.length,
        hidden_size=plan.hidden_size,
        batch_size=plan.batch_size,
        contender=contender.name,
        kernel=contender.kernel,
        processes=contender.processes,
        threads=contender.threads,
        members=contender.members,
        steps=times * contender.processes * contender.members,
        turns_s=turns,
        flops=plan.flops,
        limit_s=limit_s,
        peak_memory_bytes=peak,
    )
