"""Run one job: tune, train and probe its members, and record each member as it ends."""

import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from statistics import fmean

import torch

from lstm_bench.config.schema import JobConfig
from lstm_bench.engine.run import Run
from lstm_bench.engine.seeds import Member
from lstm_bench.engine.training import Training
from lstm_bench.engine.tuning import Trial
from lstm_bench.records.locking import HeldError, held, job_lock
from lstm_bench.records.schema import DONE, ROLES, JobOutcome
from lstm_bench.records.store import StudyRecords
from lstm_bench.study.checkpointing import Checkpointer
from lstm_bench.study.heartbeat import Heartbeat, NoHeartbeat
from lstm_bench.study.identity import job_identity
from lstm_bench.study.job import Job, StoppedError, Tally
from lstm_bench.study.member_recording import mark_running, record_run
from lstm_bench.study.rate_choice import best_rate, further_rate, trial_of

SECONDS_BETWEEN_NOTES = 1.0
BETWEEN_LOOKS_S = 0.5  # between checks whether another process still tunes the job


def run_job(
    config: JobConfig,
    records: StudyRecords,
    checkpoint_s: float,
    heartbeat: Heartbeat | None = None,
    seeds: Sequence[int] | None = None,
    name: str = "",
    tuned_by: str = "",
) -> JobOutcome:
    """Train and record the members of a job that have no result, and return the outcome of the job.

    Any exception becomes the outcome and is not raised. Training that an earlier run of the job had begun resumes from
    its last checkpoint.

    Args:
        config: the settings of the job.
        records: the records of its study.
        checkpoint_s: seconds between checkpoints.
        heartbeat: the connection to a supervisor, None without one.
        seeds: of the reported members, None for those of the settings; where empty, only the learning rate is tuned.
        name: the name of the part of the job, "" for the job as a whole.
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
    """Hold the lock of the part that tunes the job during the block, unless this part tunes it.

    The block begins when no other process tunes the job, and then tunes what a process that died has left untuned.
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
            mark_running(job, run)
        _train(job, checkpointer, training, steps)
        checkpointer.clear()
    finally:
        job.tally.checkpoints += checkpointer.written
        job.tally.seconds += checkpointer.seconds


def _resumed_training(
    job: Job, checkpointer: Checkpointer, members: Sequence[Member], waiting: Sequence[Member], steps: int
) -> Training:
    """Return the training of a phase, resumed from the last checkpoint or started.

    Members that were trained together stay together, since the last bits of some kernels depend on their number.
    Members recorded since the checkpoint are trained again, with the same result; so is a whole phase where all of its
    checkpoints are damaged, or the record of one of its members.
    """
    is_tuning = waiting[0].role == "tuning"  # a tuning member that has solved counts by its steps to solve alone
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
                record_run(job, run)
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
