"""Run one job: tune, train and probe its members, and record each member as it ends."""

import hashlib
import io
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from statistics import fmean

import pandas as pd
import torch
from torch import Tensor

from lstm_bench.config.objects import cell_maker, chosen_probes, make_task
from lstm_bench.config.schema import JobConfig
from lstm_bench.engine.final_metrics import TUNING_SCORE, final_metrics
from lstm_bench.engine.model import MakeCell, make_model
from lstm_bench.engine.run import Run
from lstm_bench.engine.seeds import Member, generator
from lstm_bench.engine.training import Training
from lstm_bench.engine.tuning import choose_learning_rate, tuning_score
from lstm_bench.records.identity import member_identity
from lstm_bench.records.schema import DONE, ROLES, JobOutcome, MemberRecord
from lstm_bench.records.store import TABLE_COLUMNS, StudyRecords
from lstm_bench.study.checkpointing import Checkpointer
from lstm_bench.study.heartbeat import Heartbeat, NoHeartbeat
from lstm_bench.study.identity import job_identity
from lstm_bench.study.planning import now
from lstm_bench.study.probing import Findings, probe_member
from lstm_bench.tasks.contract import Task

SECONDS_BETWEEN_NOTES = 1.0
PATIENCE_S = 10.0  # for a process of an earlier invocation to end


class StoppedError(Exception):
    """The study requests its jobs to end."""


@dataclass
class Tally:
    """How many checkpoints a job wrote, and how many seconds that took."""

    checkpoints: int = 0
    seconds: float = 0.0


@dataclass
class Job:
    """A job with its settings, its task and cell, and its records."""

    config: JobConfig
    records: StudyRecords
    checkpoint_s: float
    heartbeat: Heartbeat
    task: Task
    make_cell: MakeCell
    identity: str
    tally: Tally
    last_note: float = 0.0

    @classmethod
    def of(
        cls, config: JobConfig, records: StudyRecords, checkpoint_s: float, heartbeat: Heartbeat, tally: Tally
    ) -> "Job":
        """Return a job with its task and cell made from the settings."""
        task = make_task(config)
        make_cell = cell_maker(config, task)
        return cls(config, records, checkpoint_s, heartbeat, task, make_cell, job_identity(config), tally)

    def raise_if_stopped(self) -> None:
        """Send a heartbeat.

        Raises: StoppedError where the job is requested to end.
        """
        self.heartbeat.beat()
        if self.heartbeat.stop_requested():
            raise StoppedError


def run_job(
    config: JobConfig, records: StudyRecords, checkpoint_s: float, heartbeat: Heartbeat | None = None
) -> JobOutcome:
    """Train and record every member of a job that has no result, and return the outcome of the job.

    Any exception becomes the outcome and is not raised. Training that an earlier run of the job had begun resumes from
    its last checkpoint.
    """
    started, tally, outcome = time.monotonic(), Tally(), DONE
    try:
        _run_phases(Job.of(config, records, checkpoint_s, heartbeat or NoHeartbeat(), tally))
    except StoppedError:
        outcome = JobOutcome("interrupted", "stopped; it resumes from its last checkpoint")
    except (Exception, SystemExit) as error:
        outcome = JobOutcome("out_of_memory" if _lacks_memory(error) else "failed", traceback.format_exc())
    facts = {"wall_s": time.monotonic() - started, "checkpoints": tally.checkpoints, "checkpoint_s": tally.seconds}
    with suppress(OSError):
        records.journal.note("job_ran", job=job_identity(config), outcome=outcome.status, **facts)
    return outcome


def _lacks_memory(error: BaseException) -> bool:
    """Tell whether an exception reports a lack of memory; torch's CPU allocator raises a plain RuntimeError for it."""
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "DefaultCPUAllocator" in str(error)


def _run_phases(job: Job) -> None:
    rate = _choose_rate(job)
    while waiting := [seed for seed in job.config.trainer.seed_list if not finished(job, "report", seed)]:
        _train_members(job, [Member("report", seed, rate) for seed in waiting], job.config.trainer.steps)
    for role in ROLES:  # an earlier process may have been killed before this line
        job.records.checkpoints(job.identity, role).clear()


def finished(job: Job, role: str, seed: int, rate: float | None = None) -> bool:
    """Tell whether a member has a result; a member without one is trained again."""
    return job.records.has_result(member_identity(job.identity, role, seed, rate))


def _choose_rate(job: Job) -> float:
    """Return the best learning rate on the tuning seeds, after training the tuning members without a result."""
    trainer = job.config.trainer
    if not trainer.tunes:
        return trainer.rates[0]
    candidates = [Member("tuning", seed, rate) for rate in trainer.rates for seed in range(trainer.tuning_seeds)]
    while waiting := [m for m in candidates if not finished(job, "tuning", m.seed, m.learning_rate)]:
        _train_members(job, waiting, trainer.tuning_steps)
    identities = [_identity(job, member) for member in candidates]
    scores = [job.records.read_member(identity).metrics[TUNING_SCORE.key] for identity in identities]
    return choose_learning_rate([(m.learning_rate, score) for m, score in zip(candidates, scores, strict=True)])


def _identity(job: Job, member: Member) -> str:
    rate = member.learning_rate if member.role == "tuning" else None
    return member_identity(job.identity, member.role, member.seed, rate)


def _train_members(job: Job, waiting: Sequence[Member], steps: int) -> None:
    """Train members to their end, from the last checkpoint where there is one, and record each as it ends."""
    checkpointer = Checkpointer(job.records, job.identity, waiting[0].role, job.checkpoint_s)
    try:
        training = _resumed_training(job, checkpointer, waiting, steps)
        for run in training.active:
            _mark_running(job, run)
        _train(job, checkpointer, training, steps)
        checkpointer.clear()
    finally:
        job.tally.checkpoints += checkpointer.written
        job.tally.seconds += checkpointer.seconds


