"""The C of a traced step: a pass forward through all steps, and one back, for one member after another."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import indent

import torch
from torch.fx import Node

from lstm_bench.engine.generated.buffers import Arena, Place, Sizes, axes
from lstm_bench.engine.generated.emission import Emitter, Sink, base_of, root, shape_of
from lstm_bench.engine.generated.partition import Partition
from lstm_bench.engine.generated.tracing import StepGraph

aten = torch.ops.aten
CHEAP = {aten.add.Tensor, aten.sub.Tensor, aten.rsub.Scalar, aten.mul.Tensor, aten.mul.Scalar, aten.neg.default}
HEADERS = ("vectors.h", "products.h", "nonlinearities.h", "step.h")


@dataclass(frozen=True)
class Program:
    """A program, and the numbers that its buffers take.

    Attributes:
        source: the C.
        tape, scratch: numbers of each sequence of the batch, and beside that; the tape has as many at each step.
        panels, sums: numbers of packed weights, and of the sums of each member.
        sums_at: the offset and the axes of each of `Partition.summed` in the sums.
        parts: the shape of each part of the state without its batch.
    """

    source: str
    tape: tuple[int, int]
    scratch: tuple[int, int]
    panels: int
    sums: int
    sums_at: Sequence[tuple[int, torch.Tensor]]
    parts: dict[str, tuple[int, ...]]


def write_program(step: StepGraph, divided: Partition) -> Program:
    """Write the program of a step.

    Raises: CannotGenerateError for an operation that has no C.
    """
    sizes = Sizes(step.batch)
    tape, scratch, panels, sums = (Arena(name, sizes) for name in ("tape", "scratch", "panels", "sums"))
    there = dict[Node, Place]()
    for number, node in enumerate(divided.constants):
        there[root(node)] = Place(f"constant{number}", axes(shape_of(node)))
    there[step.x] = Place("x", axes(shape_of(step.x)))
    entering, leaving = {}, defaultdict(list[Sink])
    for number, (part, node) in enumerate(step.state.items()):
        entering[node] = Place(f"state{number}", axes(shape_of(node)))
        leaving[step.following[part]].append(Sink(Place(f"next{number}", axes(shape_of(node))), stays=True))
    leaving[step.output].append(Sink(Place("y", axes(shape_of(step.output))), stays=True))
    forward_nodes = {root(node) for node in divided.forward}
    used_later = [source for node in divided.backward for source in node.all_input_nodes] + list(divided.summed)
    there |= entering
    kept = {base_of(source) for source in used_later} & forward_nodes
    again = _computed_again(divided, kept, set(there), {root(node) for node in leaving})
    kept -= set(again)
    forward = Emitter(step, divided.forward, there, leaving, kept, scratch, tape, panels)

    arrived, departing = dict[Node, Place](), defaultdict(list[Sink])
    for number, (part, node) in enumerate(step.d_state.items()):
        shape = shape_of(node)
        arrived[node] = Place(f"d_state{number}", axes(shape))
        departing[step.d_entering[part]].append(Sink(Place(f"d_next{number}", axes(shape))))
        if part in step.totals:
            departing[step.totals[part]].append(Sink(Place(f"total{number}", axes(shape))))
    sums_at = []
    for node in divided.summed:
        offset = sums.words[1]
        place = sums.place(shape_of(node), padded=True)
        sums_at.append((offset, place.axes))
        departing[node].append(Sink(Place(f"sums + {offset}", place.axes), adds=True))
    persistent = {node: place for node, place in there.items() if not place.base.startswith("scratch")}
    back_places = persistent | arrived | {step.d_output: Place("d_y", axes(shape_of(step.d_output)))}
    backward = Emitter(step, [*again, *divided.backward], back_places, departing, set(), scratch, tape, panels)

    parts = {part: shape_of(node)[1:] for part, node in step.state.items()}
    words = [max(1, torch.Size(shape).numel()) for shape in parts.values()]
    width = shape_of(step.output)[1]
    constants = [max(1, torch.Size(shape_of(node)).numel()) for node in divided.constants]
    definitions = [
        f"#define TAPE {tape.words[0]}",
        f"#define SCRATCH {scratch.words[0]}",
        "#define PANELS 0",
        "#define SUMS_ 0",
    ]
    pointers = [
        f"const real *constant{k} = (real *)p[{9 + 6 * len(words) + k}] + m * {n};" for k, n in enumerate(constants)
    ]
    source = "\n".join(
        [
            *(f'#include "{name}"' for name in HEADERS),
            *definitions,
            _forward(words, width, tape.words, pointers, forward),
            _backward(words, tape.words, sums.words[1], pointers, backward, list(step.totals), list(step.state)),
            "",
        ]
    )
    return Program(
        source, (tape.words[0], tape.words[1]), (scratch.words[0], scratch.words[1]), panels.words[1], sums.words[1],
        sums_at, parts,
    )  # fmt: skip


def _computed_again(divided: Partition, kept: set[Node], there: set[Node], leaving: set[Node]) -> list[Node]:
    """Return kept values that a sum or a product of others gives again: that takes less time than to write and read them."""
    again = list[Node]()
    for node in divided.forward:
        if node in kept and node not in leaving and node.target in CHEAP:
            if all(base_of(source) in kept | there | leaving for source in node.all_input_nodes):
                again.append(node)
    return again


# p: 0 x, 1 y, 2 tape, 3 scratch, 4 panels, 5 sums, 6 d_y, 7 zeros, 8 unused; then for each part of the state 6 pointers:
# states, d_state, a spare of it, its total, norms, unused; then the constants.
# s: strides of x and of d_y from member to member and from step to step.
def _head(name: str, pointers: Sequence[str]) -> list[str]:
    return [
        f"void {name}(long M, long T, long B, long last, void **p, const long *s) {{",
        "real *scratch = p[3], *panels = p[4];",
        "for (long m = 0; m < M; m++) {",
        *pointers,
    ]


def _forward(words: Sequence[int], width: int, tape: Sequence[int], pointers: Sequence[str], phase: Emitter) -> str:
    states = [
        f"real *state{k} = (real *)p[{9 + 6 * k}] + (m * (T + 1) + t) * {n} * B, *next{k} = state{k} + {n} * B;"
        for k, n in enumerate(words)
    ]
    lines = [
        *_head("forward", pointers),
        *phase.packing,
        "for (long t = 0; t < T; t++) {",
        "const real *x = (real *)p[0] + m * s[0] + t * s[1];",
        f"real *y = (real *)p[1] + (m * T + t) * {width} * B;",
        f"real *tape = (real *)p[2] + (m * T + t) * (TAPE * B + {tape[1]});",
        *states,
        *phase.lines,
        "}}}",
    ]
    return indent("\n".join(lines), "")


def _backward(
    words: Sequence[int],
    tape: Sequence[int],
    sums: int,
    pointers: Sequence[str],
    phase: Emitter,
    totals: Sequence[str],
    parts: Sequence[str],
) -> str:
    at = [9 + 6 * k for k in range(len(words))]
    lines = [
        *_head("backward", pointers),
        f"real *sums = (real *)p[5] + m * {sums};",
        *phase.packing,
        *(
            f"real *first{k} = (real *)p[{at[k] + 1}] + m * {n} * B, *d_state{k} = first{k}, *d_next{k} = p[{at[k] + 2}];"
            f" real *total{k} = p[{at[k] + 3}]; double *norms{k} = p[{at[k] + 4}];"
            for k, n in enumerate(words)
        ),
        "for (long t = T - 1; t >= 0; t--) {",
        "const real *x = (real *)p[0] + m * s[0] + t * s[1];",
        "const real *d_y = t >= T - last ? (real *)p[6] + m * s[2] + (t - (T - last)) * s[3] : (real *)p[7];",
        f"real *tape = (real *)p[2] + (m * T + t) * (TAPE * B + {tape[1]});",
        *(
            f"real *state{k} = (real *)p[{at[k]}] + (m * (T + 1) + t) * {n} * B, *next{k} = state{k} + {n} * B;"
            for k, n in enumerate(words)
        ),
        *phase.lines,
        *(
            f"if (norms{k}) norms{k}[m * T + t] = {f'norm_of({n} * B, total{k})' if part in totals else '0'};"
            for k, (n, part) in enumerate(zip(words, parts, strict=True))
        ),
        *(f"real *swapped{k} = d_state{k}; d_state{k} = d_next{k}; d_next{k} = swapped{k};" for k in range(len(words))),
        "}",
        *(
            f"if (d_state{k} != first{k}) memcpy(first{k}, d_state{k}, {n} * B * sizeof(real));"
            for k, n in enumerate(words)
        ),
        "}}",
    ]
    return "\n".join(lines)
