"""Train the members of one (task, cell, lag) until each has solved it, diverged or spent its budget."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from lstm_bench.engine.choice import KernelChoice
from lstm_bench.engine.evaluation import evaluate, stack_batches
from lstm_bench.engine.model import MakeCell, make_model
from lstm_bench.engine.population import Population
from lstm_bench.engine.seeds import Member, generator
from lstm_bench.tasks.contract import Batch, Task

Status = Literal["solved", "learning", "plateau", "diverged", "untrained"]
PLATEAU_SHARE = 0.95  # of the memoryless baseline: above it a member has learnt nothing worth the name
PASSES_TO_CONFIRM = 2
MILESTONES = (100, 75, 50, 25, 10)  # percent of the memoryless baseline


@dataclass(frozen=True)
class Budget:
    """How members are trained.

    Args:
        batch_size: B, sequences a step.
        steps: optimiser steps a member may take; with 0 it is looked at and not trained.
        eval_every: steps from one evaluation to the next.
        eval_size: fresh sequences an evaluation.
        confirm_size: held-out sequences that confirm a solution, once.
        clip: largest global gradient norm; 0 turns clipping off.
        study_seed: root of every random stream.
        device: where tensors live.
        kernel: which kernels may be used.
    """

    batch_size: int = 32
    steps: int = 5000
    eval_every: int = 200
    eval_size: int = 1000
    confirm_size: int = 10_000
    clip: float = 1.0
    study_seed: int = 0
    device: str = "cpu"
    kernel: KernelChoice = "auto"


class Snapshot(NamedTuple):
    """A member's parameters and buffers after so many updates."""

    step: int
    weights: dict[str, Tensor]


@dataclass
class Run:
    """What became of one member. Everything noted at `step` belongs to the weights after that many updates.

    `curves` holds (step, metric, value); `state_norms` holds (step, part, ||dL/ds_t|| for t = 0 .. T-1), the norm over
    batch and units of the total derivative of the training loss. `train_s` is the member's share of the wall time: the
    time of a step is divided among the members that took it. `milestones` holds the weights at the first evaluation
    with the task's criterion at or below so many percent of its memoryless baseline.
    """

    member: Member
    status: Status = "plateau"
    steps: int = 0
    steps_to_solve: int | None = None
    train_s: float = 0.0
    metrics: dict[str, float] = field(default_factory=dict)
    curves: list[tuple[int, str, float]] = field(default_factory=list)
    state_norms: list[tuple[int, str, list[float]]] = field(default_factory=list)
    weights: dict[str, Tensor] = field(default_factory=dict)
    milestones: dict[int, Snapshot] = field(default_factory=dict)
    passes: int = 0
    clipped: int = 0
    finished: bool = False


Progress = Callable[[int, Sequence[Run]], None]


def train(
    task: Task, make_cell: MakeCell, members: Sequence[Member], budget: Budget, on_step: Progress = lambda *_: None
) -> Iterator[Run]:
    """Train members together and yield each as it ends; one that has ended costs nothing more.

    A member is *solved* when two evaluations in a row pass the task's criterion and one on `confirm_size` held-out
    sequences agrees; `steps_to_solve` is the step of the second. It is *diverged* when its loss, gradient or a
    metric is not finite; at the end of the budget it is *plateau* at 95% or more of the memoryless baseline, else
    *learning*. With a budget of 0 steps it is *untrained*.
    """
    device = torch.device(budget.device)
    models = [make_model(task, make_cell, generator(budget.study_seed, m, "initialisation")) for m in members]
    population = Population(task, models, [m.learning_rate for m in members], device, budget.kernel)
    active = [Run(member) for member in members]
    for step in range(budget.steps + 1):
        with _charged_to(active):
            _take_step(population, active, step, budget)
        on_step(step, active)
        staying = [index for index, run in enumerate(active) if not run.finished]
        for index, run in enumerate(active):
            if run.finished:
                run.weights = population.member_weights(index)
                yield run
        if not staying:
            return
        if len(staying) < len(active):
            population.keep(staying)
            active = [active[index] for index in staying]
        with _charged_to(active):
            population.update(budget.clip)


