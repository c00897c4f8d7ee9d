"""What a module keeps beside its parameters and buffers, in a form that two of them can be compared in."""

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from torch import Generator, Tensor, nn

from lstm_bench.cells.reals import as_reals

DEPTH = 5  # of containers and objects in each other
OF_EVERY_MODULE = set(vars(nn.Module()))  # parameters, buffers, submodules, hooks, mode


def attributes(module: nn.Module) -> dict[str, object]:
    """Return a comparable value of each plain attribute of a module and its submodules, by its dotted name.

    Objects of unknown kinds count with what they hold; a value that Python cannot look into counts as its type.
    """
    return {
        ".".join(filter(None, [path, name])): _comparable(value, DEPTH)
        for path, owner in module.named_modules()
        for name, value in vars(owner).items()
        if name not in OF_EVERY_MODULE
    }


def differing(some: dict[str, object], others: dict[str, object]) -> list[str]:
    """Return the names of the attributes that are not the same in both."""
    return [name for name in some | others if name not in some or name not in others or some[name] != others[name]]


@contextmanager
def lent_attribute(name: str, lender: nn.Module, borrower: nn.Module) -> Iterator[None]:
    """Let one module have an attribute of another during the block, by its dotted name, where both have it."""
    path, _, own_name = name.rpartition(".")
    theirs, ours = (vars(module.get_submodule(path)) for module in (lender, borrower))
    if own_name not in theirs or own_name not in ours:
        yield
        return
    before, ours[own_name] = ours[own_name], theirs[own_name]
    try:
        yield
    finally:
        ours[own_name] = before


def _comparable(value: Any, depth: int) -> object:
    """Return something equal for equal values, and nothing that could change later."""
    if depth == 0:
        return type(value).__qualname__
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        return repr(value)
    kind = next((kind for kind in READERS if isinstance(value, kind)), object)
    held: Any = READERS[kind](value)
    if isinstance(held, Mapping):
        held = [(repr(key), _comparable(each, depth - 1)) for key, each in held.items()]
    elif isinstance(held, list):
        held = [_comparable(each, depth - 1) for each in held]
    return type(value).__qualname__, held


def _numbers(array: Any) -> tuple[str, tuple[int, ...], bytes]:
    return str(array.dtype), np.shape(array), np.asarray(array).tobytes()


def _tensors(module: nn.Module) -> dict[str, Tensor]:
    return dict((*module.named_parameters(), *module.named_buffers()))


# What values of each kind hold: a mapping or a list is compared entry by entry, anything else by ==.
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
