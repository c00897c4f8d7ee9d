"""Divide the operations of a step into those that run once a batch, at each step forward, and at each step back.

- What depends on weights alone is computed once, before the first step, by torch (`prepare`).
- The output and the next state are computed at each step forward; the tape keeps the values that the way back reads.
- On the way back a step computes dL/ds. A gradient of weights is a sum over steps. A vector-Jacobian product is linear
  in what arrives, so operations after a sum over the batch, whose other inputs are constants alone, commute with the
  sum over time: values are summed where the batch ends (`summed`), and the rest is computed once by torch (`finish`).
  So the gradient of W = f(V) goes through f once a batch, and not once a step.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch.fx import Graph, GraphModule, Node

from lstm_bench.engine.generated.tracing import StepGraph


@dataclass(frozen=True)
class Partition:
    """The nodes of a step by when they run.

    Attributes:
        prepare: maps the weights of a member, in the order of the trace, to `constants` and then `finishing`.
        constants: nodes that steps read.
        forward, backward: nodes of a step in the order of the trace.
        summed: nodes whose values are summed over time.
        finishing: constants that `finish` reads.
        finish: maps the sums and then the finishing constants to the gradients of the trained weights.
    """

    prepare: GraphModule
    constants: Sequence[Node]
    forward: Sequence[Node]
    backward: Sequence[Node]
    summed: Sequence[Node]
    finishing: Sequence[Node]
    finish: GraphModule


def partition(step: StepGraph) -> Partition:
    """Divide the operations of a step."""
    nodes = [node for node in step.graph.nodes if node.op in {"call_function", "get_attr"}]
    constant = _descend(nodes, lambda node: not has_batch(node, step.batch), set(step.weights.values()), every=True)
    arriving = {step.d_output, *step.d_state.values()}
    tangent = _descend(nodes, lambda _: True, arriving, every=False)
    forward = _ancestors([step.output, *step.following.values()]) - constant
    on_the_way_back = _ancestors([*step.d_entering.values(), *step.totals.values()]) - constant - forward

    def commutes(node: Node) -> bool:
        inputs = [n for n in node.all_input_nodes if n not in constant]
        without_batch = not any(has_batch(n, step.batch) for n in (node, *inputs))
        return without_batch and all(n in tangent for n in inputs) and node not in on_the_way_back

    summed, finishing, once = list[Node](), list[Node](), set[Node]()
    pending = list(step.d_weights.values())
    while pending:
        node = pending.pop()
        if node in once or node in summed or node in finishing:
            continue
        if node in constant:
            finishing.append(node)
        elif node in tangent and commutes(node):
            once.add(node)
            pending += node.all_input_nodes
        else:
            summed.append(node)
    backward = on_the_way_back | (_ancestors(summed) - constant - forward)
    in_steps = forward | backward
    constants = [node for node in (*step.weights.values(), *nodes) if node in constant and in_steps & set(node.users)]
    return Partition(
        prepare=_submodule(step, list(step.weights.values()), constant, [*constants, *finishing]),
        constants=constants,
        forward=[node for node in nodes if node in forward],
        backward=[node for node in nodes if node in backward],
        summed=summed,
        finishing=finishing,
        finish=_submodule(step, [*summed, *finishing], once, list(step.d_weights.values())),
    )


def has_batch(node: Node, batch: int) -> bool:
    """Return whether a size of a node's value, or of one of its values, is a multiple of the batch size."""
    values = node.meta.get("val")
    tensors = values if isinstance(values, (tuple, list)) else [values]
    return any(isinstance(t, torch.Tensor) and any(n and n % batch == 0 for n in t.shape) for t in tensors)


def _descend(nodes: Iterable[Node], admitted: Callable[[Node], bool], roots: set[Node], every: bool) -> set[Node]:
    """Return the roots, and the admitted nodes of which each input, or any input, is among them."""
    reached = set(roots)
    for node in nodes:
        inputs = [source in reached for source in node.all_input_nodes]
        if admitted(node) and (all(inputs) if every else any(inputs)):
            reached.add(node)
    return reached


def _ancestors(ends: Iterable[Node]) -> set[Node]:
    """Return these nodes and all operations that they depend on."""
    reached, pending = set[Node](), list(ends)
    while pending:
        node = pending.pop()
        if node not in reached and node.op in {"call_function", "get_attr"}:
            reached.add(node)
            pending += node.all_input_nodes
    return reached


def _submodule(step: StepGraph, inputs: Sequence[Node], inside: set[Node], outputs: Sequence[Node]) -> GraphModule:
    """Return the part of a graph between inputs and outputs, made of the nodes inside."""
    graph, copies = Graph(), dict[Node, Node]()
    for number, node in enumerate(inputs):
        copies[node] = graph.placeholder(f"input_{number}")
    for node in step.graph.nodes:
        if node in inside and node not in copies:
            copies[node] = graph.node_copy(node, copies.__getitem__)
    graph.output([copies[node] for node in outputs])
    graph.eliminate_dead_code()
    return GraphModule(step.module, graph)
