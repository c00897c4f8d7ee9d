"""The last value of every quantity that is recorded while a member trains, each with its unit."""

from collections.abc import Mapping

from lstm_bench.engine.run import Run
from lstm_bench.metrics import (
    CONFIRMATION,
    EVALUATION,
    NORMALISED,
    SECONDS,
    SHARE,
    STEPS,
    TRAINING_LOSS,
    Metric,
    normalised_loss,
)

STEPS_TAKEN, STEPS_TO_SOLVE = Metric("train/steps", STEPS), Metric("train/steps_to_solve", STEPS)
TRAINING_TIME = Metric("train/train_s", SECONDS)
GRADIENT_NORM, CLIPPED = Metric("grad/norm"), Metric("grad/clipped_share", SHARE)


def final_metrics(run: Run, task_units: Mapping[str, str]) -> dict[Metric, float]:
    """Return the last value of each curve of a member, and the steps and seconds of its training.

    Args:
        run: the results of the member.
        task_units: the unit of each of the task's own metrics.
    """
    declared = {metric.key: metric for metric in _curve_metrics(task_units)}
    last = {key: value for _, key, value in run.curves}
    values = {declared.get(key, Metric(key)): value for key, value in last.items()}
    values |= {STEPS_TAKEN: float(run.steps), TRAINING_TIME: run.train_s}
    return values | ({} if run.steps_to_solve is None else {STEPS_TO_SOLVE: float(run.steps_to_solve)})


def _curve_metrics(task_units: Mapping[str, str]) -> list[Metric]:
    of_the_task = [
        metric
        for name, unit in task_units.items()
        for metric in (
            Metric(f"{EVALUATION}{name}", unit),
            Metric(f"{CONFIRMATION}{name}", unit),
            Metric(normalised_loss(name), NORMALISED),
        )
    ]
    return [*of_the_task, Metric(TRAINING_LOSS, task_units.get("loss", "1")), GRADIENT_NORM, CLIPPED]
