"""Choose a learning rate on seeds that the report never uses."""

import math
from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import NamedTuple

GRID_STEP = math.sqrt(10)  # from one rate of the grid to the next: half a decade
WORST_LOSS = 2.0


class Trial(NamedTuple):
    """The result of a member: the step at which it solved, None if never, and its normalised loss, NaN if diverged."""

    learning_rate: float
    steps_to_solve: int | None
    loss: float


def best_first(trials: Sequence[Trial], budget: int) -> list[float]:
    """Return the learning rates of the trials, the best first.

    The best rate has the most members that solved within the budget; then the fewest mean steps to solve, counted up to
    the budget; then the lowest mean normalised loss, in which a member counts at most 2, twice the loss without memory,
    and a diverged one counts 2; then the smallest rate.

    Args:
        trials: any number of members a rate.
        budget: steps that each could take.
    """
    return sorted({trial.learning_rate for trial in trials}, key=lambda rate: _rank(_at(rate, trials), budget))


def surviving_rates(trials: Sequence[Trial], budget: int) -> list[float]:
    """Return the better half of the rates after `budget` steps, the middle one included, as successive halving does.

    Source: Karnin, Koren & Somekh 2013, Almost optimal exploration in multi-armed bandits; Jamieson & Talwalkar 2016.
    """
    rates = best_first(trials, budget)
    return rates[: math.ceil(len(rates) / 2)]


def rate_beyond(best: float, rates: Iterable[float]) -> float | None:
    """Return the half-decade beyond the end of a grid at which its best rate lies; None where it lies inside.

    A half-decade is 1 or 3 times a power of ten. A grid of one or two rates has no inside, and is not extended.
    """
    ascending = sorted(rates)
    if len(ascending) < 3 or best not in (ascending[0], ascending[-1]):
        return None
    return half_decade(best, -1 if best == ascending[0] else 1)


def half_decade(rate: float, steps: int) -> float:
    """Return the half-decade `steps` half-decades above the one nearest to a rate: 1e-4 is -1 step above 3e-4."""
    place = round(math.log(rate, GRID_STEP)) + steps
    decade, is_half = divmod(place, 2)
    return float(f"{3 if is_half else 1}e{decade}")


def _at(rate: float, trials: Sequence[Trial]) -> list[Trial]:
    return [trial for trial in trials if trial.learning_rate == rate]


def _rank(trials: Sequence[Trial], budget: int) -> tuple[int, float, float, float]:
    in_time = [trial for trial in trials if trial.steps_to_solve is not None and trial.steps_to_solve <= budget]
    steps = sum(float(trial.steps_to_solve or 0) for trial in in_time) + budget * (len(trials) - len(in_time))
    loss = fmean(min(WORST_LOSS, trial.loss) if math.isfinite(trial.loss) else WORST_LOSS for trial in trials)
    return -len(in_time), steps / len(trials), loss, trials[0].learning_rate
