"""Train the members of one (task, cell, lag) until each has solved it, diverged or spent its budget."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import torch

from lstm_bench.engine.drawing import Drawing
from lstm_bench.engine.evaluation import evaluate
from lstm_bench.engine.final_metrics import CLIPPED, GRADIENT_NORM
from lstm_bench.engine.model import MakeCell, make_model
from lstm_bench.engine.population import Population
from lstm_bench.engine.run import Run, Snapshot, packed, spent_s, unpacked
from lstm_bench.engine.seeds import Member, cell_seeds, cell_streams, generator
from lstm_bench.engine.settings import TrainingSettings
from lstm_bench.engine.tuning import Trial, surviving_rates
from lstm_bench.metrics import CONFIRMATION, EVALUATION, TRAINING_LOSS
from lstm_bench.tasks.contract import Batch, Task

PLATEAU_SHARE = 0.95  # of the memoryless baseline: a member at or above it has learnt next to nothing
PASSES_TO_CONFIRM = 2
MILESTONES = (100, 75, 50, 25, 10)  # percent of the memoryless baseline


Progress = Callable[[int, Sequence[Run]], None]


class Training:
    """Train members together, step by step; a member that has ended takes no more time.

    A member is *solved* when two evaluations in a row pass the task's criterion and one on `confirm_size` held-out
    sequences agrees; `steps_to_solve` is the step of the second, and it stays solved where it trains on, unless it
    diverges. It is *diverged* when its loss, gradient or a metric is not finite; at the end of the budget it is
    *plateau* at 95% or more of the memoryless baseline, else *learning*. With a budget of 0 steps it is *untrained*.
    With `halving`, the worse half of the learning rates is dropped at the evaluation half-way, see `surviving_rates`;
    members at these rates end there as *dropped*.

    Between two steps `state` returns everything that training needs: resumed from it, with the same kernel, training
    ends with the same bits. Every draw is a function of (seed, step), so no generator has a state to keep; a plug-in
    that draws from torch's, NumPy's or Python's global generator draws from one seeded by its member and the step.

    Attributes:
        active: the results so far of each member that has not ended.
        step: the next step.
    """

    def __init__(self, task: Task, make_cell: MakeCell, members: Sequence[Member], settings: TrainingSettings) -> None:
        models = [make_model(task, make_cell, generator(settings.study_seed, m, "initialisation")) for m in members]
        rates = [member.learning_rate for member in members]
        self._population = Population(
            task, models, rates, torch.device(settings.device), settings.kernel, beta2=settings.beta2
        )
        self._settings = settings
        self._ended: list[Trial] = []
        self.active = [Run(member) for member in members]
        self.step = 0

    def advance(self) -> list[Run]:
        """Take one step with all active members, and return the runs that end with it."""
        population = self._population
        with _charged_to(self.active, population.device):
            _take_step(population, self.active, self.step, self._settings)
        if self._settings.halving and self.step == _half_way(self._settings):
            self._drop_lagging()
        ended = [(index, run) for index, run in enumerate(self.active) if run.finished]
        for index, run in ended:
            run.weights, run.moments = population.member_weights(index), population.member_moments(index)
            self._ended.append(self._trial_of(run))
        staying = [index for index, run in enumerate(self.active) if not run.finished]
        if staying and ended:
            population.keep(staying)
        self.active = [self.active[index] for index in staying]
        if staying:
            with _charged_to(self.active, population.device):
                population.update(self._settings.clip, rate_share(self.step, self._settings))
        self.step += 1
        return [run for _, run in ended]

    def _drop_lagging(self) -> None:
        trials = [*self._ended, *map(self._trial_of, self.active)]
        surviving = surviving_rates(trials, self.step)
        for run in self.active:
            if not run.finished and run.member.learning_rate not in surviving:
                run.status, run.finished = "dropped", True

    def _trial_of(self, run: Run) -> Trial:
        loss = run.metrics.get(f"{self._population.task.criterion}_share", math.nan)
        return Trial(run.member.learning_rate, run.steps_to_solve, math.nan if run.status == "diverged" else loss)

    def state(self) -> dict[str, Any]:
        """Return the state as plain containers and tensors, which share no memory with this training."""
        return {
            "step": self.step,
            "runs": [packed(run) for run in self.active],
            "population": self._population.state(),
            "ended": [list(trial) for trial in self._ended],
        }

    @classmethod
    def resumed(
        cls, task: Task, make_cell: MakeCell, state: Mapping[str, Any], settings: TrainingSettings
    ) -> "Training":
        """Return a training that continues from `state`.

        Raises: KeyError, TypeError, ValueError or RuntimeError where the state is that of another training.
        """
        runs = [unpacked(run) for run in state["runs"]]
        training = cls(task, make_cell, [run.member for run in runs], settings)
        training._population.load(state["population"])
        training.active, training.step = runs, state["step"]
        training._ended = [Trial(*trial) for trial in state["ended"]]
        return training


def rate_share(step: int, settings: TrainingSettings) -> float:
    """Return the share of its learning rate that a member has at a step: 1, or by cosine from 1 down to 0.

    cosine: (1 + cos(pi step / steps)) / 2. Source: Loshchilov & Hutter 2017, without restarts.
    """
    if settings.schedule == "constant":
        return 1.0
    return (1 + math.cos(math.pi * step / settings.steps)) / 2


def _half_way(settings: TrainingSettings) -> int | None:
    """Return the step of the evaluation at half of the budget or the last before it; None where there is none."""
    step = settings.steps // 2 // settings.eval_every * settings.eval_every
    return step or None


def train(
    task: Task,
    make_cell: MakeCell,
    members: Sequence[Member],
    settings: TrainingSettings,
    on_step: Progress = lambda *_: None,
) -> Iterator[Run]:
    """Train members together and yield each as it ends; see `Training`."""
    training = Training(task, make_cell, members, settings)
    while active := training.active:
        step, ended = training.step, training.advance()
        on_step(step, active)
        yield from ended


@contextmanager
def _charged_to(
    runs: Sequence[Run], device: torch.device, account: Literal["train_s", "evaluate_s"] = "train_s"
) -> Iterator[None]:
    """Add the time of the block to an account of the runs, in equal shares."""
    started = spent_s(device)
    yield
    share = (spent_s(device) - started) / len(runs)
    for run in runs:
        setattr(run, account, getattr(run, account) + share)


def _take_step(population: Population, active: Sequence[Run], step: int, settings: TrainingSettings) -> None:
    """Evaluate if due, compute the gradients of this step's batch, record both, and mark the runs that end here."""
    due = step % settings.eval_every == 0 or step == settings.steps
    if due:
        with _charged_to(active, population.device, "evaluate_s"):
            _evaluate(population, active, step, settings)
    batch = _training_batch(population, active, step, settings)
    members = [run.member for run in active] if population.may_draw else []
    seeds = cell_seeds(cell_streams(settings.study_seed, members, "training", step))
    loss, state_norms = population.compute_gradients(batch, due, seeds)
    losses, grad_norms = loss.tolist(), population.gradient_norms().tolist()
    for index, run in enumerate(active):
        run.steps = step
        run.clipped += int(0 < settings.clip < grad_norms[index])
        for name, value in (("loss", losses[index]), ("gradient", grad_norms[index])):
            if not math.isfinite(value):
                run.diverge(f"its {name} is {value} at step {step}")
        if due:
            _note_gradients(run, step, losses[index], grad_norms[index])
            run.state_norms += [(step, part, norms[:, index].tolist()) for part, norms in state_norms.items()]
        run.finished |= step == settings.steps
        if settings.steps == 0 and run.status != "diverged":
            run.status = "untrained"


