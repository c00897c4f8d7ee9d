"""The program of a traced step: the places of its values, and the C of its two passes."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.fx import Node

from lstm_bench.engine.generated.buffers import Arena, Place, Sizes, axes
from lstm_bench.engine.generated.emission import Emitter, Sink
from lstm_bench.engine.generated.partition import Partition
from lstm_bench.engine.generated.passes import Part, Passes
from lstm_bench.engine.generated.tracing import StepGraph
from lstm_bench.engine.generated.values import base_of, root, shape_of

aten = torch.ops.aten
CHEAP = {aten.add.Tensor, aten.sub.Tensor, aten.rsub.Scalar, aten.mul.Tensor, aten.mul.Scalar, aten.neg.default}


@dataclass(frozen=True)
class Program:
    """A program, and how many numbers its buffers take.

    Attributes:
        source: the C.
        pointers: the names of the buffers, in the order in which they are handed over.
        tape, scratch: numbers for each sequence of the batch, and independent of the batch; for the tape, at each step.
        panels, sums: numbers of packed weights, and of the sums of each member.
        sums_at: the offset and the axes of each of `Partition.summed` in the sums.
        state_words: numbers of a sequence's state, over all parts.
    """

    source: str
    pointers: Sequence[str]
    tape: tuple[int, int]
    scratch: tuple[int, int]
    panels: int
    sums: int
    sums_at: Sequence[tuple[int, torch.Tensor]]
    state_words: int


def write_program(step: StepGraph, divided: Partition) -> Program:
    """Write the program of a step.

    Raises: CannotGenerateError for an operation that has no C.
    """
    tape, scratch, panels, sums = (Arena(name, Sizes(step.batch)) for name in ("tape", "scratch", "panels", "sums"))
    places = {root(node): _place(f"constant{k}", node) for k, node in enumerate(divided.constants)}
    places[step.x] = _place("x", step.x)
    sinks = defaultdict[Node, list[Sink]](list)
    sinks[step.output].append(Sink(_place("y", step.output), stays=True))
    for k, (part, node) in enumerate(step.state.items()):
        places[node] = _place(f"state{k}", node)
        sinks[step.following[part]].append(Sink(_place(f"next{k}", node), stays=True))
    kept, recomputed = _kept(divided, set(places), {root(node) for node in sinks})
    forward = Emitter(step, divided.forward, places, sinks, kept, scratch, tape, panels)

    places_back = {node: place for node, place in places.items() if not place.base.startswith("scratch")}
    places_back[step.d_output] = _place("d_y", step.d_output)
    sinks_back = defaultdict[Node, list[Sink]](list)
    for k, (part, node) in enumerate(step.d_state.items()):
        places_back[node] = _place(f"d_state{k}", node)
        sinks_back[step.d_entering[part]].append(Sink(_place(f"d_next{k}", node)))
        if part in step.totals:
            sinks_back[step.totals[part]].append(Sink(_place(f"total{k}", node)))
    sums_at = []
    for node in divided.summed:
        offset = sums.words[1]
        place = sums.place(shape_of(node), padded=True)
        sums_at.append((offset, place.axes))
        sinks_back[node].append(Sink(Place(f"sums + {offset}", place.axes), adds=True))
    nodes_back = [*recomputed, *divided.backward]
    backward = Emitter(step, nodes_back, places_back, sinks_back, set(), scratch, tape, panels)

    parts = [Part(_words(node, step.batch), part in step.totals) for part, node in step.state.items()]
    constants = [_words(node, 0) for node in divided.constants]
    passes = Passes(parts, _words(step.output, step.batch), constants, tape, [scratch, panels], sums)
    return Program(
        source=passes.source(forward, backward),
        pointers=passes.pointers,
        tape=(tape.words[0], tape.words[1]),
        scratch=(scratch.words[0], scratch.words[1]),
        panels=panels.words[1],
        sums=sums.words[1],
        sums_at=sums_at,
        state_words=sum(part.words for part in parts),
    )


def _kept(divided: Partition, present: set[Node], leaving: set[Node]) -> tuple[set[Node], list[Node]]:
    """Return the values that the tape keeps for the way back, and those that are computed again there.

    Computing a sum or a product of kept values takes less time than writing and reading it. `present` are the values
    that exist before a step, `leaving` those that leave it.
    """
    read = [*(source for node in divided.backward for source in node.all_input_nodes), *divided.summed]
    kept = {base_of(source) for source in read} & {root(node) for node in divided.forward}
    within_reach = kept | present | leaving
    recomputed = [
        node
        for node in divided.forward
        if node in kept - leaving
        and node.target in CHEAP
        and all(base_of(source) in within_reach for source in node.all_input_nodes)
    ]
    return kept - set(recomputed), recomputed


def _place(name: str, node: Node) -> Place:
    return Place(name, axes(shape_of(node)))


def _words(node: Node, batch: int) -> int:
    """Return how many numbers a value has, of each sequence where it has a batch."""
    count = torch.Size(shape_of(node)).numel()
    return count // batch if batch else count
