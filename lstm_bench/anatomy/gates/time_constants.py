"""The time constant of each unit over a sequence, and the order of units by it."""

import math

import torch
from torch import Tensor

from lstm_bench.anatomy.gates.steps import Mode

HOW = {
    "LSTM": "-1 / ln of the mean of its forget gate f over the steps",
    "GRU": "-1 / ln of the mean of its update gate z over the steps (PyTorch's z, the share of h that is kept)",
    "RNN_TANH": "-1 / ln of the correlation of h with itself one step later, since an RNN has no gate; 0 where it is "
    "not above 0",
}
HOW["RNN_RELU"] = HOW["RNN_TANH"]
RETENTION = {"LSTM": "f", "GRU": "z"}


def time_constants(mode: Mode, inside: dict[str, Tensor]) -> list[float]:
    """Return the time constant of each unit in steps: that of an exponential decay by the mean factor m per step.

        tau = -1 / ln m

    m is the mean over the steps of the gate that keeps the state, f of an LSTM and z of a GRU, as in a study's report.
    An RNN has none: m is the autocorrelation of h at a distance of one step about its mean, which is the factor where h
    is a first-order autoregression. The result is inf where m is 1 or above, 0 where it is 0 or below, and NaN where h
    of an RNN never changes, as over a single step.
    """
    if mode in RETENTION:
        factors = inside[RETENTION[mode]].mean(dim=0)
    else:
        h = inside["h"]
        deviations = h - h.mean(dim=0)
        variances = deviations.square().sum(dim=0)
        products = (deviations[1:] * deviations[:-1]).sum(dim=0)
        factors = torch.where((h != h[0]).any(dim=0), products / variances, math.nan)
    return [time_constant(factor) for factor in factors.tolist()]


def time_constant(factor: float) -> float:
    """Return -1 / ln of a factor per step: inf for 1 and above, 0 for 0 and below, NaN for NaN."""
    if math.isnan(factor):
        return math.nan
    if factor <= 0:
        return 0.0
    return math.inf if factor >= 1 else -1 / math.log(factor)


def slowest_first(constants: list[float]) -> list[int]:
    """Return the units, longest time constant first, those without one last; equal ones by index."""
    return sorted(range(len(constants)), key=lambda unit: (math.isnan(constants[unit]), -constants[unit]))
