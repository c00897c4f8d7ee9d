"""The cells of the library torchrecurrent, as cells of this package."""

import importlib
from typing import Any, cast

import torch
from torch import Generator, Tensor, nn

from lstm_bench.cells import initialisation
from lstm_bench.cells.zoo_catalogue import (
    CATALOGUE,
    ControlAndMemory,
    MemoryAndInput,
    OutputAndInput,
    OutputAndMemory,
    OutputAndPast,
    ZooName,
    ZooState,
)
from lstm_bench.cells.zoo_settings import complete_settings, is_start
from lstm_bench.cells.zoo_starts import draw_
from lstm_bench.checks import at_least, one_of

HOW_TO_INSTALL = "pip install 'lstm_bench[zoo]'"
DELAY, CHRONO = "delay", "chrono"  # settings that the library does not have
DEFAULT_DELAY = 10


class ZooCell(nn.Module):
    """Advance a cell of torchrecurrent by one time step.

    The equations are the library's, in the docstring of its class, except for

    - LEM, whose h' reads the new c', as in equation 3 of Rusch et al. 2022, and not the old c;
    - JANET and SCRN, whose beta and alpha are constants, as in their papers, and not parameters;
    - JANET, whose state is c alone, because h = c;
    - tau-GRU, whose delayed state is the h of `delay` steps before: the library leaves it to the caller.

    Args:
        input_size: D, features per step.
        hidden_size: H, width of the output.
        name: the cell, one of CATALOGUE.
        generator: source of the initial values; torch's global generator is left alone.
        settings: the arguments of the library's constructor by name, with an initialiser (`kernel_init`, `bias_init`,
            ...) as a name of `zoo_starts.STARTS`; for tau-GRU also `delay`, in steps (default 10); for JANET and STAR
            also `chrono`, the longest lag over which the biases of the gate that keeps the state are spread, or None.

    Shapes: x [B, D]; output [B, H]; state by cell, see `zoo_catalogue`.
    Raises: ValueError where the library is not installed, for a size below 1, and for an unknown setting or value.
    References: the yaml of each cell in conf/cell/zoo names its paper.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        name: ZooName,
        *,
        generator: Generator | None = None,
        **settings: Any,
    ) -> None:
        super().__init__()
        at_least(1, input_size=input_size, hidden_size=hidden_size)
        one_of(tuple(CATALOGUE), name=name)
        self.input_size, self.hidden_size, self.name = input_size, hidden_size, name
        self.facts = CATALOGUE[name]
        takes = {DELAY: self.facts.state is OutputAndPast, CHRONO: self.facts.chrono is not None}
        self.delay = _popped(settings, DELAY, DEFAULT_DELAY) if takes[DELAY] else None
        chrono = _popped(settings, CHRONO, None) if takes[CHRONO] else None
        library_class = _library_class(name, self.facts.library)
        complete = complete_settings(library_class, settings, [key for key, is_taken in takes.items() if is_taken])
        # Zeros first, as the library itself would draw from torch's global generator.
        undrawn = {key: "zeros" if is_start(key, value) else value for key, value in complete.items()}
        self.library = library_class(input_size, hidden_size, device=torch.get_default_device(), **undrawn)
        draw_(self.library, hidden_size, complete, generator)
        if chrono is not None:
            self._spread_biases(chrono, generator)
        if self.facts.fixed is not None:
            constant = getattr(self.library, self.facts.fixed).detach()
            delattr(self.library, self.facts.fixed)
            self.library.register_buffer(self.facts.fixed, constant)

    def initial_state(self, batch_size: int) -> ZooState:
        """Return a state of zeros."""
        zeros, form = next(self.parameters()).new_zeros, self.facts.state
        h = zeros(batch_size, self.hidden_size)
        if form is None:
            return h
        if form in (OutputAndInput, MemoryAndInput):
            return form(h, zeros(batch_size, self.input_size))
        if form is OutputAndPast:
            return OutputAndPast(h, zeros(batch_size, cast(int, self.delay), self.hidden_size))
        return form(h, torch.zeros_like(h))

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, ZooState]:
        """Return the output and the next state."""
        if self.name == "lem":
            next_state = _lem_step(self.library, x, state)
            return next_state.h, next_state
        if self.name == "janet":
            h, _ = self.library(x, (state, state))
            return h, h
        form = self.facts.state
        if form is None:
            h = self.library(x, state)
            return h, h
        if form is OutputAndPast:
            h = self.library(x, state.h, state.past[:, 0])
            return h, OutputAndPast(h, torch.cat([state.past[:, 1:], state.h.unsqueeze(1)], dim=1))
        if form in (ControlAndMemory, MemoryAndInput):
            output, next_state = self.library(x, tuple(state))
            return output, form(*next_state)
        next_state = self.library(x, tuple(state))
        return next_state[0], form(*next_state)

    def step_flops(self, batch_size: int) -> float:
        """Return the FLOPs of a training step at one time step: 6 an entry of each weight, use and sequence.

        A weight that the library holds as a vector is a diagonal matrix: its entries count like those of any other.
        """
        sizes = {name: weight.numel() for name, weight in self.library.named_parameters() if _multiplies(name, weight)}
        products: int = sum(size * self.facts.uses.get(name, 1) for name, size in sizes.items())
        return 6.0 * batch_size * products

    def _spread_biases(self, longest: int, generator: Generator | None) -> None:
        """Give the gate that keeps the state forgetting times up to `longest` (Tallec & Ollivier 2018)."""
        block, sign = cast(tuple[int, int], self.facts.chrono)
        rows = slice(block * self.hidden_size, (block + 1) * self.hidden_size)
        with torch.no_grad(), torch.device("cpu"):  # values that are computed need storage
            spread = sign * initialisation.chrono_bias(self.hidden_size, longest, generator)
            self.library.bias_ih[rows].copy_(spread)


def _multiplies(name: str, parameter: Tensor) -> bool:
    """Return whether a step multiplies by a parameter, as by a matrix or by a diagonal one."""
    return parameter.dim() > 1 or name.startswith(("weight_", "vector_"))


def _library_class(name: str, class_name: str) -> Any:
    """Return a class of the library.

    Raises: ValueError with the command that installs the library.
    """
    try:
        return getattr(importlib.import_module("torchrecurrent"), class_name)
    except ModuleNotFoundError as error:
        if error.name != "torchrecurrent":
            raise
        raise ValueError(f"name={name}: allowed: where torchrecurrent is installed: {HOW_TO_INSTALL}") from error


def _popped(settings: dict[str, Any], key: str, default: int | None) -> int | None:
    """Remove a setting and return it: an integer of at least 1, or None where that is the default.

    Raises: ValueError for any other value.
    """
    value = settings.pop(key, default)
    if (value is None and default is None) or (isinstance(value, int) and not isinstance(value, bool) and value >= 1):
        return value
    raise ValueError(f"{key}={value}: allowed: an integer of at least 1{' or null' if default is None else ''}")


def _lem_step(library: Any, x: Tensor, state: OutputAndMemory) -> OutputAndMemory:
    """Return h' and c' of the Long Expressive Memory, from the parameters of the library's cell.

    a = dt sigmoid(W_1 x + V_1 h + b_1),    b = dt sigmoid(W_2 x + V_2 h + b_2)
    c' = (1 - b) * c + b * tanh(W_c x + V_c h + b_c)
    h' = (1 - a) * h + a * tanh(W_h x + V_h c' + b_h)
    """
    x_a, x_b, x_c, x_h = (x @ library.weight_ih.T + library.bias_ih).chunk(4, dim=-1)
    h_a, h_b, h_c = (state.h @ library.weight_hh.T + library.bias_hh).chunk(3, dim=-1)
    a, b = library.dt * torch.sigmoid(x_a + h_a), library.dt * torch.sigmoid(x_b + h_b)
    c = (1 - b) * state.c + b * torch.tanh(x_c + h_c)
    h = (1 - a) * state.h + a * torch.tanh(x_h + c @ library.weight_ch.T + library.bias_ch)
    return OutputAndMemory(h, c)
