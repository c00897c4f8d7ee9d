"""Run one job: tune, train and probe its members, and record each member as it ends."""

import hashlib
import io
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lstm_bench.config.objects import cell_maker, chosen_probes, make_task
from lstm_bench.config.schema import JobConfig
from lstm_bench.engine.final_metrics import final_metrics
from lstm_bench.engine.model import MakeCell, make_model
from lstm_bench.engine.run import Run
from lstm_bench.engine.seeds import Member, generator
from lstm_bench.engine.training import Training
from lstm_bench.engine.tuning import Trial
from lstm_bench.records.identity import member_identity
from lstm_bench.records.locking import HeldError, held, job_lock
from lstm_bench.records.schema import DONE, ROLES, JobOutcome, MemberRecord
from lstm_bench.records.store import TABLE_COLUMNS, StudyRecords
from lstm_bench.study.checkpointing import Checkpointer
from lstm_bench.study.heartbeat import Heartbeat, NoHeartbeat
from lstm_bench.study.identity import job_identity
from lstm_bench.study.planning import now
from lstm_bench.study.probing import Findings, probe_member
from lstm_bench.study.rate_choice import best_rate, further_rate, trial_of
from lstm_bench.tasks.contract import Task

if TYPE_CHECKING:  # a worker trains before it imports pandas, which takes a third of a second
    import pandas as pd

SECONDS_BETWEEN_NOTES = 1.0
BETWEEN_LOOKS_S = 0.5  # at whether another process still tunes the job


class StoppedError(Exception):
    """The study requests its jobs to end."""


@dataclass
class Tally:
    """How many checkpoints a job wrote, and how many seconds that took."""

    checkpoints: int = 0
    seconds: float = 0.0


@dataclass
class Job:
    """A job with its settings, the seeds of its reported members, its task and cell, and its records.

    `name` and `tuned_by` are those of the part of the job that is run, see `JobPart`.
    """

    config: JobConfig
    seeds: Sequence[int]
    records: StudyRecords
    checkpoint_s: float
    heartbeat: Heartbeat
    task: Task
    make_cell: MakeCell
    identity: str
    tally: Tally
    name: str
    tuned_by: str
    last_note: float = 0.0

    @classmethod
    def of(
        cls,
        config: JobConfig,
        seeds: Sequence[int],
        records: StudyRecords,
        checkpoint_s: float,
        heartbeat: Heartbeat,
        tally: Tally,
        name: str = "",
        tuned_by: str = "",
    ) -> "Job":
        """Return a job with its task and cell made from the settings."""
        task = make_task(config)
        make_cell = cell_maker(config, task)
        identity = job_identity(config)
        settings = config, seeds, records, checkpoint_s, heartbeat, task, make_cell, identity, tally
        return cls(*settings, name or identity, tuned_by)

    def name_of(self, role: str) -> str:
        """Return the name of the part that trains members of a role, under which their checkpoints are."""
        return self.tuned_by if role == "tuning" and self.tuned_by else self.name

    def tuning_members(self) -> list[Member]:
        """Return the members that try learning rates."""
        return [member for rate in self.config.trainer.rates for member in self.members_at(rate)]

    def members_at(self, rate: float) -> list[Member]:
        """Return the members that try one learning rate."""
        return [Member("tuning", seed, rate) for seed in range(self.config.trainer.tuning_seeds)]

    def reported_members(self, rate: float) -> list[Member]:
        """Return the members that are reported, at the chosen learning rate."""
        return [Member("report", seed, rate) for seed in self.seeds]

    def identity_of(self, member: Member) -> str:
        """Return the identity of a member."""
        rate = member.learning_rate if member.role == "tuning" else None
        return member_identity(self.identity, member.role, member.seed, rate)

    def has_result(self, member: Member) -> bool:
        """Tell whether a member has a result; a member without one is trained again."""
        return self.records.has_result(self.identity_of(member))

    def raise_if_stopped(self) -> None:
        """Send a heartbeat.

        Raises: StoppedError where the job is requested to end.
        """
        self.heartbeat.beat()
        if self.heartbeat.stop_requested():
            raise StoppedError


def run_job(
    config: JobConfig,
    records: StudyRecords,
    checkpoint_s: float,
    heartbeat: Heartbeat | None = None,
    seeds: Sequence[int] | None = None,
    name: str = "",
    tuned_by: str = "",
) -> JobOutcome:
    """Train and record every member of a job that has no result, and return the outcome of the job.

    Any exception becomes the outcome and is not raised. Training that an earlier run of the job had begun resumes from
    its last checkpoint.

    Args:
        config: the settings of the job.
        records: the records of its study.
        checkpoint_s: seconds between checkpoints.
        heartbeat: the connection to a supervisor, None without one.
        seeds: of the reported members, None for those of the settings; with none, the learning rate is tuned alone.
        name: of the part of the job, "" for the job as a whole.
        tuned_by: the name of the part that tunes the job, "" for this one; see `JobPart`.
    """
    started, tally, outcome = time.monotonic(), Tally(), DONE
    try:
        reported = config.trainer.seed_list if seeds is None else seeds
        beat = heartbeat or NoHeartbeat()
        _run_phases(Job.of(config, reported, records, checkpoint_s, beat, tally, name, tuned_by))
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
    _train_phase(job, job.reported_members(rate), job.config.trainer.steps)
    for role in ROLES:  # an earlier process may have been killed before this line
        job.records.checkpoints(job.name_of(role), role).clear()


