"""Loops of C over the entries of values, LANES numbers at a time along the last axis."""

from collections.abc import Sequence
from typing import NamedTuple

from lstm_bench.engine.generated.buffers import PAD, Place, Sizes


class Store(NamedTuple):
    """A value that is written to a place, or added to its content."""

    value: str
    place: Place
    adds: bool = False


class Load(NamedTuple):
    """A variable of C, and the place from which it is read."""

    name: str
    place: Place


def loop(
    sizes: Sizes, shape: Sequence[int], loads: Sequence[Load], body: Sequence[str], stores: Sequence[Store]
) -> list[str]:
    """Return a loop over a shape that reads `loads`, computes `body` and writes `stores`."""
    shape = list(shape) or [1]
    indices = [f"i{k}" if size != 1 else "" for k, size in enumerate(shape[:-1])]
    lines = _outer(sizes, shape[:-1], indices)
    inner = sizes.expression(shape[-1])
    exact = shape[-1] % PAD == 0 and not sizes.has_batch(shape[-1:])
    lines.append(f"for (long j = 0; j < {inner}; j += LANES) {{")
    if not exact:
        lines.append(f"const long room = {inner} - j;")
    lines += [f"const vec {name} = {_loaded(place, indices, shape, exact)};" for name, place in loads]
    lines += body
    lines += [_stored(store, indices, shape, exact) for store in stores]
    return [*lines, "}" * (1 + sum(map(bool, indices)))]


def reduction(
    sizes: Sizes, source: Place, axes: Sequence[int], target: Place, mean: bool, adds: bool = False
) -> list[str]:
    """Return a loop that sums a value over some axes; `target` has size 1 along each of them."""
    shape, last = source.shape, len(source.shape) - 1
    names = [f"i{k}" if size != 1 else "" for k, size in enumerate(shape)]
    kept = [names[k] if k not in axes else "" for k in range(last)]
    summed = [names[k] if k in axes else "" for k in range(last)]
    scale = " * ".join(["1.0", *(f"({sizes.expression(shape[k])})" for k in axes)]) if mean else "1"
    exact = shape[-1] % PAD == 0 and not sizes.has_batch(shape[-1:])
    room = [] if exact else [f"const long room = {sizes.expression(shape[-1])} - j;"]
    over_last = f"for (long j = 0; j < {sizes.expression(shape[-1])}; j += LANES) {{"
    add = f"sum += {_loaded(source, names[:-1], shape, exact)};"
    inside = [*_outer(sizes, shape[:-1], summed)]
    closing = "}" * sum(map(bool, summed))
    lines = _outer(sizes, shape[:-1], kept)
    if last in axes:
        to = target.address([*kept, ""], shape)
        sign = "+=" if adds else "="
        lines += [
            "vec sum = {0};",
            *inside,
            over_last,
            *room,
            add,
            "}",
            closing,
            f"*({to}) {sign} total(sum) / ({scale});",
        ]
        return [*lines, "}" * sum(map(bool, kept))]
    write = _stored(Store(f"sum / all({scale})", target, adds), kept, shape, exact)
    lines += [over_last, *room, "vec sum = {0};", *inside, add, closing, write, "}"]
    return [*lines, "}" * sum(map(bool, kept))]


def maximum(sizes: Sizes, source: Place, target: Place) -> list[str]:
    """Return a loop over the largest entry along the last axis; NaN where there is one."""
    indices = [f"i{k}" if size != 1 else "" for k, size in enumerate(source.shape[:-1])]
    stride = source.strides_in(source.shape)[-1]
    return [
        *_outer(sizes, source.shape[:-1], indices),
        "real most = -INFINITY;",
        f"for (long j = 0; j < {sizes.expression(source.shape[-1])}; j++) {{",
        f"const real one = *({source.address([*indices, ''], source.shape)} + j * {stride});",
        "if (one > most || one != one) most = one;",
        "}",
        f"*({target.address([*indices, ''], source.shape)}) = most;",
        "}" * sum(map(bool, indices)),
    ]


def _outer(sizes: Sizes, shape: Sequence[int], indices: Sequence[str]) -> list[str]:
    return [
        f"for (long {index} = 0; {index} < {sizes.expression(size)}; {index}++) {{"
        for index, size in zip(indices, shape, strict=True)
        if index
    ]


def _loaded(place: Place, indices: Sequence[str], shape: Sequence[int], exact: bool) -> str:
    address, stride = place.address([*indices, ""], shape), place.strides_in(shape)[-1]
    if stride == 0:
        return f"all(*({address}))"
    if stride == 1:
        return f"AT({address} + j)" if exact else f"load({address} + j, room)"
    return f"gather({address} + j * {stride}, {stride}, {'LANES' if exact else 'room'})"


def _stored(store: Store, indices: Sequence[str], shape: Sequence[int], exact: bool) -> str:
    address, stride = store.place.address([*indices, ""], shape), store.place.strides_in(shape)[-1]
    if stride in (0, 1):
        to = f"{address} + j"
        if exact:
            return f"AT({to}) {'+=' if store.adds else '='} {store.value};"
        value = f"{store.value} + load({to}, room)" if store.adds else store.value
        return f"store({to}, room, {value});"
    to = f"{address} + j * {stride}"
    room = "LANES" if exact else "room"
    value = f"{store.value} + gather({to}, {stride}, {room})" if store.adds else store.value
    return f"scatter({to}, {stride}, {room}, {value});"
