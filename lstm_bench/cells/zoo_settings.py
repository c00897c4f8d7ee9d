"""The settings of a library's cell: the arguments of its constructor, complete and checked."""

import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from lstm_bench.cells.zoo_starts import STARTS

SUPPLIED = {"input_size", "hidden_size", "device", "dtype"}  # by the adapter
ACTIVATIONS = (
    "elu", "gelu", "hard_sigmoid", "identity", "leaky_relu", "relu", "sigmoid", "silu", "softplus", "tanh",
)  # fmt: skip


def complete_settings(
    library_cell: Callable[..., Any], values: Mapping[str, Any], adapter_names: Iterable[str] = ()
) -> dict[str, Any]:
    """Return every setting of a class of the library by name: the value in `values`, else the library's own.

    A setting takes what its default in the signature is: a number, a boolean, the name of an activation, or, for an
    initialiser, a name of STARTS.

    Args:
        library_cell: the class.
        values: settings to change, by name.
        adapter_names: the names of the adapter's settings, which the message for an unknown name lists too.

    Raises: ValueError for an unknown name or a value that is not allowed.
    """
    settings = {
        name: _plain(parameter.default)
        for name, parameter in inspect.signature(library_cell).parameters.items()
        if name not in SUPPLIED
    }
    for name, value in values.items():
        if name not in settings:
            raise ValueError(f"{name}={value}: allowed: the keys {', '.join((*adapter_names, *settings))}")
        if (allowed := _allowed(name, settings[name], value)) is not None:
            raise ValueError(f"{name}={value}: allowed: {allowed}")
        settings[name] = float(value) if isinstance(settings[name], float) else value
    return settings


def is_start(name: str, value: Any) -> bool:
    """Return whether a setting names the initialiser of a parameter."""
    return name.endswith("_init") and isinstance(value, str)


def _plain(default: Any) -> Any:
    """Return the name of an initialiser of torch.nn.init, and any other default itself."""
    return default.__name__.rstrip("_") if callable(default) else default


def _allowed(name: str, default: Any, value: Any) -> str | None:
    """Return, in words, the allowed values of a setting with this default; None where the value is one of them."""
    if isinstance(default, bool):
        return None if isinstance(value, bool) else "true or false"
    if isinstance(default, float):
        is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        return None if is_number else "a number"
    names = tuple(STARTS) if is_start(name, default) else ACTIVATIONS
    return None if isinstance(value, str) and value in names else ", ".join(names)
