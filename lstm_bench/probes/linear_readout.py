"""How well a linear map reads targets off a state: ridge regression with intercept, scored on held-out rows."""

from typing import NamedTuple

import torch
from torch import Tensor

RIDGES = tuple(10.0**power for power in range(-10, 1))  # penalties over the mean variance of a state's directions
ROUNDING = 1e-20  # the r^2 of a constant with anything


class Rows(NamedTuple):
    """States [N, S], and the targets to be read off them [N, K]."""

    states: Tensor
    targets: Tensor


class _Regression(NamedTuple):
    """Ridge regression prepared for many penalties: W = V (L + penalty)^-1 V' X'Y, from X'X = V L V'."""

    state_mean: Tensor
    values: Tensor
    vectors: Tensor
    projected: Tensor  # V' X'Y

    def predict(self, read: Tensor, penalty: float) -> Tensor:
        scale = penalty * self.values.mean().clamp_min(torch.finfo(self.values.dtype).tiny)
        weights: Tensor = self.vectors @ (self.projected / (self.values.clamp_min(0) + scale).unsqueeze(1))
        return (read - self.state_mean) @ weights


def held_out_r2(training: Rows, validation: Rows, test: Rows) -> Tensor:
    """Return r^2 of each target [K] on the test rows, less the expectation for as many independent pairs.

    The regression is fitted on the training rows, with the penalty of RIDGES that does best on the validation rows over
    all targets together. r^2 is the squared correlation, 0 for a constant prediction or target, and the value returned
    is (r^2 - 1/(n-1)) / (1 - 1/(n-1)) for n test rows: negative values are kept, so that noise does not add up.
    """
    regression = _prepare(*training)
    best = max(
        RIDGES,
        key=lambda penalty: float(
            squared_correlation(regression.predict(validation.states, penalty), validation.targets).sum()
        ),
    )
    r2 = squared_correlation(regression.predict(test.states, best), test.targets)
    return above_chance(r2, len(test.targets))


def above_chance(r2: Tensor, n: int) -> Tensor:
    """Return r^2 less that of n independent pairs, 1 for 1; 0 for a constant prediction, whose r^2 is rounding."""
    chance = 1 / (n - 1)
    return ((r2 - chance) / (1 - chance)).where(r2 > ROUNDING, 0.0)


def squared_correlation(predicted: Tensor, targets: Tensor) -> Tensor:
    """Return the squared correlation over N of two tables [N, ...] that broadcast; 0 where either is constant."""
    a, b = predicted - predicted.mean(dim=0), targets - targets.mean(dim=0)
    variances = a.square().sum(dim=0) * b.square().sum(dim=0)
    return (a * b).sum(dim=0).square() / variances.clamp_min(torch.finfo(a.dtype).tiny)


def _prepare(read: Tensor, targets: Tensor) -> _Regression:
    mean = read.mean(dim=0)
    centred = read - mean
    values, vectors = torch.linalg.eigh(centred.T @ centred)
    return _Regression(mean, values, vectors, vectors.T @ (centred.T @ (targets - targets.mean(dim=0))))
