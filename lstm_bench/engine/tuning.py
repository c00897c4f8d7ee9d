"""Choose a learning rate on seeds that the report never uses."""

import math
from collections.abc import Sequence
from statistics import fmean

from lstm_bench.engine.run import Run
from lstm_bench.metrics import normalised_loss


def tuning_score(run: Run, criterion: str, evaluations: int) -> float:
    """Return the mean normalised loss over the tuning budget: 0 is perfect, 1 no better than no memory.

    This is the area under the learning curve, which measures speed and quality in one number. Shares above 1 count as
    1; after solving, a member counts 0, after diverging 1.
    """
    shares = [
        1.0 if math.isnan(value) else min(1.0, value)
        for _, name, value in run.curves
        if name == normalised_loss(criterion)
    ]
    rest = 0.0 if run.status == "solved" else 1.0
    return fmean(shares + [rest] * (evaluations - len(shares)))


def choose_learning_rate(scores: Sequence[tuple[float, float]]) -> float:
    """Return the rate with the lowest mean score from (learning rate, score) pairs; the smaller rate on a tie."""
    rates = sorted({rate for rate, _ in scores})
    return min(rates, key=lambda rate: fmean(score for other, score in scores if other == rate))