def _choose_rate(job: Job) -> float:
    """Return the best learning rate on the tuning seeds, after training the tuning members without a result.

    Where the best rate lies at an end of the grid, one rate beyond that end is tried as well.
    """
    trainer = job.config.trainer
    if not trainer.tunes:
        return trainer.rates[0]
    with _tuning_alone(job):
        trials = _try_rates(job, job.tuning_members())
        further = further_rate(trials, trainer)
        if further is not None:
            trials += _try_rates(job, job.members_at(further))
    return best_rate(trials, trainer)


@contextmanager
def _tuning_alone(job: Job) -> Iterator[None]:
    """Hold the lock of the part that tunes the job during the block, unless this part is the one.

    The block waits for a process that tunes, and tunes what one that has died has left.
    """
    with ExitStack() as lock:
        is_waiting = bool(job.tuned_by)
        while is_waiting:
            job.raise_if_stopped()
            with suppress(HeldError):
                place = job_lock(job.records.folder, job.tuned_by)
                lock.enter_context(held(place, f"job {job.name} of {job.records.folder.name}", BETWEEN_LOOKS_S))
                is_waiting = False
        yield


def _try_rates(job: Job, members: Sequence[Member]) -> list[Trial]:
    _train_phase(job, members, job.config.trainer.tuning_steps)
    return [trial_of(job.records.read_member(job.identity_of(member)), job.task.criterion) for member in members]


def _train_phase(job: Job, members: Sequence[Member], steps: int) -> None:
    """Train those members of a phase that have no result, until all have one."""
    while waiting := [member for member in members if not job.has_result(member)]:
        _train_members(job, members, waiting, steps)


def _train_members(job: Job, members: Sequence[Member], waiting: Sequence[Member], steps: int) -> None:
    """Train the waiting members of a phase to their end, from the last checkpoint where there is one."""
    checkpointer = Checkpointer(job.records, job.name_of(waiting[0].role), waiting[0].role, job.checkpoint_s)
    try:
        training = _resumed_training(job, checkpointer, members, waiting, steps)
        for run in training.active:
            _mark_running(job, run)
        _train(job, checkpointer, training, steps)
        checkpointer.clear()
    finally:
        job.tally.checkpoints += checkpointer.written
        job.tally.seconds += checkpointer.seconds


def _resumed_training(
    job: Job, checkpointer: Checkpointer, members: Sequence[Member], waiting: Sequence[Member], steps: int
) -> Training:
    """Return training that resumes from the last checkpoint, or that starts.

    Members that were trained together stay together, since the last bits of some kernels depend on their number.
    Members recorded since the checkpoint are trained again, with the same result; so is a whole phase where all of its
    checkpoints are damaged, or the record of one of its members.
    """
    is_tuning = waiting[0].role == "tuning"  # of a tuning member only when it solves counts
    trainer = job.config.trainer
    settings = replace(trainer, steps=steps, stop_when_solved=trainer.stop_when_solved or is_tuning)
    if (state := checkpointer.last()) is not None:
        try:
            training = Training.resumed(job.task, job.make_cell, state, settings)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            job.records.journal.note("damaged", path=job.identity, reason=f"no state of this job: {error}")
        else:
            role, part = waiting[0].role, job.name_of(waiting[0].role)
            job.records.journal.note("taken_up", job=job.identity, part=part, role=role, step=training.step)
            return training
    damaged = checkpointer.began() or any(job.records.was_quarantined(job.identity_of(member)) for member in waiting)
    together = damaged or is_tuning  # which rates are dropped half-way depends on all of them
    training = Training(job.task, job.make_cell, members if together else waiting, settings)
    checkpointer.write(training)
    return training


def _train(job: Job, checkpointer: Checkpointer, training: Training, steps: int) -> None:
    """Train to the end; where the job is requested to stop, write a checkpoint first.

    No checkpoint is written where the request arrives while a member that has ended is being probed, since only the
    last checkpoint still contains that member.
    """
    started_with = len(training.active)
    while training.active:
        ended_runs = training.advance()
        for run in ended_runs:
            if not job.has_result(run.member):
                _record_run(job, run)
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
    job.records.write_progress(job.name, progress | {"loss_share": fmean(losses) if losses else None})


def _mark_running(job: Job, run: Run) -> None:
    member = run.member
    if not job.has_result(member):
        record = MemberRecord(
            job.identity_of(member), job.identity, member.role, member.seed, member.learning_rate, "running"
        )
        job.records.write_status(replace(record, finished=now()))


def _record_run(job: Job, run: Run) -> None:
    import pandas as pd

    member, identity = run.member, job.identity_of(run.member)
    tuning = member.role == "tuning"
    metrics, findings = final_metrics(run, job.task.units), Findings()
    tables = {"curves": pd.DataFrame(run.curves, columns=list(TABLE_COLUMNS["curves"]))}
    files: dict[str, bytes] = {}
    probe_s = 0.0
    if not tuning:
        began = time.monotonic()
        findings = _probe(job, run)
        probe_s = time.monotonic() - began
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
        evaluate_s=run.evaluate_s,
        probe_s=probe_s,
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


def _state_norms(run: Run) -> "pd.DataFrame":
    """Return ||dL/ds_t|| of every part of the state at every evaluation, by steps back from the last step."""
    import pandas as pd

    tables = [
        pd.DataFrame({"step": step, "quantity": f"dL/d{part}", "steps_back": range(len(norms)), "norm": norms[::-1]})
        for step, part, norms in run.state_norms
    ]
    return pd.concat(tables) if tables else pd.DataFrame(columns=list(TABLE_COLUMNS["gradients"]))


def _file_of(tensors: Mapping[str, Tensor]) -> bytes:
    buffer = io.BytesIO()
    torch.save(dict(tensors), buffer)
    return buffer.getvalue()
