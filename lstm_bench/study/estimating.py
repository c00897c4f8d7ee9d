"""How long a study may take, from the speed of one training step of each job, measured before it begins."""

import os
from collections.abc import Sequence

from lstm_bench.config.objects import cell_maker, make_task
from lstm_bench.config.schema import JobConfig
from lstm_bench.probes.speed import engine_step, time_in_turns
from lstm_bench.records.schema import JobPlan

ROUNDS, ROUND_S = 3, 0.02
FORWARD_SHARE = 1 / 3  # of a training step
Pair = tuple[JobConfig, JobPlan]


def most_seconds(pairs: Sequence[Pair]) -> float:
    """Return the seconds that training takes if no member ends before its budget, all cores at work.

    Steps are timed one job at a time, one member each; members trained together take less, never more. Evaluations
    are counted as forward passes; probes, speed and the report come on top.
    """
    total = sum(_step_seconds(job) * _member_steps(job, plan) for job, plan in pairs)
    return total / min(len(pairs) or 1, os.cpu_count() or 1)


def _step_seconds(job: JobConfig) -> float:
    task, trainer = make_task(job), job.trainer
    step = engine_step(task, cell_maker(job, task), trainer.batch_size, trainer.device)
    return time_in_turns({"": step}, ROUNDS, ROUND_S, trainer.device)[""].median


def _member_steps(job: JobConfig, plan: JobPlan) -> float:
    """Return training steps of all members of a job, tuning included, and what evaluations cost in such steps."""
    trainer = job.trainer
    trials = len(plan.tuning_seeds) * len(plan.learning_rates)
    trained = len(plan.seeds) * plan.steps + trials * trainer.tuning_steps
    evaluated = trained / trainer.eval_every * trainer.eval_size
    return trained + evaluated * FORWARD_SHARE / trainer.batch_size


def in_words(seconds: float) -> str:
    """Return a duration as it is spoken of: "40 seconds", "25 minutes", "3.5 hours"."""
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 90 * 60 else f"{seconds / 3600:.1f} hours"
