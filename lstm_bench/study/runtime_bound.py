"""Order jobs by a formula for their length, and bound their total time by timing some of their training steps."""

import heapq
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import median

from lstm_bench.config.objects import cell_maker, make_task
from lstm_bench.config.schema import JobConfig
from lstm_bench.engine.generic import GenericKernel
from lstm_bench.engine.seeds import Member
from lstm_bench.engine.training import Training
from lstm_bench.records.plan import JobPlan

STEPS_TIMED, MOST_MEMBERS = 5, 4
FORWARD_SHARE = 1 / 3  # of a training step
AUTOGRAD_SLOWER = 4.0  # than a kernel written by hand, about
Pair = tuple[JobConfig, JobPlan]


def longest_first(pairs: Sequence[Pair], numbers: Iterable[int]) -> list[int]:
    """Return the numbers of jobs in the order in which they are launched, so that all cores end at about the same time.

    A job counts with the floating-point operations of all its members, each with its whole budget; jobs of equal length
    keep their order.

    Args:
        pairs: all jobs and their plans.
        numbers: of those to order.
    """
    return sorted(numbers, key=lambda number: -_work(*pairs[number]))


def _work(job: JobConfig, plan: JobPlan) -> float:
    """Return the approximate work of a job, in operations of a kernel written by hand."""
    slower = AUTOGRAD_SLOWER if plan.kernel == GenericKernel.name else 1.0
    return slower * max(plan.flops, plan.batch_size * plan.length) * _member_steps(job, plan)


def most_seconds(pairs: Sequence[Pair], at_once: int) -> float:
    """Return the seconds that training takes if every member uses its whole budget.

    Steps are timed one job at a time, with up to MOST_MEMBERS members together; more members take less time each.
    Evaluations count as forward passes; probes, speed and the report are not included.

    Args:
        pairs: each job and its plan, in the order in which they are launched.
        at_once: how many jobs are trained at a time, each on a core.
    """
    times = [_step_seconds(job, plan) * _member_steps(job, plan) for job, plan in pairs]
    return _until_all_end(times, at_once)


def _until_all_end(times: Sequence[float], at_once: int) -> float:
    """Return when the last job ends, where each job in turn starts on the first core that is free."""
    free_at = [0.0] * at_once
    for seconds in times:
        heapq.heapreplace(free_at, free_at[0] + seconds)
    return max(free_at)


def _step_seconds(job: JobConfig, plan: JobPlan) -> float:
    """Return the median time of a training step divided by its members, 0 where all members diverge at once.

    The first step, which evaluates, is not timed.
    """
    task, trainer = make_task(job), job.trainer
    members = [Member("tuning", seed, min(trainer.rates)) for seed in range(min(len(plan.seeds), MOST_MEMBERS))]
    steps = 2 + STEPS_TIMED
    settings = replace(trainer, steps=steps, eval_every=steps, eval_size=1)
    training = Training(task, cell_maker(job, task), members, settings)
    training.advance()
    times = [_seconds_of(training) for _ in range(STEPS_TIMED) if training.active]
    return median(times or [0.0]) / len(members)


def _seconds_of(training: Training) -> float:
    started = time.perf_counter()
    training.advance()
    return time.perf_counter() - started


def _member_steps(job: JobConfig, plan: JobPlan) -> float:
    """Return the training steps of all members of a job, tuning included, with evaluations in units of such steps."""
    trainer = job.trainer
    trained = len(plan.seeds) * plan.steps + plan.most_tuning_steps
    evaluated = trained / trainer.eval_every * trainer.eval_size
    return trained + evaluated * FORWARD_SHARE / trainer.batch_size


def in_words(seconds: float) -> str:
    """Return a duration in words: "40 seconds", "25 minutes", "3.5 hours"."""
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 90 * 60 else f"{seconds / 3600:.1f} hours"
