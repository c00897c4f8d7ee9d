"""Studies of tasks that numbers were published of, with members whose numbers are given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
from synthetic_study import CELLS, make_job, make_plan

from lstm_bench.analysis.frames import StudyData, load_study
from lstm_bench.records.plan import JobPlan
from lstm_bench.records.schema import MemberRecord
from lstm_bench.records.store import StudyRecords

TASKS: Mapping[str, tuple[str, dict[str, Any]]] = {  # variant and settings by name
    "adding": ("anywhere", {"dialect": "anywhere"}),
    "adding in halves": ("half", {"dialect": "half"}),
    "adding of 1997": ("hochreiter", {"dialect": "hochreiter"}),
    "multiplication": ("hochreiter, 13 of 2000 may be wrong", {"operation": "product", "may_fail": 13}),
    "temporal_order": ("6a", {"dialect": "6a"}),
    "reber": ("continual, 8 strings", {"dialect": "continual"}),
    "copy": ("bai, 10 symbols", {"dialect": "bai", "n_symbols": 10}),
    "copy of three": ("bai, 3 symbols", {"dialect": "bai", "n_symbols": 3}),
}


@dataclass(frozen=True)
class Told:
    """What became of one member: its status, steps to solve, last metrics, and metrics by multiple of the lag."""

    status: str
    steps: int
    metrics: Mapping[str, float]
    at_multiples: Mapping[tuple[str, float], float] | None = None


def told(status: str, steps: int, **metrics: float) -> Told:
    """Return what became of a member, metrics by keyword: eval_loss=0.1 is eval/loss."""
    return Told(status, steps, {name.replace("_", "/", 1): value for name, value in metrics.items()})


def job_of(task: str, cell: str, lag: int, members: int) -> JobPlan:
    variant, settings = TASKS[task]
    name = task.split(" ", maxsplit=1)[0]
    scored_as = "copy" if name == "copy" else "adding"
    like = make_job("lstm" if cell.startswith(("lstm", "gru")) else "rnn", lag, members, False, scored_as)
    kind = cell.partition(" ")[0].removesuffix("_pytorch")
    classes = {"rnn": "RNNCell", "gru": "GRUCell", "lstm": "LSTMCell", "lstm_1997": "OriginalLSTMCell"}
    made = {"_target_": f"lstm_bench.cells.{kind}.{classes.get(kind, kind)}"}
    config = {**like.config, "task": {"lag": lag, **settings}, "cell": made}
    return replace(
        like, job=f"job-{name}-{variant}-{cell}-{lag}", task=name, variant=variant, cell=cell, lag=lag, config=config
    )


def study_of(folder: Path, told: Mapping[tuple[str, str, int], Sequence[Told]]) -> StudyData:
    """Return a study with these members, by task, cell and lag."""
    assert CELLS
    records = StudyRecords(folder)
    jobs = {key: job_of(*key, len(members)) for key, members in told.items()}
    records.write_plan(make_plan(folder.name, list(jobs.values())))
    for key, members in told.items():
        for seed, member in enumerate(members):
            _write(records, jobs[key], seed, member)
    return load_study(folder)


def _write(records: StudyRecords, job: JobPlan, seed: int, told: Told) -> None:
    solved = told.steps if told.status == "solved" else None
    probes = [
        {"moment": "final", "step": told.steps, "probe": "length_generalisation", "quantity": quantity, "at": multiple,
         "value": value}
        for (quantity, multiple), value in (told.at_multiples or {}).items()
    ]  # fmt: skip
    curves = pd.DataFrame([(told.steps, m, v) for m, v in told.metrics.items()], columns=["step", "metric", "value"])
    tables = {"curves": curves} | ({"probes": pd.DataFrame(probes)} if probes else {})
    identity = f"report-{job.job.replace(' ', '-')}-{seed}"
    record = MemberRecord(
        identity, job.job, "report", seed, 0.01, told.status, told.steps, solved, 1.0, dict(told.metrics)
    )
    records.write_member(record, tables)
