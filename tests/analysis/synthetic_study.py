"""A small study on disk whose truth is known: written through StudyRecords, the same bytes every time."""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from synthetic_probes import probe_metrics, probe_tables

from lstm_bench.analysis.frames import StudyData, load_study
from lstm_bench.records.plan import JobPlan, StudyPlan
from lstm_bench.records.schema import MemberRecord
from lstm_bench.records.speed import SpeedRow
from lstm_bench.records.store import StudyRecords

BUDGET, EVERY, TUNING_BUDGET = 4000, 200, 1600
RATES = [0.001, 0.003, 0.01]
LN8 = math.log(8)
TRACEBACK = 'Traceback (most recent call last):\n  File "job.py", line 3, in run\nMemoryError: no room for <T = 64>\n'
Outcome = Callable[[str, int, int], str]


@dataclass(frozen=True)
class SyntheticCell:
    """What is true of a cell: gates G, hidden size, the lag it reaches, its decays per step and its speed."""

    gates: int
    t50: float
    decay_initial: float
    decay_final: float
    sequences_per_s: float
    hidden_size: int = 64

    @property
    def core(self) -> int:
        return self.gates * (self.hidden_size**2 + self.hidden_size * 10 + 2 * self.hidden_size)


CELLS = {
    "lstm": SyntheticCell(4, 20.0, 0.95, 0.98, 90_000.0),
    "rnn": SyntheticCell(1, 3.2, 0.61, 0.8, 200_000.0),
}
LAGS = (2, 4, 8, 16, 32)


def likely_outcome(cell: str, lag: int, seed: int) -> str:
    """Members solve up to about their cell's T50, some seeds a little further than others."""
    reach = math.log2(CELLS[cell].t50) + 0.35 * (seed % 5 - 2)
    if math.log2(lag) <= reach:
        return "solved"
    return "learning" if math.log2(lag) <= reach + 1.2 else "plateau"


def make_study(
    folder: Path,
    *,
    cells: Sequence[str] = tuple(CELLS),
    lags: Sequence[int] = LAGS,
    n_seeds: int = 5,
    outcome: Outcome = likely_outcome,
    tuned: bool = True,
    timed: bool = True,
    tasks: Sequence[str] = ("copy",),
    trained: bool = True,
    probed: bool = True,
    held: bool = False,
) -> StudyPlan:
    """Write a study and return its plan; an outcome of "missing" leaves no record.

    Without training there is no budget, and every member is "untrained"; not probed, no probe said anything. Where it
    says how long memories are held, copy's are for the lag and three steps more, adding's for three quarters of it.
    """
    records = StudyRecords(folder)
    longest_first = sorted(lags, reverse=True)
    jobs = [make_job(cell, lag, n_seeds, tuned, task) for task in tasks for lag in longest_first for cell in cells]
    if not trained:
        jobs, outcome, tuned = [replace(job, steps=0) for job in jobs], lambda *_: "untrained", False
    if held:
        jobs = [replace(job, distance=job.lag + 3 if job.task == "copy" else 0.75 * job.lag - 0.5) for job in jobs]
    plan = make_plan(folder.name, jobs)
    records.write_plan(plan)
    for job in jobs:
        for seed in job.seeds:
            status = outcome(job.cell, job.lag, seed)
            if status != "missing":
                write_member(records, job, seed, status, probed)
        for rate in job.learning_rates if tuned else []:
            for seed in job.tuning_seeds:
                write_tuning_member(records, job, seed, rate)
    if timed:
        records.write_speed([row for job in jobs for row in speed_rows(job)])
    return plan


def maker(folder: Path) -> Callable[..., StudyData]:
    """Return a function that makes small studies, each in a folder of its own, neither tuned nor timed nor probed."""
    numbers = itertools.count()

    def made(**settings: Any) -> StudyData:
        place = folder / f"s{next(numbers)}"
        make_study(place, tuned=False, timed=False, probed=False, **settings)
        return load_study(place)

    return made


def make_plan(study: str, jobs: list[JobPlan]) -> StudyPlan:
    environment = {
        "lstm_bench": "0.1.0",
        "python": "3.11.7",
        "packages": {"torch": "2.13.0", "numpy": "2.4.6"},
        "processor": "Synthetic CPU @ 2.00GHz",
        "cores": 2,
        "device": "cpu",
        "threads_per_worker": 1,
        "dtype": "float32",
        "commit": "0123456789ab",
    }
    return StudyPlan(
        study=study,
        experiment="copy_task",
        command="python -m lstm_bench +experiment=copy_task",
        started="2025-11-21T01:00:00+00:00",
        jobs=jobs,
        environment=environment,
        finished="2025-11-21T01:07:12+00:00",
        wall_s=432.0,
    )


