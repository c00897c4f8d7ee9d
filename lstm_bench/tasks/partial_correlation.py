"""Partial correlation: the correlation of two quantities with a third held constant."""

import torch
from torch import Tensor


def squared_partial_correlation(a: Tensor, b: Tensor, control: Tensor) -> Tensor:
    """Return r^2 of the residuals of two vectors [n] after linear regression on `control`; 0 where one has none."""
    return _squared_correlation(_residual(a, control), _residual(b, control))


def _residual(y: Tensor, x: Tensor) -> Tensor:
    x, y = x - x.mean(), y - y.mean()
    return y - x * ((x @ y) / (x @ x).clamp_min(torch.finfo(x.dtype).tiny))


def _squared_correlation(a: Tensor, b: Tensor) -> Tensor:
    """Return r^2 of two vectors of mean 0; 0 where one of them is constant up to rounding."""
    negligible = 1e-24 * len(a)
    if float(a @ a) < negligible or float(b @ b) < negligible:
        return a.new_zeros(())
    return (a @ b).square() / ((a @ a) * (b @ b))
