"""Write the operations of one phase of a step as C: products, sums, and as few loops as possible over the rest.

Elementwise operations of one shape go through one loop, and values that only they read stay in registers. Views cost
nothing, except where a value must be copied for them.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple

import torch
from torch.fx import Node

from lstm_bench.engine.generated.buffers import Arena, Place, Sizes
from lstm_bench.engine.generated.loops import Load, Store, loop, maximum, reduction
from lstm_bench.engine.generated.operations import FILLED, SAME, SPLITS, VIEWS, formula_of, number
from lstm_bench.engine.generated.products import Products
from lstm_bench.engine.generated.tracing import CannotGenerateError, StepGraph
from lstm_bench.engine.generated.values import (
    argument_of,
    is_pointwise,
    parts_of_cat,
    root,
    seen_by,
    seen_through,
    shape_of,
)

aten = torch.ops.aten
SUMS: Mapping[Any, bool] = {
    aten.sum.dim_IntList: False,
    aten.sum.default: False,
    aten.mean.dim: True,
    aten.mean.default: True,
}
WHOLE = {*FILLED, aten.where.self}  # operations whose values may be integers, which are real numbers in C
PRODUCTS = {aten.mm.default, aten.bmm.default}
SCATTERS = {aten.slice_scatter.default: aten.slice.Tensor, aten.select_scatter.default: aten.select.int}
OTHERS = {aten.cat.default, aten.amax.default, *PRODUCTS, *SCATTERS, *SUMS}


class Sink(NamedTuple):
    """A further place for a value, which `adds` to the content of the place or `stays` until the way back."""

    place: Place
    adds: bool = False
    stays: bool = False


class Emitter:
    """Write one phase.

    Args:
        step: the traced step.
        nodes: the nodes of the phase, in the order of the trace.
        places: the places of values that exist before; the emitter adds those of values that it stores.
        sinks: further places for values.
        kept: values that the way back reads.
        scratch, tape, panels: the arenas for values of this step, values that are kept, and packed weights.

    Attributes:
        lines: the C of the phase.
    """

    def __init__(
        self,
        step: StepGraph,
        nodes: Sequence[Node],
        places: dict[Node, Place],
        sinks: Mapping[Node, Sequence[Sink]],
        kept: set[Node],
        scratch: Arena,
        tape: Arena,
        panels: Arena,
    ) -> None:
        self._sizes, self._places, self._kept, self._dtype = Sizes(step.batch), places, kept, step.dtype
        self._scratch, self._tape = scratch, tape
        self._sinks = defaultdict[Node, list[Sink]](list)
        for node, to in sinks.items():
            self._sinks[root(node)] += to
        self._names = count()
        self._products = Products(self._sizes, scratch, panels)
        self.lines = list[str]()
        self._todo = [node for node in nodes if root(node) is node and node.target not in VIEWS | SPLITS]
        self._direct, self._viewed = self._uses()
        for node in nodes:
            self._check(node)
        self._places_of_cats = dict[Node, Place]()
        self._inside_cats = self._place_cats()
        self._run()

    @property
    def packing(self) -> list[str]:
        """The C that packs weights, before the first step."""
        return self._products.packing

    # --- order ---

    def _run(self) -> None:
        while self._todo:
            before = len(self._todo)
            for node in [node for node in self._todo if not is_pointwise(node) and self._ready(node)]:
                self._emit(node)
            if group := self._next_group():
                self._emit_group(group)
            if len(self._todo) == before:
                raise CannotGenerateError("operations that wait for each other")
        for node, sinks in self._sinks.items():  # of placeholders and views
            for sink in sinks:
                self._copy(self._place(node), sink.place, sink.adds)

    def _next_group(self) -> list[Node]:
        """Return operations that can go through one loop: those of the shape of the first that is ready."""
        group = list[Node]()
        for node in self._todo:
            if is_pointwise(node) and (not group or shape_of(node) == shape_of(group[0])):
                inputs = {root(source) for source in node.all_input_nodes}
                if all(self._available(source) or source in group for source in inputs):
                    group.append(node)
        return group

    def _ready(self, node: Node) -> bool:
        return all(self._available(source) for source in node.all_input_nodes)

    def _available(self, node: Node) -> bool:
        node = root(node)
        if node in self._places:
            return True
        return node.target in VIEWS | SPLITS and self._available(argument_of(node))

    def _uses(self) -> tuple[dict[Node, set[Node]], set[Node]]:
        """Return the nodes that read each value as it is, and the values that are read through a view."""
        direct, viewed = defaultdict[Node, set[Node]](set), set[Node]()
        for node in self._todo:
            for source in map(root, node.all_input_nodes):
                direct[source].add(node)
                viewed |= seen_through(source)
        for node in (*self._sinks, *self._kept):
            viewed |= seen_through(root(node))
        return direct, viewed

    def _check(self, node: Node) -> None:
        if node.target in VIEWS | SPLITS | SAME - {aten._to_copy.default}:
            return
        if node.target is not aten._to_copy.default and not is_pointwise(node) and node.target not in OTHERS:
            raise CannotGenerateError(f"no C for {node.target}")
        if node.meta["val"].dtype not in (self._dtype, torch.bool) and node.target not in WHOLE:
            raise CannotGenerateError(f"a step computes numbers of {node.meta['val'].dtype}")

    # --- places of values ---

    def _place(self, node: Node) -> Place:
        """Return the place of an available value."""
        node = root(node)
        if node not in self._places:
            self._places[node] = self._view(node)
        return self._places[node]

    def _view(self, node: Node) -> Place:
        source = self._place(argument_of(node))
        try:
            seen = seen_by(node, source.axes)
        except RuntimeError:  # the source's strides do not allow this view
            copied = self._scratch.place(source.shape)
            self._copy(source, copied)
            source, seen = copied, seen_by(node, copied.axes)
        return source.viewed(seen)

    def _stored_at(self, node: Node, padded: bool = False) -> Place:
        """Choose where a value is stored: in one of its sinks, else on the tape or in scratch memory."""
        for sink in self._sinks[node]:
            if not sink.adds and not padded and (sink.stays or node not in self._kept):
                self._sinks[node].remove(sink)
                return sink.place
        return (self._tape if node in self._kept else self._scratch).place(shape_of(node), padded)

    def _place_cats(self) -> set[tuple[Node, int]]:
        """Let values be stored directly in their concatenation; return these, each as a concatenation and an index."""
        inside = set[tuple[Node, int]]()
        for node in self._todo:
            if node.target is not aten.cat.default:
                continue
            place = self._places_of_cats[node] = self._stored_at(node)
            for k, (source, part) in enumerate(parts_of_cat(node, place)):
                if is_pointwise(root(source)) and root(source) in self._todo:
                    self._sinks[root(source)].append(Sink(part, stays=node in self._kept))
                    inside.add((node, k))
        return inside

    # --- operations ---

    def _emit_group(self, group: list[Node]) -> None:
        variables, loads, body, stores = dict[Node, str](), list[Load](), list[str](), list[Store]()

        def read(argument: Any) -> str:
            if not isinstance(argument, Node):
                return number(argument)
            source = root(argument)
            if source not in variables:
                variables[source] = f"v{next(self._names)}"
                loads.append(Load(variables[source], self._place(source)))
            return variables[source]

        for node in group:
            value = self._value(node, read)
            variables[node] = f"v{next(self._names)}"
            body.append(f"const vec {variables[node]} = {value};")
        for node in group:
            is_read_later = node in self._kept or node in self._viewed or self._direct[node] - set(group)
            if is_read_later or any(not sink.adds for sink in self._sinks[node]):
                self._places[node] = self._stored_at(node)
                stores.append(Store(variables[node], self._places[node]))
            stores += [Store(variables[node], sink.place, sink.adds) for sink in self._sinks.pop(node, [])]
            self._todo.remove(node)
        self.lines += loop(self._sizes, shape_of(group[0]), loads, body, stores)

    def _value(self, node: Node, read: Any) -> str:
        if node.target in FILLED:
            return number(FILLED[node.target](*node.args))
        formula = formula_of(node.target)
        assert formula is not None  # of a pointwise node
        plain = {key: value for key, value in node.kwargs.items() if value is not None}
        arguments = [None if argument is None else read(argument) for argument in node.args]
        try:
            return formula(*arguments, **plain)
        except TypeError as error:
            raise CannotGenerateError(f"no C for {node.target} with {', '.join(plain)}") from error

    def _emit(self, node: Node) -> None:
        """Write an operation that has a loop of its own."""
        self._todo.remove(node)
        sinks = self._sinks[node]
        is_read = node in self._kept or node in self._viewed or self._direct[node]
        if len(sinks) == 1 and sinks[0].adds and not is_read:
            del self._sinks[node]
            self._compute(node, sinks[0].place, adds=True)
            return
        if node.target is aten.cat.default:
            self._places[node] = self._places_of_cats[node]
        else:
            self._places[node] = self._stored_at(node, padded=node.target in PRODUCTS)
        self._compute(node, self._places[node])
        for sink in self._sinks.pop(node, []):
            self._copy(self._places[node], sink.place, sink.adds)

    def _compute(self, node: Node, to: Place, adds: bool = False) -> None:
        arguments: Any = node.args
        if node.target in PRODUCTS:
            left, right = (self._place(argument) for argument in arguments[:2])
            self.lines += self._products.product(left, right, to, adds)
        elif node.target in SCATTERS:
            base, written = (self._place(argument) for argument in arguments[:2])
            self._copy(base, to)
            self._copy(written, to.viewed(SCATTERS[node.target](to.axes, *arguments[2:], **node.kwargs)))
        elif node.target is aten.cat.default:
            for k, (part, place) in enumerate(parts_of_cat(node, to)):
                if (node, k) not in self._inside_cats:
                    self._copy(self._place(part), place)
        elif node.target is aten.amax.default:
            source = self._place(argument_of(node))
            if [axis % len(source.shape) for axis in arguments[1]] != [len(source.shape) - 1] or adds:
                raise CannotGenerateError("a maximum over an axis other than the last")
            target = to.viewed(to.axes.reshape([*source.shape[:-1], 1]))
            self.lines += maximum(self._sizes, source, target)
        else:
            self._sum(self._place(argument_of(node)), arguments[1:2], to, SUMS[node.target], adds)

    def _sum(self, source: Place, over: Sequence[Any], to: Place, mean: bool, adds: bool) -> None:
        """Write a sum or a mean over some axes, or over all where none are named."""
        rank = len(source.shape)
        summed = sorted({axis % rank for axis in ((over and over[0]) or range(rank))})
        target = to.viewed(to.axes.reshape([1 if k in summed else size for k, size in enumerate(source.shape)]))
        self.lines += ["{", *reduction(self._sizes, source, summed, target, mean, adds), "}"]

    def _copy(self, source: Place, to: Place, adds: bool = False) -> None:
        self.lines += loop(self._sizes, to.shape, [Load("v", source)], [], [Store("v", to, adds)])