def _resumed_training(job: Job, checkpointer: Checkpointer, waiting: Sequence[Member], steps: int) -> Training:
    """Return training that resumes from the last checkpoint, or that starts.

    Members that were trained together stay together, since the last bits of some kernels depend on their number.
    Members recorded since the checkpoint are trained again, with the same result; so is a whole phase where all of its
    checkpoints are damaged, or the record of one of its members.
    """
    settings = replace(job.config.trainer, steps=steps)
    if (state := checkpointer.last()) is not None:
        try:
            training = Training.resumed(job.task, job.make_cell, state, settings)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            job.records.journal.note("damaged", path=job.identity, reason=f"no state of this job: {error}")
        else:
            job.records.journal.note("taken_up", job=job.identity, role=waiting[0].role, step=training.step)
            return training
    damaged = checkpointer.began() or any(job.records.was_quarantined(_identity(job, member)) for member in waiting)
    members = _phase(job, waiting) if damaged else waiting
    training = Training(job.task, job.make_cell, members, settings)
    checkpointer.write(training)
    return training


def _phase(job: Job, waiting: Sequence[Member]) -> list[Member]:
    """Return all members of a phase, including those that are finished."""
    trainer, first = job.config.trainer, waiting[0]
    if first.role == "tuning":
        return [Member("tuning", seed, rate) for rate in trainer.rates for seed in range(trainer.tuning_seeds)]
    return [Member("report", seed, first.learning_rate) for seed in trainer.seed_list]


def _train(job: Job, checkpointer: Checkpointer, training: Training, steps: int) -> None:
    """Train to the end; where the job is requested to stop, write a checkpoint first.

    No checkpoint is written where the request arrives while a member that has ended is being probed, since only the
    last checkpoint still contains that member.
    """
    started_with = len(training.active)
    while training.active:
        ended_runs = training.advance()
        for run in ended_runs:
            if not job.records.has_result(_identity(job, run.member)):
                _record_run(job, run, steps)
        checkpointer.note(training, ended_runs)
        if time.monotonic() - job.last_note > SECONDS_BETWEEN_NOTES and training.active:
            ended_count = started_with - len(training.active)
            _note(job, training.active[0].member.role, training.step, steps, training.active, ended_count)
        if training.active and job.heartbeat.stop_requested():
            checkpointer.write(training)
        job.raise_if_stopped()


def _note(job: Job, phase: str, step: int, steps: int, active: Sequence[Run], ended: int = 0) -> None:
    job.last_note = time.monotonic()
    losses = [share for run in active if (share := run.metrics.get("loss_share")) is not None]
    progress = {"phase": phase, "step": step, "steps": max(1, steps), "active": len(active), "ended": ended}
    job.records.write_progress(job.identity, progress | {"loss_share": fmean(losses) if losses else None})


def _mark_running(job: Job, run: Run) -> None:
    member, identity = run.member, _identity(job, run.member)
    if not job.records.has_result(identity):
        record = MemberRecord(identity, job.identity, member.role, member.seed, member.learning_rate, "running")
        job.records.write_status(replace(record, finished=now()))


def _record_run(job: Job, run: Run, steps: int) -> None:
    member, identity = run.member, _identity(job, run.member)
    tuning = member.role == "tuning"
    metrics, findings = final_metrics(run, job.task.units), Findings()
    tables = {"curves": pd.DataFrame(run.curves, columns=list(TABLE_COLUMNS["curves"]))}
    files: dict[str, bytes] = {}
    if tuning:
        evaluations = steps // job.config.trainer.eval_every + 1
        metrics[TUNING_SCORE] = tuning_score(run, job.task.criterion, evaluations)
    else:
        findings = _probe(job, run)
        tables |= {"gradients": _state_norms(run), "probes": findings.table}
        files["weights.pt"] = _file_of(run.weights)
    metrics |= findings.metrics
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
        metrics={metric.key: value for metric, value in metrics.items()},
        declarations={metric.key: metric for metric in metrics},
        probe_errors=findings.errors,
        error=run.reason and f"cell {job.config.cell_name}: {run.reason}",
        finished=now(),
        optimiser=hashlib.sha256(_file_of(run.moments)).hexdigest(),
    )
    job.records.write_member(record, tables, files)
    job.records.journal.note("member_ended", identity=identity, role=member.role, seed=member.seed, status=run.status)


def _probe(job: Job, run: Run) -> Findings:
    seed = job.config.trainer.study_seed
    model = make_model(job.task, job.make_cell, generator(seed, run.member, "initialisation"))
    draws = generator(seed, run.member, "probe").initial_seed()
    return probe_member(chosen_probes(job.config), job.task, model, run, draws, job.raise_if_stopped)


def _state_norms(run: Run) -> pd.DataFrame:
    """Return ||dL/ds_t|| of every part of the state at every evaluation, by steps back from the last step."""
    tables = [
        pd.DataFrame({"step": step, "quantity": f"dL/d{part}", "steps_back": range(len(norms)), "norm": norms[::-1]})
        for step, part, norms in run.state_norms
    ]
    return pd.concat(tables) if tables else pd.DataFrame(columns=list(TABLE_COLUMNS["gradients"]))


def _file_of(tensors: Mapping[str, Tensor]) -> bytes:
    buffer = io.BytesIO()
    torch.save(dict(tensors), buffer)
    return buffer.getvalue()
