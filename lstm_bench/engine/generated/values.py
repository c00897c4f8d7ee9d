"""Relations between nodes of a traced step: the same value, a view of another, a part of a concatenation."""

from typing import Any

import torch
from torch.fx import Node

from lstm_bench.engine.generated.buffers import Place
from lstm_bench.engine.generated.operations import FILLED, RESHAPED, SAME, SPLITS, VIEWS, formula_of

aten = torch.ops.aten


def root(node: Node) -> Node:
    """Return the first node with the value of a node, back through copies and through views that change nothing."""
    while node.target in SAME or (
        node.target in RESHAPED | {aten.slice.Tensor} and shape_of(node) == shape_of(argument_of(node))
    ):
        node = argument_of(node)
    return node


def is_pointwise(node: Node) -> bool:
    """Return whether an operation is elementwise."""
    return node.target in FILLED or (formula_of(node.target) is not None and isinstance(node.meta["val"], torch.Tensor))


def shape_of(node: Node) -> tuple[int, ...]:
    """Return the shape of a node's value at the batch size of the trace."""
    return tuple(node.meta["val"].shape)


def base_of(node: Node) -> Node:
    """Return the node whose memory a node's value is a view of."""
    node = root(node)
    while node.target in VIEWS | SPLITS:
        node = root(argument_of(node))
    return node


def argument_of(node: Node) -> Node:
    """Return the first argument of an operation on one value."""
    argument = node.args[0]
    assert isinstance(argument, Node)
    return argument


def seen_through(source: Node) -> set[Node]:
    """Return the node of which a node is a view, in a set; an empty set where it is no view."""
    return {base_of(source)} if source.target in VIEWS | SPLITS else set()


def seen_by(node: Node, source: torch.Tensor) -> torch.Tensor:
    """Return the view that a node makes, of a tensor of axes."""
    target = aten.view.default if node.target in RESHAPED - {aten.expand.default} else node.target
    if node.target in SPLITS:
        return source  # `getitem` takes its part of it
    if isinstance(node.target, torch._ops.OpOverload):
        view: torch.Tensor = target(source, *node.args[1:], **node.kwargs)  # type: ignore[operator]
        return view
    split, index = argument_of(node), node.args[1]
    part: torch.Tensor = split.target(source, *split.args[1:], **split.kwargs)[index]  # type: ignore[operator]
    return part


def parts_of_cat(node: Node, place: Place) -> list[tuple[Node, Place]]:
    """Return the values that are concatenated, and the place of each."""
    sources: Any = node.args[0]
    axis = int(node.args[1]) if len(node.args) > 1 else 0  # type: ignore[arg-type]
    parts = place.axes.split([shape_of(source)[axis] for source in sources], axis)
    return [(source, place.viewed(part)) for source, part in zip(sources, parts, strict=True)]
