"""Initial values of the cells of a library, drawn from a generator.

The library's own reset draws from torch's global generator; these functions fill its parameters again. They have the
names of `torch.nn.init`, and three more. A vector takes those of VECTOR_STARTS alone.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Generator, Tensor, nn

Fill = Callable[[Tensor, int, Generator | None], object]  # of a tensor, with the columns of all matrices of the cell

# The settings that say how a parameter starts, by the name of the parameter; a cell has one of them. A number is the
# value itself.
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


def _orthogonal_(tensor: Tensor, columns: int, generator: Generator | None) -> None:
    """Fill each block of as many rows as there are columns with an orthogonal matrix of its own."""
    for block in tensor.split(tensor.shape[1]):
        nn.init.orthogonal_(block, generator=generator)


def _uniform_within(bound: float) -> Fill:
    return lambda tensor, columns, generator: nn.init.uniform_(tensor, -bound, bound, generator=generator)


def _linear_(tensor: Tensor, columns: int, generator: Generator | None) -> None:
    """Fill as torch.nn.Linear does that reads x and every state at once: U(-1/sqrt(n), 1/sqrt(n)), n its inputs."""
    _uniform_within(1 / math.sqrt(columns))(tensor, columns, generator)


def _normal_fan_in_(tensor: Tensor, columns: int, generator: Generator | None) -> None:
    """Fill with N(0, 1/n), n the columns of the matrix."""
    nn.init.normal_(tensor, 0.0, 1 / math.sqrt(tensor.shape[1]), generator=generator)


VECTOR_STARTS: Mapping[str, Fill] = {
    "zeros": lambda tensor, columns, generator: nn.init.zeros_(tensor),
    "ones": lambda tensor, columns, generator: nn.init.ones_(tensor),
    "normal": lambda tensor, columns, generator: nn.init.normal_(tensor, generator=generator),
    "uniform": lambda tensor, columns, generator: nn.init.uniform_(tensor, generator=generator),  # U(0, 1)
    "uniform_centered": _uniform_within(0.1),
    "linear": _linear_,
}
MATRIX_STARTS: Mapping[str, Fill] = {
    "xavier_uniform": lambda tensor, columns, generator: nn.init.xavier_uniform_(tensor, generator=generator),
    "xavier_normal": lambda tensor, columns, generator: nn.init.xavier_normal_(tensor, generator=generator),
    "kaiming_uniform": lambda tensor, columns, generator: nn.init.kaiming_uniform_(tensor, generator=generator),
    "kaiming_normal": lambda tensor, columns, generator: nn.init.kaiming_normal_(tensor, generator=generator),
    "orthogonal": _orthogonal_,
    "normal_fan_in": _normal_fan_in_,
}
HIDDEN_START = "pytorch"  # U(-1/sqrt(H), 1/sqrt(H)), as torch.nn.RNN, LSTM and GRU start
STARTS = (*VECTOR_STARTS, HIDDEN_START, *MATRIX_STARTS)


@torch.no_grad()
def draw_(cell: nn.Module, hidden_size: int, settings: Mapping[str, Any], generator: Generator | None) -> None:
    """Fill every parameter of a library's cell as its settings say, and every buffer with 0.

    Raises: ValueError for a start of matrices that is given for a vector.
    """
    columns = sum(tensor.shape[1] for tensor in cell.parameters() if tensor.dim() == 2)
    for name, parameter in cell.named_parameters():
        key = next(key for key in SETTINGS_OF[name] if key in settings)
        start = settings[key]
        if isinstance(start, float):
            parameter.fill_(start)
        elif start == HIDDEN_START:
            _uniform_within(1 / math.sqrt(hidden_size))(parameter, columns, generator)
        elif start in VECTOR_STARTS:
            VECTOR_STARTS[start](parameter, columns, generator)
        elif parameter.dim() == 2:
            MATRIX_STARTS[start](parameter, columns, generator)
        else:
            allowed = ", ".join((*VECTOR_STARTS, HIDDEN_START))
            raise ValueError(f"{key}={start}: allowed for a vector, as {name} is one: {allowed}")
    for buffer in cell.buffers():
        buffer.zero_()
