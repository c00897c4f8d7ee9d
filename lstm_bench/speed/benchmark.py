"""The speed benchmark: the engine, torch.nn and a plain loop train the same jobs in interleaved rounds.

A round of an implementation is a stretch of whole training steps (draw a batch, forward, backward, clip, update) in all
of its processes at once, timed by the clock from the first start to the last end.
"""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace

from lstm_bench.config.schema import JobConfig, SpeedConfig
from lstm_bench.cores import usable_cores
from lstm_bench.records.plan import JobPlan
from lstm_bench.records.speed import OURS, PLAIN_LOOP, STOCK_THREADS, STOCK_WORKERS, BenchmarkRow, MachineLimit
from lstm_bench.speed.implementation import (
    PLAIN_LOOP_FILE,
    Implementation,
    engine_step,
    plain_step,
    stock_kernel,
    stock_layer_of,
    stock_step,
)
from lstm_bench.speed.machine_limit import LIMIT_ROUNDS, core_rates, how_measured, least_step_s
from lstm_bench.speed.timing import InterleavedTimer, Timing
from lstm_bench.speed.worker_pool import WorkerPool

Pair = tuple[JobConfig, JobPlan]


def implementations_of(job: JobConfig, plan: JobPlan) -> list[Implementation]:
    """Return the implementations of a job: the engine; torch.nn where it has such a layer; for adding a plain loop."""
    cores, layer = usable_cores(), stock_layer_of(job)
    engine = Implementation(job, plan, OURS, engine_step, plan.kernel, members=len(plan.seeds), processes=cores)
    if layer is None:
        return [engine]
    kernel = stock_kernel(layer)
    stock = [
        Implementation(job, plan, STOCK_WORKERS, stock_step, kernel, processes=cores),
        Implementation(job, plan, STOCK_THREADS, stock_step, kernel, threads=cores),
    ]
    if PLAIN_LOOP_FILE.is_file() and plan.task == "adding" and plan.variant == "half":
        stock.append(Implementation(job, plan, PLAIN_LOOP, plain_step, kernel, threads=cores, prepared=False))
    return [engine, *stock]


def run_benchmark(
    pairs: Sequence[Pair], config: SpeedConfig, on_job: Callable[[int], None]
) -> tuple[MachineLimit, list[BenchmarkRow]]:
    """Time all implementations of all jobs; return the limit of the machine, and a row for each implementation and job.

    Args:
        pairs: each job and its plan.
        config: how many rounds, and how long one is for an implementation.
        on_job: called with the number of jobs done.
    """
    rows: list[BenchmarkRow] = []
    limit = measure_limit()
    by_job = [implementations_of(job, plan) for job, plan in pairs]
    with InterleavedTimer() as timer:
        memory = [
            [timer.peak_memory(implementation) for implementation in implementations] for implementations in by_job
        ]
        for done, (implementations, peaks) in enumerate(zip(by_job, memory, strict=True), start=1):
            timings = timer.time(implementations, config.rounds, config.turn_s)
            limit_s = least_step_s(*pairs[done - 1], limit)
            rows += [
                _row(replace(implementation, threads=timer.threads(implementation)), limit_s, timing, peak)
                for implementation, timing, peak in zip(implementations, timings, peaks, strict=True)
            ]
            on_job(done)
    return limit, rows


def measure_limit() -> MachineLimit:
    """Return the median speed of one core while all cores do the same work."""
    with WorkerPool(usable_cores(), 1, prepared=True) as pool:
        pool.call_all(core_rates)
        rates = [of_core for _ in range(LIMIT_ROUNDS) for of_core in pool.call_all(core_rates)]
    operations, nonlinearities = (statistics.median(values) for values in zip(*rates, strict=True))
    return MachineLimit(operations, nonlinearities, how_measured())


def _row(implementation: Implementation, limit_s: float | None, timing: Timing, peak: int | None) -> BenchmarkRow:
    plan = implementation.plan
    return BenchmarkRow(
        job=plan.job,
        task=plan.task,
        cell=implementation.job.cell_name,
        lag=plan.lag,
        length=plan.length,
        hidden_size=plan.hidden_size,
        batch_size=plan.batch_size,
        implementation=implementation.name,
        kernel=implementation.kernel,
        processes=implementation.processes,
        threads=implementation.threads,
        members=implementation.members,
        steps=timing.steps * implementation.processes * implementation.members,
        rounds_s=timing.seconds,
        flops=plan.flops,
        limit_s=limit_s,
        peak_memory_bytes=peak,
    )