def make_job(cell: str, lag: int, n_seeds: int = 5, tuned: bool = True, task: str = "copy") -> JobPlan:
    truth = CELLS[cell]
    copy = task == "copy"
    length = lag + 6 if copy else lag
    return JobPlan(
        job=f"job-{task}-{cell}-{lag}",
        task=task,
        variant="arjovsky, 3 symbols" if copy else "half",
        lag=lag,
        length=length,
        cell=cell,
        hidden_size=truth.hidden_size,
        n_parameters=truth.core + (truth.hidden_size + 1) * 9,
        n_parameters_core=truth.core,
        flops=6.0 * truth.core * 32 * length,
        kernel="compiled BPTT",
        score="recall_accuracy" if copy else "explained",
        criterion="recall_ce" if copy else "loss",
        description=f"What {task} asks, in a sentence.",
        solved_rule="recall accuracy at least 0.99" if copy else "mean squared error at most 0.01",
        solved_share=0.1 if copy else 0.06,
        baselines={"loss": LN8 * 3 / length, "recall_ce": LN8, "recall_accuracy": 0.125}
        if copy
        else {"loss": 1 / 6, "explained": 0.0, "implied_window": 0.0},
        units={"loss": "nats", "recall_ce": "nats", "recall_accuracy": "share"}
        if copy
        else {"loss": "squared error", "explained": "share", "implied_window": "steps"},
        learning_rates=RATES if tuned else [0.01],
        tuning_seeds=[0, 1] if tuned else [],
        tuning_steps=TUNING_BUDGET,
        seeds=list(range(n_seeds)),
        steps=BUDGET,
        batch_size=32,
        config={
            "task": {"_target_": f"lstm_bench.tasks.{task}.{task.title()}Task", "lag": lag, "dialect": "arjovsky"},
            "cell": {"_target_": f"lstm_bench.cells.{cell}.{cell.upper()}Cell", "hidden_size": 64, "init": "orthogonal"}
            | ({"forget_bias": 3.0, "chrono": lag} if cell == "lstm" else {}),
            "trainer": {
                "batch_size": 32, "steps": BUDGET, "eval_every": EVERY, "eval_size": 1000, "confirm_size": 10_000,
                "clip": 1.0, "learning_rates": RATES if tuned else [0.01], "tuning_seeds": 2, "tuning_share": 0.4,
                "seeds": n_seeds, "study_seed": 0, "device": "cpu",
            },
        },
    )  # fmt: skip


def write_member(records: StudyRecords, job: JobPlan, seed: int, status: str, probed: bool = True) -> MemberRecord:
    """Write one reported member that ended so."""
    identity = f"report-{job.job}-{seed}"
    if status == "failed":
        failed = MemberRecord(identity, job.job, "report", seed, None, "failed", error=TRACEBACK)
        records.write_member(failed, {})
        return failed
    rng = np.random.default_rng([seed, job.lag, len(job.cell)])
    curves, steps = make_curves(job, status, rng)
    truth = CELLS[job.cell]
    last = dict(zip(curves["metric"], curves["value"], strict=True))
    decays = {"initial": truth.decay_initial, "final": truth.decay_final}
    measured = {when: decay * math.exp(0.01 * (seed % 5 - 2)) for when, decay in decays.items()}
    metrics = last | (probe_metrics(job, measured, status) if probed else {})
    solved = steps if status == "solved" else None
    metrics |= {"train/steps": float(steps), "train/train_s": 1.5 + seed}
    metrics |= {} if solved is None else {"train/steps_to_solve": float(solved)}
    record = MemberRecord(
        identity, job.job, "report", seed, 0.01, status, steps, solved, 1.5 + seed, metrics,
        finished="2025-11-21T01:05:00+00:00",
    )  # fmt: skip
    tables = {"curves": curves, "gradients": make_gradients(job, steps, measured)}
    if probed:
        tables["probes"] = probe_tables(job, steps, measured, status)
    records.write_member(record, tables)
    return record


