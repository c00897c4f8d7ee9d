"""The interface of a cell: two methods, an opaque state and two sizes."""

from collections.abc import Callable, Iterator, Mapping
from textwrap import shorten
from typing import Any, Protocol

from torch import Tensor
from torch.nn import Module, Parameter

State = Tensor | tuple[Tensor, ...]
LONGEST_MESSAGE = 500  # characters of the message of a cell's own exception


class CellError(ValueError):
    """A cell fails or breaks its contract; the message is one line that names its class."""


def cell_error(cell_type: Any, fault: str) -> CellError:
    """Return the error of a class of cells, or of a function that makes one, with its name in front."""
    return CellError(f"{cell_name(cell_type)}: {fault}")


def cell_name(cell_type: Any) -> str:
    """Return the name of a class of cells in messages."""
    return f"cell {cell_type.__module__}.{cell_type.__qualname__}"


def cell_failure(cell_type: Any, method: str, error: BaseException) -> CellError:
    """Return the error of a method that raised, with its message in one line."""
    message = ": ".join(filter(None, [type(error).__name__, shorten(str(error), LONGEST_MESSAGE, placeholder=" ...")]))
    return cell_error(cell_type, f"{method} raised {message}")


class Cell(Protocol):
    """One step of recurrence.

    A plug-in is any `torch.nn.Module` with these members. Its constructor takes `input_size`, `hidden_size` and
    the keyword `generator`, from which every initial value is drawn; further arguments are settings and can be
    set from yaml or the command line. Only the cell reads its state; a NamedTuple names the parts of the state in the
    gradient curves. A cell may return its gates from a method `gates(x, state)`, a dict of values in [0, 1] by name,
    each [B, H], and name in an attribute `retention` the gate that determines how much of the state is kept. Where a
    step does not multiply just once by each weight matrix, it may return from a method `step_flops(batch_size)` the
    floating-point operations of a training step at one time step, all sequences of the batch together.

    All members of a cell run through one object with tensors of their own, so a step depends on nothing but its
    parameters and buffers, x, state and the mode (`train()` to train, `eval()` to score and probe). It draws random
    numbers from torch's, NumPy's or Python's global generator, which are seeded for each member and step. A buffer may
    change in training where it is written in place, as running statistics are. `engine.conformance` refuses a cell that
    breaks these rules.

    Shapes: x [B, D], real; output [B, H], real; state in any form, complex or real, with B first in each tensor, and
    with the shapes of `initial_state` throughout.
    """

    input_size: int
    hidden_size: int

    def initial_state(self, batch_size: int) -> State:
        """Return the state before the first step, on the device and in the dtype of the parameters."""
        ...

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Return the output and the next state."""
        ...

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Name every parameter, as `torch.nn.Module` does; one that requires no gradient is not trained."""
        ...

    def named_buffers(self) -> Iterator[tuple[str, Tensor]]:
        """Name every other tensor that belongs to a cell, as `torch.nn.Module` does."""
        ...


def optional_method(cell: object, name: str) -> Callable[..., Any] | None:
    """Return a method that not every cell has, such as `gates`; None without it, or where a layer has that name."""
    value = getattr(cell, name, None)
    return value if callable(value) and not isinstance(value, Module) else None


def state_parts(state: State) -> dict[str, Tensor]:
    """Return the tensors of a state by name: h for a lone tensor, the fields of a NamedTuple, else s0, s1, ..."""
    if isinstance(state, Tensor):
        return {"h": state}
    names = getattr(state, "_fields", None) or [f"s{index}" for index in range(len(state))]
    return dict(zip(names, state, strict=True))


def state_like(state: State, parts: Mapping[str, Tensor]) -> Any:
    """Return these parts, named as by `state_parts`, in the form of `state`."""
    tensors = tuple(parts.values())
    if isinstance(state, Tensor):
        return tensors[0]
    return type(state)(*tensors) if hasattr(state, "_fields") else tensors
