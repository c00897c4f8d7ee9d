"""Initial values of the cells of a library, drawn from a generator.

The library's own reset draws from torch's global generator; these functions fill its parameters again. Most have the
name and the distribution of their counterpart in `torch.nn.init`. A vector takes only those of VECTOR_STARTS.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Generator, Tensor, nn


class Sizes(NamedTuple):
    """Sizes of a cell: H, and the columns of all its matrices together."""

    hidden: int
    columns: int


Fill = Callable[[Tensor, Sizes, Generator | None], object]

# The settings that initialise a parameter, by the name of the parameter; a cell has one of them. A number is the value
# itself.
SETTINGS_OF: Mapping[str, tuple[str, ...]] = {
    "weight_ih": ("kernel_init",),
    "weight_hh": ("recurrent_kernel_init",),
    "vector_u": ("recurrent_kernel_init",),
    "weight_ho": ("recurrent_kernel_init",),
    "weight_ch": ("cell_kernel_init", "context_kernel_init", "control_kernel_init"),
    "weight_mh": ("multiplicative_kernel_init", "memory_kernel_init"),
    "weight_mm": ("memory_kernel_init",),
    "weight_ph": ("peephole_kernel_init",),
    "weight_proj": ("proj_init",),
    "weight_res": ("residual_init",),
    "bias_ih": ("bias_init",),
    "bias_hh": ("recurrent_bias_init",),
    "bias_ch": ("cell_bias_init", "context_bias_init"),
    "bias_mh": ("multiplicative_bias_init", "memory_bias_init"),
    "alpha": ("alpha_init", "alpha"),
    "beta": ("beta_init", "beta"),
    "zeta": ("zeta_init",),
    "nu": ("nu_init",),
}


def _orthogonal_(tensor: Tensor, sizes: Sizes, generator: Generator | None) -> None:
    """Fill the block of each gate, H rows, with an orthogonal matrix of its own."""
    for block in tensor.split(sizes.hidden):
        nn.init.orthogonal_(block, generator=generator)


def _uniform(bound: Callable[[Tensor, Sizes], float]) -> Fill:
    """Return a function that fills a tensor with U(-bound, bound)."""

    def fill_(tensor: Tensor, sizes: Sizes, generator: Generator | None) -> None:
        nn.init.uniform_(tensor, -bound(tensor, sizes), bound(tensor, sizes), generator=generator)

    return fill_


def _normal(deviation: Callable[[Tensor], float]) -> Fill:
    """Return a function that fills a tensor with N(0, deviation^2)."""

    def fill_(tensor: Tensor, sizes: Sizes, generator: Generator | None) -> None:
        # drawn on the CPU even for a cell on the meta device, where normal_ makes torch import its compiler, 1 s
        tensor.copy_(torch.empty(tensor.shape, device="cpu").normal_(0.0, deviation(tensor), generator=generator))

    return fill_


VECTOR_STARTS: Mapping[str, Fill] = {
    "zeros": lambda tensor, sizes, generator: nn.init.zeros_(tensor),
    "ones": lambda tensor, sizes, generator: nn.init.ones_(tensor),
    "normal": _normal(lambda tensor: 1.0),
    "normal_small": _normal(lambda tensor: 0.1),  # FastRNN's and FastGRNN's
    "uniform": lambda tensor, sizes, generator: nn.init.uniform_(tensor, generator=generator),  # U(0, 1)
    "uniform_centered": _uniform(lambda tensor, sizes: 0.1),
    "pytorch": _uniform(lambda tensor, sizes: 1 / math.sqrt(sizes.hidden)),  # as torch.nn.RNN, LSTM and GRU start
    "linear": _uniform(lambda tensor, sizes: 1 / math.sqrt(sizes.columns)),  # one torch.nn.Linear of x and all states
}
MATRIX_STARTS: Mapping[str, Fill] = {
    "xavier_uniform": lambda tensor, sizes, generator: nn.init.xavier_uniform_(tensor, generator=generator),
    "xavier_normal": lambda tensor, sizes, generator: nn.init.xavier_normal_(tensor, generator=generator),
    "kaiming_uniform": lambda tensor, sizes, generator: nn.init.kaiming_uniform_(tensor, generator=generator),
    "kaiming_uniform_8": lambda tensor, sizes, generator: nn.init.kaiming_uniform_(tensor, 8, generator=generator),
    "kaiming_normal": lambda tensor, sizes, generator: nn.init.kaiming_normal_(tensor, generator=generator),
    "orthogonal": _orthogonal_,
    "normal_fan_in": _normal(lambda tensor: 1 / math.sqrt(tensor.shape[1])),  # AntisymmetricRNN's
}
STARTS = (*VECTOR_STARTS, *MATRIX_STARTS)


@torch.no_grad()
def draw_(cell: nn.Module, hidden_size: int, settings: Mapping[str, Any], generator: Generator | None) -> None:
    """Fill every parameter of a library's cell as its settings name.

    Raises: ValueError for a start of matrices that is given for a vector.
    """
    sizes = Sizes(hidden_size, sum(tensor.shape[1] for tensor in cell.parameters() if tensor.dim() == 2))
    for name, parameter in cell.named_parameters():
        key = next(key for key in SETTINGS_OF[name] if key in settings)
        start = settings[key]
        if isinstance(start, float):
            parameter.fill_(start)
        elif start in VECTOR_STARTS:
            VECTOR_STARTS[start](parameter, sizes, generator)
        elif parameter.dim() == 2:
            MATRIX_STARTS[start](parameter, sizes, generator)
        else:
            raise ValueError(f"{key}={start}: allowed for the vector {name}: {', '.join(VECTOR_STARTS)}")