def make_curves(job: JobPlan, status: str, rng: np.random.Generator) -> tuple[pd.DataFrame, int]:
    """Return plausible curves that end in this status, and the last step."""
    fast = {"solved": 1.0, "learning": 0.12, "plateau": 0.0, "diverged": 0.05, "untrained": 0.0}[status]
    half = (300 + 60 * job.lag) * math.exp(0.25 * rng.standard_normal())
    rows: list[tuple[int, str, float]] = []
    passes = 0
    for step in range(0, 1 if status == "untrained" else BUDGET + 1, EVERY):
        share = 1 / (1 + (step * fast / half) ** 3) * (1 + 0.02 * rng.standard_normal()) + 0.005
        if status == "solved" and step >= BUDGET - 2 * EVERY:
            share = min(share, 0.05)
        if status == "diverged" and step > BUDGET / 2:
            share = 3.0
        names = {"eval/loss": share * job.baselines["loss"], "eval/loss_share": share, "grad/norm": 0.1 + share,
                 "train/loss": share * job.baselines["loss"], "grad/clipped_share": 0.1}  # fmt: skip
        if job.task == "copy":
            names |= {
                "eval/recall_ce": share * LN8,
                "eval/recall_ce_share": share,
                "eval/recall_accuracy": 1 - share * 0.875,
            }
        else:
            names |= {"eval/explained": 1 - share, "eval/implied_window": job.lag * (1 - share)}
        rows += [(step, name, float(value)) for name, value in names.items()]
        passes = passes + 1 if share <= 0.1 else 0
        if passes == 2 or share > 2:
            break
    return pd.DataFrame(rows, columns=["step", "metric", "value"]), step


def make_gradients(job: JobPlan, last_step: int, decays: dict[str, float]) -> pd.DataFrame:
    """Return state norms all through training."""
    parts = {"h": 0.05, "c": 0.015} if job.cell == "lstm" else {"h": 0.05}
    steps = np.arange(0, last_step + 1, EVERY)
    done = steps / last_step if last_step else np.zeros(1)
    decay = decays["initial"] ** (1 - done) * decays["final"] ** done
    powers = decay[:, None] ** np.arange(job.length)
    norms = np.stack([scale * powers for scale in parts.values()], axis=1)
    names = np.array([f"dL/d{part}" for part in parts], dtype=object)
    return pd.DataFrame({
        "step": np.repeat(steps, norms[0].size), "quantity": np.tile(np.repeat(names, job.length), len(steps)),
        "steps_back": np.tile(np.arange(job.length), len(steps) * len(parts)), "norm": norms.ravel(),
    })  # fmt: skip


def write_tuning_member(records: StudyRecords, job: JobPlan, seed: int, rate: float) -> None:
    """Write one tuning member; the middle rate is worse than the largest, the smallest worst."""
    worse = {0.001: 0.5, 0.003: 0.2, 0.01: 0.0}[rate]
    share = min(1.0, 0.2 + worse + 0.1 * math.log2(job.lag) / 5 + 0.02 * seed + (0.3 if job.cell == "rnn" else 0.0))
    identity = f"tuning-{job.job}-{seed}-{rate:g}"
    record = MemberRecord(
        identity,
        job.job,
        "tuning",
        seed,
        rate,
        "learning",
        TUNING_BUDGET,
        metrics={f"eval/{job.criterion}_share": share},
    )
    records.write_member(record, {})


def speed_rows(job: JobPlan) -> list[SpeedRow]:
    """Return our implementation, and the stock layer at 0.7 of its speed, with one member."""
    truth = CELLS[job.cell]
    ours = truth.sequences_per_s / job.length
    row = SpeedRow(
        task=job.task, variant=job.variant, cell=job.cell, lag=job.lag, length=job.length, hidden_size=job.hidden_size,
        batch_size=job.batch_size, implementation="lstm_bench", kernel=job.kernel, device="cpu", threads=1,
        dtype="float32", repeats=7, sequences_per_s=ours, sequences_per_s_q25=0.97 * ours,
        sequences_per_s_q75=1.02 * ours, ms_per_time_step=32e3 / ours / job.length,
        ms_per_time_step_q25=32e3 / 1.02 / ours / job.length, ms_per_time_step_q75=32e3 / 0.97 / ours / job.length,
        flops=job.flops, peak_memory_bytes=job.length * truth.core * 16, members=len(job.seeds),
    )  # fmt: skip
    stock = {
        name: getattr(row, name) * 0.7 for name in ("sequences_per_s", "sequences_per_s_q25", "sequences_per_s_q75")
    }
    slower = {
        name: getattr(row, name) / 0.7 for name in ("ms_per_time_step", "ms_per_time_step_q25", "ms_per_time_step_q75")
    }
    return [
        row,
        replace(row, implementation="torch.nn", kernel=f"torch.nn.{job.cell.upper()}", members=1, **stock, **slower),
    ]
