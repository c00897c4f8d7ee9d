"""Record a member of a job when it begins and when it ends, with the readings of its probes."""

import hashlib
import io
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lstm_bench.config.objects import chosen_probes
from lstm_bench.engine.final_metrics import final_metrics
from lstm_bench.engine.model import make_model
from lstm_bench.engine.run import Run, spent_s
from lstm_bench.engine.seeds import generator
from lstm_bench.records.schema import MemberRecord
from lstm_bench.records.store import TABLE_COLUMNS
from lstm_bench.study.job import Job
from lstm_bench.study.planning import now
from lstm_bench.study.probing import Findings, probe_member

if TYPE_CHECKING:  # a worker trains before it imports pandas, which takes a third of a second
    import pandas as pd


def mark_running(job: Job, run: Run) -> None:
    """Record that a member without a result is in training."""
    member = run.member
    if not job.has_result(member):
        record = MemberRecord(
            job.identity_of(member), job.identity, member.role, member.seed, member.learning_rate, "running"
        )
        job.records.write_status(replace(record, finished=now()))


def record_run(job: Job, run: Run) -> None:
    """Record a member that has ended: its metrics, curves and, of a reported one, its probes and weights."""
    import pandas as pd

    member, identity = run.member, job.identity_of(run.member)
    tuning = member.role == "tuning"
    metrics, findings = final_metrics(run, job.task.units), Findings()
    tables = {"curves": pd.DataFrame(run.curves, columns=list(TABLE_COLUMNS["curves"]))}
    files: dict[str, bytes] = {}
    probe_s = 0.0
    if not tuning:
        device = torch.device(job.config.trainer.device)
        began = spent_s(device)
        findings = _probe(job, run)
        probe_s = spent_s(device) - began
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
