"""Initial values of recurrent cells.

The functions fill tensors in place and draw from their `generator`. Gates are stacked along the first axis of each
weight, H rows a gate, in the order of the cell.
"""

import math
from typing import Literal, get_args

import torch
from torch import Generator, Tensor, nn

from lstm_bench.checks import at_least, one_of

RecurrentInit = Literal["pytorch", "orthogonal", "identity"]


def uniform_(tensors: list[Tensor], hidden_size: int, generator: Generator | None) -> None:
    """Fill tensors with U(-1/sqrt(H), 1/sqrt(H)), as torch.nn.RNN, LSTM and GRU do."""
    bound = 1 / math.sqrt(hidden_size)
    for tensor in tensors:
        nn.init.uniform_(tensor, -bound, bound, generator=generator)


@torch.no_grad()
def recurrent_(weight_hh: Tensor, init: RecurrentInit, generator: Generator | None) -> None:
    """Initialise each gate's recurrent block [H, H].

    `pytorch` leaves the uniform values; `orthogonal` draws a random orthogonal block, which keeps the norm of a
    linear signal (Saxe et al. 2014); `identity` copies the last state (Le, Jaitly & Hinton 2015).

    Raises: ValueError for an unknown init.
    """
    one_of(get_args(RecurrentInit), init=init)
    for block in weight_hh.split(weight_hh.shape[1]):
        if init == "orthogonal":
            nn.init.orthogonal_(block, generator=generator)
        elif init == "identity":
            nn.init.eye_(block)


@torch.no_grad()
def set_bias_(bias_ih: Tensor, bias_hh: Tensor, rows: slice, value: float | Tensor) -> None:
    """Set the *effective* bias of the gates in `rows`: PyTorch adds two bias vectors, so bias_ih has it, bias_hh 0."""
    bias_ih[rows] = value
    bias_hh[rows] = 0.0


def chrono_bias(hidden_size: int, longest: int, generator: Generator | None) -> Tensor:
    """Return ln U(1, longest - 1) for each unit: forgetting times spread up to the longest lag.

    Raises: ValueError for a longest lag below 2.
    Source: Tallec & Ollivier 2018, "Can recurrent neural networks warp time?", equation 16.
    """
    at_least(2, chrono=longest)
    return torch.empty(hidden_size).uniform_(1.0, longest - 1.0, generator=generator).log_()