def _training_batch(population: Population, active: Sequence[Run], step: int, settings: TrainingSettings) -> Batch:
    members = [run.member for run in active]
    drawing = Drawing(settings.study_seed, members, "training", step, population.device)
    return drawing.batch(population.task, settings.batch_size)


def _evaluate(population: Population, active: Sequence[Run], step: int, settings: TrainingSettings) -> None:
    """Record every member's metrics, and confirm the members that passed twice in a row."""
    members = [run.member for run in active]
    all_indices = range(len(active))
    results = evaluate(population, members, all_indices, settings.study_seed, "evaluation", step, settings.eval_size)
    for index, (run, metrics) in enumerate(zip(active, results, strict=True)):
        _note_evaluation(run, population.task, step, metrics)
        _keep_milestones(run, population, index, step)
    ready = [i for i, run in enumerate(active) if run.passes >= PASSES_TO_CONFIRM and run.steps_to_solve is None]
    if ready:
        held_out = evaluate(
            population, members, ready, settings.study_seed, "confirmation", step, settings.confirm_size
        )
        for index, metrics in zip(ready, held_out, strict=True):
            _confirm(active[index], population.task, step, metrics, settings.stop_when_solved)


def _note_evaluation(run: Run, task: Task, step: int, metrics: dict[str, float]) -> None:
    shares = {f"{name}_share": metrics[name] / task.baselines[name] for name in dict.fromkeys(("loss", task.criterion))}
    run.metrics = metrics | shares
    run.curves += [(step, f"{EVALUATION}{name}", value) for name, value in run.metrics.items()]
    run.passes = run.passes + 1 if task.solved(metrics) else 0
    if run.steps_to_solve is None:
        run.status = "plateau" if run.metrics[f"{task.criterion}_share"] >= PLATEAU_SHARE else "learning"
    for name, value in metrics.items():
        if not math.isfinite(value):
            run.diverge(f"its {name} is {value} at step {step}")


def _keep_milestones(run: Run, population: Population, index: int, step: int) -> None:
    share = run.metrics[f"{population.task.criterion}_share"]
    reached = [percent for percent in MILESTONES if percent not in run.milestones and share <= percent / 100]
    if reached:
        run.milestones |= dict.fromkeys(reached, Snapshot(step, population.member_weights(index)))


def _confirm(run: Run, task: Task, step: int, metrics: dict[str, float], ends: bool) -> None:
    if task.solved(metrics):
        run.status, run.finished, run.steps_to_solve = "solved", ends, step
        run.curves += [(step, f"{CONFIRMATION}{name}", value) for name, value in metrics.items()]
    else:
        run.passes = 0


def _note_gradients(run: Run, step: int, loss: float, grad_norm: float) -> None:
    metrics = {TRAINING_LOSS: loss, GRADIENT_NORM.key: grad_norm, CLIPPED.key: run.clipped / (step + 1)}
    run.curves += [(step, name, value) for name, value in metrics.items()]
