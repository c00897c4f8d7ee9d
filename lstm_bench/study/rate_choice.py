"""Choose a job's learning rate from the records of its tuning members."""

import math
from collections.abc import Sequence

from lstm_bench.config.schema import TrainerConfig
from lstm_bench.engine.tuning import Trial, best_first, rate_beyond
from lstm_bench.metrics import normalised_loss
from lstm_bench.records.schema import MemberRecord

BASELINE = 0.95  # of the loss without memory: a trial below it has left the baseline


def trial_of(record: MemberRecord, criterion: str) -> Trial:
    """Return the trial of a tuning member: its rate, its steps to solve and its normalised loss.

    Args:
        record: the member's record, with a result.
        criterion: the loss of its task.
    """
    loss = math.nan if record.status == "diverged" else record.metrics.get(normalised_loss(criterion), math.nan)
    return Trial(float(record.learning_rate or math.nan), record.steps_to_solve, loss)


def further_rate(trials: Sequence[Trial], trainer: TrainerConfig) -> float | None:
    """Return the rate beyond an end of the grid that is to be tried as well, None where the best lies inside.

    Args:
        trials: the trials of all rates of the grid.
        trainer: the settings.
    """
    return rate_beyond(best_rate(trials, trainer), trainer.rates) if trainer.extend_rates else None


def best_rate(trials: Sequence[Trial], trainer: TrainerConfig) -> float:
    """Return the best learning rate of the trials."""
    return best_first(trials, trainer.tuning_steps)[0]


def left_baseline(trials: Sequence[Trial]) -> bool:
    """Tell whether a trial solved, or ended below 95% of the loss without memory, which distinguishes rates."""
    return any(trial.steps_to_solve is not None or trial.loss < BASELINE for trial in trials)
