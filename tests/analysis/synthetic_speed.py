"""A small speed study on disk whose rounds are given by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from synthetic_study import make_job, make_plan

from lstm_bench.records.plan import JobPlan, StudyPlan
from lstm_bench.records.speed import OURS, PLAIN_LOOP, STOCK_THREADS, STOCK_WORKERS, BenchmarkRow, MachineLimit
from lstm_bench.records.store import StudyRecords

LIMIT = MachineLimit(100e9, 2e9, "multiply-adds in registers and logistic functions in cache")
PROCESSES = {OURS: (2, 1, 4), STOCK_WORKERS: (2, 1, 1), STOCK_THREADS: (1, 2, 1), PLAIN_LOOP: (1, 2, 1)}
STEPS = {OURS: 80, STOCK_WORKERS: 20, STOCK_THREADS: 10, PLAIN_LOOP: 5}
Turns = Mapping[str, Sequence[float]]


def benchmark_job(cell: str, length: int, hidden: int = 64, batch: int = 32) -> JobPlan:
    known = make_job("lstm" if cell == "lstm" else "rnn", length, n_seeds=4, tuned=False, task="adding")
    job = f"{cell}-{hidden}-{length}-{batch}"
    return replace(
        known, job=job, cell=cell, hidden_size=hidden, batch_size=batch, flops=1e9, kernel=f"compiled_{cell}"
    )


def benchmark_row(
    job: JobPlan,
    implementation: str,
    rounds_s: Sequence[float],
    *,
    steps: int | None = None,
    limit_s: float | None = 0.002,
) -> BenchmarkRow:
    processes, threads, members = PROCESSES[implementation]
    return BenchmarkRow(
        job=job.job, task=job.task, cell=job.cell, lag=job.lag, length=job.length, hidden_size=job.hidden_size,
        batch_size=job.batch_size, implementation=implementation,
        kernel=job.kernel if implementation == OURS else f"torch.nn.{job.cell.upper()}", processes=processes,
        threads=threads, members=members, steps=STEPS[implementation] if steps is None else steps,
        rounds_s=list(rounds_s), flops=job.flops, limit_s=limit_s,
        peak_memory_bytes=None if implementation == PLAIN_LOOP else 3 * 2**20,
    )  # fmt: skip


def write_benchmark(folder: Path, jobs: Sequence[JobPlan], rows: Sequence[BenchmarkRow]) -> StudyPlan:
    """Write a speed study and return its plan."""
    plan = replace(make_plan(folder.name, list(jobs)), experiment="speed", measure="speed")
    records = StudyRecords(folder)
    records.write_plan(plan)
    records.write_benchmark(LIMIT, rows)
    return plan
