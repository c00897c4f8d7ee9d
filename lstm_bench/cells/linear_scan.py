"""A linear recurrence over a whole sequence at once."""

import torch
from torch import Tensor


def linear_scan(decay: Tensor, drive: Tensor, start: Tensor) -> Tensor:
    """Return all states s_1 ... s_T of s_t = decay_t * s_{t-1} + drive_t, from s_0 = start.

    Two steps in a row are one step of the same form, (a, b) after (a', b') being (a a', a b' + b). So after k rounds
    every entry stands for 2^k steps, and log2(T) rounds of element-wise products replace T steps.

    Shapes: decay and drive [T, ...], real or complex; start [...] -> [T, ...].
    Reference: Hillis & Steele 1986, "Data parallel algorithms".
    """
    states = torch.cat([drive[:1] + decay[:1] * start, drive[1:]])
    span = 1
    while span < len(states):
        states = torch.cat([states[:span], states[span:] + decay[span:] * states[:-span]])
        decay = torch.cat([decay[:span], decay[span:] * decay[:-span]])
        span *= 2
    return states
