"""Run one job: tune, train, probe, and record each member as it ends."""

import io
import time
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

import pandas as pd
import torch

from lstm_bench.config.objects import cell_maker, make_task
from lstm_bench.config.schema import JobConfig
from lstm_bench.engine.population import MakeCell, make_model
from lstm_bench.engine.seeds import Member, generator
from lstm_bench.engine.training import Budget, Run, train
from lstm_bench.engine.tuning import choose_learning_rate, tuning_score
from lstm_bench.probes.gradient_flow import GradientFlow, gradient_flow
from lstm_bench.records.schema import MemberRecord
from lstm_bench.records.store import StudyRecords
from lstm_bench.study.identity import job_identity, member_identity
from lstm_bench.study.planning import now
from lstm_bench.tasks.contract import Task

SECONDS_BETWEEN_NOTES = 1.0
FLOW_BATCH = 16


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
    if len(trainer.rates) == 1:
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
    noted = {"phase": phase, "step": step, "steps": steps, "active": len(active), "ended": ended}
    job.records.write_progress(job.identity, noted | {"loss_share": fmean(losses) if losses else None})


def _record_run(job: Job, run: Run, steps: int) -> None:
    member = run.member
    tuning = member.role == "tuning"
    identity = member_identity(job.identity, member.role, member.seed, member.learning_rate if tuning else None)
    metrics = _last_values(run)
    gradients: list[pd.DataFrame] = []
    files: dict[str, bytes] = {}
    if tuning:
        evaluations = steps // job.config.trainer.eval_every + 1
        metrics["tuning/score"] = tuning_score(run, job.task.criterion, evaluations)
    else:
        flows = _measure_flows(job, run)
        metrics |= _flow_metrics(flows)
        gradients = [*_state_norm_tables(run), *_flow_tables(flows, run.steps)]
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
        metrics=metrics,
        finished=now(),
    )
    curves = pd.DataFrame(run.curves, columns=["step", "metric", "value"])
    job.records.write_member(record, curves, _joined(gradients), files)


def _record_failure(job: Job, seed: int, error: str) -> None:
    identity = member_identity(job.identity, "report", seed)
    record = MemberRecord(identity, job.identity, "report", seed, None, "failed", error=error, finished=now())
    job.records.write_member(record, pd.DataFrame(columns=["step", "metric", "value"]), _joined([]), {})


def _last_values(run: Run) -> dict[str, float]:
    """Return the last value of each curve, and how long training took."""
    values = {metric: value for _, metric, value in run.curves}
    values |= {"train/steps": float(run.steps), "train/train_s": run.train_s}
    return values | ({} if run.steps_to_solve is None else {"train/steps_to_solve": float(run.steps_to_solve)})


def _measure_flows(job: Job, run: Run) -> dict[str, GradientFlow]:
    """Return the gradient flow at initialisation and of the trained cell, on the same sequences and direction."""
    seed, member = job.config.trainer.study_seed, run.member
    inputs = job.task.sample(FLOW_BATCH, generator(seed, member, "probe")).inputs
    cell, _ = make_model(job.task, job.make_cell, generator(seed, member, "initialisation"))
    initial = gradient_flow(cell, inputs, generator(seed, member, "probe", 1))
    with torch.no_grad():
        for name, tensor in (*cell.named_parameters(), *cell.named_buffers()):
            tensor.copy_(run.weights[f"cell.{name}"])
    return {"initial": initial, "final": gradient_flow(cell, inputs, generator(seed, member, "probe", 1))}


def _flow_metrics(flows: dict[str, GradientFlow]) -> dict[str, float]:
    decays = {f"grad/decay_{when}": flow.decay for when, flow in flows.items()}
    horizons = {f"grad/horizon_{w}": float(flow.horizon) for w, flow in flows.items() if flow.horizon is not None}
    return decays | horizons


def _flow_tables(flows: dict[str, GradientFlow], last_step: int) -> list[pd.DataFrame]:
    steps = {"initial": 0, "final": last_step}
    return [_gradient_table(steps[when], "flow", flow.norms) for when, flow in flows.items()]


def _state_norm_tables(run: Run) -> list[pd.DataFrame]:
    """Return ||dL/ds_t||, counted from the last step back."""
    return [_gradient_table(step, f"dL/d{part}", norms[::-1]) for step, part, norms in run.state_norms]


def _gradient_table(step: int, quantity: str, norms: Sequence[float]) -> pd.DataFrame:
    return pd.DataFrame({"step": step, "quantity": quantity, "steps_back": range(len(norms)), "norm": norms})


def _joined(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    kept = list(tables)
    return pd.concat(kept) if kept else pd.DataFrame(columns=["step", "quantity", "steps_back", "norm"])


def _weights_file(run: Run) -> bytes:
    buffer = io.BytesIO()
    torch.save(run.weights, buffer)
    return buffer.getvalue()
