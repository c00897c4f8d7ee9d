"""Compare the plain attributes of two modules: all but their parameters and buffers."""

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from torch import Generator, Tensor, nn

from lstm_bench.cells.reals import as_reals

DEPTH = 5  # levels of nested containers and objects
OF_EVERY_MODULE = set(vars(nn.Module()))  # parameters, buffers, submodules, hooks, mode


def attributes(module: nn.Module) -> dict[str, object]:
    """Return a comparable value of each plain attribute of a module and its submodules, by its dotted name.

    An object of an unknown kind is compared by its `__dict__`; a value without one is compared by its type.
    """
    return {
        ".".join(filter(None, [path, name])): _comparable(value, DEPTH)
        for path, owner in module.named_modules()
        for name, value in vars(owner).items()
        if name not in OF_EVERY_MODULE
    }


def differing(first: dict[str, object], second: dict[str, object]) -> list[str]:
    """Return the names of the attributes that differ, or that only one of the two has."""
    return [name for name in first | second if name not in first or name not in second or first[name] != second[name]]


@contextmanager
def replaced_attribute(name: str, source: nn.Module, target: nn.Module) -> Iterator[None]:
    """Give `target` the attribute of `source` with a dotted name, for the block.

    It does nothing where one of the two lacks the attribute.
    """
    path, _, attribute = name.rpartition(".")
    source_values, target_values = (vars(module.get_submodule(path)) for module in (source, target))
    if attribute not in source_values or attribute not in target_values:
        yield
        return
    original, target_values[attribute] = target_values[attribute], source_values[attribute]
    try:
        yield
    finally:
        target_values[attribute] = original


def _comparable(value: Any, depth: int) -> object:
    """Return an immutable value that is equal for equal inputs, down to `depth` levels."""
    if depth == 0:
        return type(value).__qualname__
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        return repr(value)
    kind = next((kind for kind in READERS if isinstance(value, kind)), object)
    content: Any = READERS[kind](value)
    if isinstance(content, Mapping):
        content = [(repr(key), _comparable(entry, depth - 1)) for key, entry in content.items()]
    elif isinstance(content, list):
        content = [_comparable(entry, depth - 1) for entry in content]
    return type(value).__qualname__, content


def _numbers(array: Any) -> tuple[str, tuple[int, ...], bytes]:
    return str(array.dtype), np.shape(array), np.asarray(array).tobytes()


def _tensors(module: nn.Module) -> dict[str, Tensor]:
    return dict((*module.named_parameters(), *module.named_buffers()))


# The content of values of each kind: a mapping or a list is compared entry by entry, anything else by ==.
READERS: Mapping[type, Callable[[Any], object]] = {
    Tensor: lambda tensor: _numbers(as_reals(tensor.detach()).cpu().numpy()),
    np.ndarray: _numbers,
    np.generic: _numbers,
    Generator: lambda generator: generator.get_state().numpy().tobytes(),
    np.random.Generator: lambda generator: generator.bit_generator.state,
    np.random.RandomState: lambda state: state.get_state(legacy=False),
    random.Random: lambda generator: generator.getstate(),
    list: list,
    tuple: list,
    set: lambda values: sorted(map(repr, values)),
    frozenset: lambda values: sorted(map(repr, values)),
    Mapping: dict,
    nn.Module: _tensors,
    type: lambda kind: kind.__module__,
    object: lambda value: dict(getattr(value, "__dict__", {})),
}