@contextmanager
def _charged_to(runs: Sequence[Run]) -> Iterator[None]:
    """Add the time of the block to the runs, in equal shares."""
    started = time.perf_counter()
    yield
    share = (time.perf_counter() - started) / len(runs)
    for run in runs:
        run.train_s += share


def _take_step(population: Population, active: Sequence[Run], step: int, budget: Budget) -> None:
    """Evaluate if due, compute the gradients of this step's batch, note both, and mark who ends here."""
    due = step % budget.eval_every == 0 or step == budget.steps
    if due:
        _evaluate(population, active, step, budget)
    batch = _training_batch(population, active, step, budget)
    loss, state_norms = population.compute_gradients(batch, with_norms=due)
    grad_norm = population.gradient_norms()
    for index, run in enumerate(active):
        run.steps = step
        run.clipped += int(0 < budget.clip < float(grad_norm[index]))
        if not torch.isfinite(loss[index] + grad_norm[index]):
            run.status, run.finished = "diverged", True
        if due:
            _note_gradients(run, step, float(loss[index]), float(grad_norm[index]))
            run.state_norms += [(step, part, norms[:, index].tolist()) for part, norms in state_norms.items()]
        run.finished |= step == budget.steps
        if budget.steps == 0 and run.status != "diverged":
            run.status = "untrained"


def _training_batch(population: Population, active: Sequence[Run], step: int, budget: Budget) -> Batch:
    streams = [generator(budget.study_seed, run.member, "training", step) for run in active]
    return stack_batches([population.task.sample(budget.batch_size, s) for s in streams], population.device)


def _evaluate(population: Population, active: Sequence[Run], step: int, budget: Budget) -> None:
    """Note every member's metrics, and confirm those that passed twice in a row."""
    members = [run.member for run in active]
    everyone = range(len(active))
    results = evaluate(population, members, everyone, budget.study_seed, "evaluation", step, budget.eval_size)
    for index, (run, metrics) in enumerate(zip(active, results, strict=True)):
        _note_evaluation(run, population.task, step, metrics)
        _keep_milestones(run, population, index, step)
    ready = [index for index, run in enumerate(active) if run.passes >= PASSES_TO_CONFIRM]
    if ready:
        held_out = evaluate(population, members, ready, budget.study_seed, "confirmation", step, budget.confirm_size)
        for index, metrics in zip(ready, held_out, strict=True):
            _confirm(active[index], population.task, step, metrics)


def _note_evaluation(run: Run, task: Task, step: int, metrics: dict[str, float]) -> None:
    shares = {f"{name}_share": metrics[name] / task.baselines[name] for name in dict.fromkeys(("loss", task.criterion))}
    run.metrics = metrics | shares
    run.curves += [(step, f"eval/{name}", value) for name, value in run.metrics.items()]
    run.passes = run.passes + 1 if task.solved(metrics) else 0
    run.status = "plateau" if run.metrics[f"{task.criterion}_share"] >= PLATEAU_SHARE else "learning"
    if not all(math.isfinite(value) for value in metrics.values()):
        run.status, run.finished = "diverged", True


def _keep_milestones(run: Run, population: Population, index: int, step: int) -> None:
    share = run.metrics[f"{population.task.criterion}_share"]
    reached = [percent for percent in MILESTONES if percent not in run.milestones and share <= percent / 100]
    if reached:
        run.milestones |= dict.fromkeys(reached, Snapshot(step, population.member_weights(index)))


def _confirm(run: Run, task: Task, step: int, metrics: dict[str, float]) -> None:
    if task.solved(metrics):
        run.status, run.finished, run.steps_to_solve = "solved", True, step
        run.curves += [(step, f"confirm/{name}", value) for name, value in metrics.items()]
    else:
        run.passes = 0


def _note_gradients(run: Run, step: int, loss: float, grad_norm: float) -> None:
    noted = {"train/loss": loss, "grad/norm": grad_norm, "grad/clipped_share": run.clipped / (step + 1)}
    run.curves += [(step, name, value) for name, value in noted.items()]
