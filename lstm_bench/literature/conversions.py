"""Losses of one protocol in the units of another."""

import math


def recall_from_all_positions(cross_entropy: float, lag: int, n_symbols: int) -> float:
    """Return the cross-entropy a recalled letter from the mean over all T + 2n steps of the copy task.

        recall = all (T + 2n) / n

    Exact where the blanks cost nothing, as for every model that knows the clock; else the most that it can be.
    """
    return cross_entropy * (lag + 2 * n_symbols) / n_symbols


def all_positions_from_recall(cross_entropy: float, lag: int, n_symbols: int) -> float:
    """Return the mean cross-entropy over all T + 2n steps from that of a recalled letter: recall n / (T + 2n).

    Exact where the blanks cost nothing; else the least that it can be.
    """
    return cross_entropy * n_symbols / (lag + 2 * n_symbols)


def mse_from_rmse(rmse: float) -> float:
    """Return the mean squared error: the square."""
    return rmse**2


def rmse_from_mse(mse: float) -> float:
    """Return the root mean squared error, in the unit of the target."""
    return math.sqrt(mse)


def mse_of_scaled_target(mse: float, factor: float) -> float:
    """Return the mean squared error where the target and the answer are multiplied by a factor: factor^2 MSE.

    The sum of two U[0, 1] halved is the target of the adding task of 1997, 0.5 + (X1 + X2)/4 with X = 2 U - 1 in
    [-1, 1]: its MSE is a quarter of the plain task's.
    """
    return factor**2 * mse
