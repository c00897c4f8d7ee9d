"""Measure speed and peak memory of every cell of a study, while nothing else of it runs."""

import statistics
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations

from lstm_bench.config.schema import JobConfig
from lstm_bench.engine.generic import GenericKernel
from lstm_bench.records.plan import JobPlan
from lstm_bench.records.speed import OURS, STOCK, SpeedRow
from lstm_bench.speed.implementation import Implementation, engine_step, stock_kernel, stock_layer_of, stock_step
from lstm_bench.speed.timing import InterleavedTimer, Timing

ROUNDS, ROUND_S = 7, 0.05
LEARNING_RATE, CLIP = 1e-3, 1.0  # of every timed step, whatever a job trains with

Pair = tuple[JobConfig, JobPlan]


def is_timed(jobs: Sequence[JobPlan], rows: Sequence[SpeedRow]) -> bool:
    """Tell whether the rows have the speed of every job, with its kernel and members, and of `through_autograd_too`.

    A row of one member, as in earlier versions, does not count for a job that trains several together.
    """
    timed = {(row.job, row.kernel, row.members) for row in rows if row.implementation == OURS}
    trained = {(job.job, job.kernel, len(job.seeds)) for job in jobs}
    shared = {(job.job, GenericKernel.name, len(job.seeds)) for job in through_autograd_too(jobs)}
    return trained | shared <= timed


def through_autograd_too(jobs: Sequence[JobPlan]) -> list[JobPlan]:
    """Return the jobs to be timed through autograd over the cell's own step too, for a comparison by the same kernel.

    Two cells of a task whose own kernels are of different classes have that one in common. It is slow and says nothing
    of how the cell was trained, so a job has it only where two such cells are compared: at the longest lag of both.
    """
    by_cell: dict[tuple[str, str], dict[str, dict[int, JobPlan]]] = defaultdict(lambda: defaultdict(dict))
    for job in jobs:
        by_cell[job.task, job.variant][job.cell][job.lag] = job
    compared: set[str] = set()
    for cells in by_cell.values():
        for first, second in combinations(cells.values(), 2):
            lag = max(first.keys() & second.keys(), default=None)
            if lag is not None and first[lag].kernel != second[lag].kernel:
                compared |= {first[lag].job, second[lag].job}
    return [job for job in jobs if job.job in compared and job.kernel != GenericKernel.name]


def measure_speed(pairs: Sequence[Pair]) -> list[SpeedRow]:
    """Return a row for each cell, lag and implementation, measured in a fresh process with one thread.

    Each cell trains the members of its job together, by the kernel that trained them, and by autograd where
    `through_autograd_too` says so; the stock layer of torch.nn trains one. Whatever is compared at one lag of a task is
    timed in interleaved rounds. Peak memory is not measured where autograd only stands in for another kernel.
    """
    autograd_too = {plan.job for plan in through_autograd_too([plan for _, plan in pairs])}
    implementations = [
        implementation
        for job, plan in pairs
        for implementation in _implementations(job, plan, plan.job in autograd_too)
    ]
    with InterleavedTimer() as timer:
        memory = [
            timer.peak_memory(implementation, counts_making=True) if _is_own_way(implementation) else None
            for implementation in implementations
        ]
        compared: dict[tuple[str, str, int, str], list[tuple[Implementation, int | None]]] = defaultdict(list)
        for implementation, peak in zip(implementations, memory, strict=True):
            plan, device = implementation.plan, implementation.job.trainer.device
            compared[plan.task, plan.variant, plan.lag, device].append((implementation, peak))
        return [row for group in compared.values() for row in _time(group, timer)]


def _implementations(job: JobConfig, plan: JobPlan, autograd_too: bool) -> Iterator[Implementation]:
    timed = replace(job, trainer=replace(job.trainer, learning_rates=LEARNING_RATE, clip=CLIP))
    step, members = partial(engine_step, computation_only=True), len(plan.seeds)
    yield Implementation(timed, plan, OURS, step, plan.kernel, members)
    if autograd_too:
        yield Implementation(timed, plan, OURS, partial(step, kernel="autograd"), GenericKernel.name, members)
    layer = stock_layer_of(job)
    if layer is not None:
        stock = partial(stock_step, layer=layer, computation_only=True)
        yield Implementation(timed, plan, STOCK, stock, stock_kernel(layer))


def _is_own_way(implementation: Implementation) -> bool:
    """Tell whether an implementation is the stock layer, or the engine with the kernel that trained the cell."""
    return implementation.name != OURS or implementation.kernel == implementation.plan.kernel


def _time(group: Sequence[tuple[Implementation, int | None]], timer: InterleavedTimer) -> list[SpeedRow]:
    timings = timer.time([implementation for implementation, _ in group], ROUNDS, ROUND_S)
    return [_row(implementation, timing, peak) for (implementation, peak), timing in zip(group, timings, strict=True)]


def _row(implementation: Implementation, timing: Timing, peak: int | None) -> SpeedRow:
    plan, members = implementation.plan, implementation.members
    step_s = [seconds / timing.steps for seconds in timing.seconds]
    q25, median, q75 = statistics.quantiles(step_s, n=4, method="inclusive")
    sequences, time_steps = members * plan.batch_size, members * plan.length
    return SpeedRow(
        job=plan.job,
        task=plan.task,
        variant=plan.variant,
        cell=plan.cell,
        lag=plan.lag,
        length=plan.length,
        hidden_size=plan.hidden_size,
        batch_size=plan.batch_size,
        implementation=implementation.name,
        kernel=implementation.kernel,
        device=implementation.job.trainer.device,
        threads=1,
        dtype="float32",
        repeats=len(step_s),
        sequences_per_s=sequences / median,
        sequences_per_s_q25=sequences / q75,
        sequences_per_s_q75=sequences / q25,
        ms_per_time_step=1e3 * median / time_steps,
        ms_per_time_step_q25=1e3 * q25 / time_steps,
        ms_per_time_step_q75=1e3 * q75 / time_steps,
        flops=plan.flops,
        peak_memory_bytes=peak,
        members=members,
    )
