"""Run one job: tune, train, probe, and record each member as it ends."""

import io
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import pandas as pd
import torch

from lstm_bench.config.objects import cell_maker, chosen_probes, make_task
from lstm_bench.config.schema import JobConfig
from lstm_bench.engine.model import MakeCell, make_model
from lstm_bench.engine.seeds import Member, generator
from lstm_bench.engine.training import Budget, Run, train
from lstm_bench.engine.tuning import choose_learning_rate, tuning_score
from lstm_bench.records.schema import MemberRecord
from lstm_bench.records.store import TABLE_COLUMNS, StudyRecords
from lstm_bench.study.identity import job_identity, member_identity
from lstm_bench.study.planning import now
from lstm_bench.study.probing import Findings, probe_member
from lstm_bench.tasks.contract import Task

SECONDS_BETWEEN_NOTES = 1.0


@dataclass
class Job:
    """A job with what it is made of and where it writes."""

    config: JobConfig
    records: StudyRecords
    task: Task
    make_cell: MakeCell
    identity: str
    last_note: float = 0.0

    @classmethod
    def of(cls, config: JobConfig, records: StudyRecords) -> "Job":
        """Make the task and the cell of a job."""
        task = make_task(config)
        return cls(config, records, task, cell_maker(config, task), job_identity(config))

    def budget(self, steps: int) -> Budget:
        """Return the training budget of one phase."""
        t = self.config.trainer
        return Budget(
            t.batch_size, steps, t.eval_every, t.eval_size, t.confirm_size, t.clip, t.study_seed, t.device, t.kernel
        )  # fmt: skip


def run_job(config: JobConfig, records: StudyRecords) -> None:
    """Bring every member of a job to a record; those that are finished stay as they are.

    An exception fails the members that were under way, with its traceback, and goes no further.
    """
    job = Job.of(config, records)
    waiting = [seed for seed in config.trainer.seed_list if not finished(records, job.identity, "report", seed)]
    try:
        if waiting:
            rate = _choose_rate(job)
            _train_members(job, [Member("report", seed, rate) for seed in waiting], config.trainer.steps)
    except Exception:
        for seed in waiting:
            if not finished(records, job.identity, "report", seed):
                _record_failure(job, seed, traceback.format_exc())
    _note(job, "done", 0, 1, [])


def finished(records: StudyRecords, job: str, role: str, seed: int, rate: float | None = None) -> bool:
    """Tell whether a member has a record that stands; a failed one is tried again."""
    identity = member_identity(job, role, seed, rate)
    return records.has_member(identity) and records.read_member(identity).status != "failed"


def _choose_rate(job: Job) -> float:
    """Return the learning rate that does best on the tuning seeds, training those that have no record yet."""
    trainer = job.config.trainer
    if not trainer.tunes:
        return trainer.rates[0]
    candidates = [Member("tuning", seed, rate) for rate in trainer.rates for seed in range(trainer.tuning_seeds)]
    waiting = [m for m in candidates if not finished(job.records, job.identity, "tuning", m.seed, m.learning_rate)]
    if waiting:
        _train_members(job, waiting, trainer.tuning_steps)
    identities = [member_identity(job.identity, "tuning", m.seed, m.learning_rate) for m in candidates]
    scores = [job.records.read_member(identity).metrics["tuning/score"] for identity in identities]
    return choose_learning_rate([(m.learning_rate, score) for m, score in zip(candidates, scores, strict=True)])


def _train_members(job: Job, members: Sequence[Member], steps: int) -> None:
    ended = 0

    def on_step(step: int, active: Sequence[Run]) -> None:
        if time.monotonic() - job.last_note > SECONDS_BETWEEN_NOTES:
            _note(job, members[0].role, step, steps, active, ended)

    for run in train(job.task, job.make_cell, members, job.budget(steps), on_step):
        ended += 1
        _record_run(job, run, steps)


def _note(job: Job, phase: str, step: int, steps: int, active: Sequence[Run], ended: int = 0) -> None:
    job.last_note = time.monotonic()
    losses = [share for run in active if (share := run.metrics.get("loss_share")) is not None]
    noted = {"phase": phase, "step": step, "steps": max(1, steps), "active": len(active), "ended": ended}
    job.records.write_progress(job.identity, noted | {"loss_share": fmean(losses) if losses else None})


def _record_run(job: Job, run: Run, steps: int) -> None:
    member = run.member
    tuning = member.role == "tuning"
    identity = member_identity(job.identity, member.role, member.seed, member.learning_rate if tuning else None)
    metrics, found = _last_values(run), Findings()
    tables = {"curves": pd.DataFrame(run.curves, columns=list(TABLE_COLUMNS["curves"]))}
    files: dict[str, bytes] = {}
    if tuning:
        evaluations = steps // job.config.trainer.eval_every + 1
        metrics["tuning/score"] = tuning_score(run, job.task.criterion, evaluations)
    else:
        found = _probe(job, run)
        tables |= {"gradients": _state_norms(run), "probes": found.table}
        files["weights.pt"] = _weights_file(run)
    record = MemberRecord(
        identity=identity,
        job=job.identity,
        role=member.role,
        seed=member.seed,
        learning_rate=member.learning_rate,
        status=run.status,
        steps=run.steps,
        steps_to_solve=run.steps_to_solve,
        train_s=run.train_s,
        metrics=metrics | found.metrics,
        probe_errors=found.errors,
        finished=now(),
    )
    job.records.write_member(record, tables, files)


def _record_failure(job: Job, seed: int, error: str) -> None:
    identity = member_identity(job.identity, "report", seed)
    record = MemberRecord(identity, job.identity, "report", seed, None, "failed", error=error, finished=now())
    job.records.write_member(record, {})


def _last_values(run: Run) -> dict[str, float]:
    """Return the last value of each curve, and how long training took."""
    values = {metric: value for _, metric, value in run.curves}
    values |= {"train/steps": float(run.steps), "train/train_s": run.train_s}
    return values | ({} if run.steps_to_solve is None else {"train/steps_to_solve": float(run.steps_to_solve)})


def _probe(job: Job, run: Run) -> Findings:
    seed = job.config.trainer.study_seed
    model = make_model(job.task, job.make_cell, generator(seed, run.member, "initialisation"))
    draws = generator(seed, run.member, "probe").initial_seed()
    return probe_member(chosen_probes(job.config), job.task, model, run, draws)


def _state_norms(run: Run) -> pd.DataFrame:
    """Return ||dL/ds_t|| of every part at every evaluation, counted from the last step back."""
    tables = [
        pd.DataFrame({"step": step, "quantity": f"dL/d{part}", "steps_back": range(len(norms)), "norm": norms[::-1]})
        for step, part, norms in run.state_norms
    ]
    return pd.concat(tables) if tables else pd.DataFrame(columns=list(TABLE_COLUMNS["gradients"]))


def _weights_file(run: Run) -> bytes:
    buffer = io.BytesIO()
    torch.save(run.weights, buffer)
    return buffer.getvalue()
