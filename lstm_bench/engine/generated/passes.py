"""The C of both passes of a program: all steps of one member after another, around the operations of a step."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lstm_bench.engine.generated.buffers import Arena
from lstm_bench.engine.generated.emission import Emitter

HEADERS = ("vectors.h", "products.h", "nonlinearities.h", "step.h")
SIGNATURE = "(long M, long T, long B, long last, void **p, const long *s)"


class Part(NamedTuple):
    """A part of the state: how many numbers a sequence has of it, and whether its total derivative is known."""

    words: int
    has_total: bool


@dataclass(frozen=True)
class Passes:
    """Write both passes.

    They take the numbers M of members, T of steps, B of sequences and `last` of steps that the loss reads, the buffers
    p, and the strides s of x and d_y, from member to member and from step to step.

    Args:
        parts: the parts of the state.
        width: the width of the output.
        constants: how many numbers each constant has.
        tape, others, sums: the arenas, after both phases have placed their buffers in them.
    """

    parts: Sequence[Part]
    width: int
    constants: Sequence[int]
    tape: Arena
    others: Sequence[Arena]
    sums: Arena

    @property
    def pointers(self) -> list[str]:
        """Return the names of the buffers in p."""
        of_a_part = ("state", "d_state", "d_next", "total", "norms")
        return [
            *("x", "y", "tape", "scratch", "panels", "sums", "d_y", "zeros"),
            *(f"{name}{k}" for k in range(len(self.parts)) for name in of_a_part),
            *(f"constant{k}" for k in range(len(self.constants))),
        ]

    def source(self, forward: Emitter, backward: Emitter) -> str:
        """Return the whole program, given the operations of a step in either direction."""
        lines = [
            *(f'#include "{name}"' for name in HEADERS),
            *(arena.definition for arena in (self.tape, *self.others)),
            *self._forward(forward),
            *self._backward(backward),
            "",
        ]
        return "\n".join(lines)

    def _p(self, name: str) -> str:
        return f"(real *)p[{self.pointers.index(name)}]"

    def _members(self, function: str, phase: Emitter) -> list[str]:
        """Return the head of a pass: everything that is the same at all steps of a member."""
        return [
            f"void {function}{SIGNATURE} {{",
            f"real *scratch = {self._p('scratch')}, *panels = {self._p('panels')};",
            "for (long m = 0; m < M; m++) {",
            *(f"const real *constant{k} = {self._p(f'constant{k}')} + m * {n};" for k, n in enumerate(self.constants)),
            *phase.packing,
        ]

    def _step(self) -> list[str]:
        """Return the addresses at step t that both passes use."""
        tape = f"(TAPE * B + {self.tape.words[1]})"
        return [
            f"const real *x = {self._p('x')} + m * s[0] + t * s[1];",
            f"real *y = {self._p('y')} + (m * T + t) * {self.width} * B;",
            f"real *tape = {self._p('tape')} + (m * T + t) * {tape};",
            *(
                f"real *state{k} = {self._p(f'state{k}')} + (m * (T + 1) + t) * {part.words} * B, "
                f"*next{k} = state{k} + {part.words} * B;"
                for k, part in enumerate(self.parts)
            ),
        ]

    def _forward(self, phase: Emitter) -> list[str]:
        loop = "for (long t = 0; t < T; t++) {"
        return [*self._members("forward", phase), loop, *self._step(), *phase.lines, "}}}"]

    def _backward(self, phase: Emitter) -> list[str]:
        of_loss = f"{self._p('d_y')} + m * s[2] + (t - (T - last)) * s[3]"
        return [
            *self._members("backward", phase),
            f"real *sums = {self._p('sums')} + m * {self.sums.words[1]};",
            *(line for k, part in enumerate(self.parts) for line in self._arriving(k, part)),
            "for (long t = T - 1; t >= 0; t--) {",
            *self._step(),
            f"const real *d_y = t >= T - last ? {of_loss} : {self._p('zeros')};",
            *phase.lines,
            *(line for k, part in enumerate(self.parts) for line in _departing(k, part)),
            "}",
            *(
                f"if (d_state{k} != first{k}) memcpy(first{k}, d_state{k}, {part.words} * B * sizeof(real));"
                for k, part in enumerate(self.parts)
            ),
            "}}",
        ]

    def _arriving(self, k: int, part: Part) -> list[str]:
        return [
            f"real *first{k} = {self._p(f'd_state{k}')} + m * {part.words} * B, *d_state{k} = first{k};",
            f"real *d_next{k} = {self._p(f'd_next{k}')}, *total{k} = {self._p(f'total{k}')};",
            f"double *norms{k} = p[{self.pointers.index(f'norms{k}')}];",
        ]


def _departing(k: int, part: Part) -> list[str]:
    norm = f"norm_of({part.words} * B, total{k})" if part.has_total else "0"
    return [
        f"if (norms{k}) norms{k}[m * T + t] = {norm};",
        f"real *swapped{k} = d_state{k}; d_state{k} = d_next{k}; d_next{k} = swapped{k};",
    ]
