"""Losses of one protocol in the units of another."""

import math


def recall_from_all_positions(cross_entropy: float, lag: int, n_symbols: int) -> float:
    """Return the cross-entropy of a recalled letter from the mean over all T + 2n steps of the copy task.

        recall = all (T + 2n) / n

    It is exact where the blanks cost nothing, as for every model that knows the time step, and else an upper bound.
    """
    return cross_entropy * (lag + 2 * n_symbols) / n_symbols


def mse_from_rmse(rmse: float) -> float:
    """Return the mean squared error."""
    return rmse**2


def rmse_from_mse(mse: float) -> float:
    """Return the root mean squared error, in the unit of the target."""
    return math.sqrt(mse)
