"""The cells of the library torchrecurrent: their classes, and what of them no signature says.

Not in it are IntersectionRNNCell, whose output mixes x with a vector of H numbers, so that it runs where D = H alone,
and RHNCell, which the library does not export.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from torch import Tensor

ZooName = Literal[
    "antisymmetric", "atr", "br", "cfn", "cornn", "dsgu", "fastgrnn", "fastrnn", "gated_antisymmetric", "indrnn",
    "janet", "lem", "lightru", "ligru", "mclstm", "mgu", "minimalrnn", "miru1", "miru2", "mlstm", "mut1", "mut2",
    "mut3", "nas", "nbr", "original_lstm", "peephole", "ran", "reslstm", "scrn", "sgrn", "sgu", "star", "taugru",
    "tgru", "tlstm", "trnn", "ugrnn", "unicornn", "wmclstm",
]  # fmt: skip


class OutputAndMemory(NamedTuple):
    """The output h [B, H] and a second state c [B, H]: memory, velocity or context."""

    h: Tensor
    c: Tensor


class ControlAndMemory(NamedTuple):
    """What the gates read, v [B, H], and the memory c [B, H]; the output is a third vector."""

    v: Tensor
    c: Tensor


class OutputAndInput(NamedTuple):
    """The output h [B, H] and the input x [B, D] of the step before."""

    h: Tensor
    x: Tensor


class MemoryAndInput(NamedTuple):
    """The memory c [B, H] and the input x [B, D] of the step before; the output is a third vector."""

    c: Tensor
    x: Tensor


class OutputAndPast(NamedTuple):
    """The output h [B, H] and the outputs of `delay` steps before it, past [B, delay, H], the oldest first."""

    h: Tensor
    past: Tensor


ZooState = Tensor | OutputAndMemory | ControlAndMemory | OutputAndInput | MemoryAndInput | OutputAndPast


@dataclass(frozen=True)
class LibraryCell:
    """What is known of a class of the library.

    Attributes:
        library: the name of the class.
        nonlinearities: sigmoids, tanhs, relus and the like that a unit evaluates in a step, as the library starts it.
        scalars: nonlinearities of the whole cell beside those of its units.
        state: the form of the state; None for h alone.
        fixed: the parameter of the library that the paper holds constant, and so do we.
        chrono: the gate whose bias the paper spreads over time scales: its block of rows, and the sign with which
            chrono's bias stands, 1 where the gate keeps the state and -1 where it renews it.
    """

    library: str
    nonlinearities: int
    scalars: int = 0
    state: type[ZooState] | None = None
    fixed: str | None = None
    chrono: tuple[int, int] | None = None


CATALOGUE: Mapping[ZooName, LibraryCell] = {
    "antisymmetric": LibraryCell("AntisymmetricRNNCell", 1),
    "atr": LibraryCell("ATRCell", 2),
    "br": LibraryCell("BRCell", 3),
    "cfn": LibraryCell("CFNCell", 4),
    "cornn": LibraryCell("coRNNCell", 1, state=OutputAndMemory),
    "dsgu": LibraryCell("DSGUCell", 3),
    "fastgrnn": LibraryCell("FastGRNNCell", 2, scalars=2),
    "fastrnn": LibraryCell("FastRNNCell", 1, scalars=2),
    "gated_antisymmetric": LibraryCell("GatedAntisymmetricRNNCell", 2),
    "indrnn": LibraryCell("IndRNNCell", 1),
    "janet": LibraryCell("JANETCell", 3, fixed="beta", chrono=(0, 1)),
    "lem": LibraryCell("LEMCell", 4, state=OutputAndMemory),
    "lightru": LibraryCell("LightRUCell", 2),
    "ligru": LibraryCell("LiGRUCell", 2),
    "mclstm": LibraryCell("MCLSTMCell", 6, state=ControlAndMemory),
    "mgu": LibraryCell("MGUCell", 2),
    "minimalrnn": LibraryCell("MinimalRNNCell", 2),
    "miru1": LibraryCell("MiRU1Cell", 2),
    "miru2": LibraryCell("MiRU2Cell", 1),
    "mlstm": LibraryCell("MultiplicativeLSTMCell", 5, state=OutputAndMemory),
    "mut1": LibraryCell("MUT1Cell", 4),
    "mut2": LibraryCell("MUT2Cell", 3),
    "mut3": LibraryCell("MUT3Cell", 4),
    "nas": LibraryCell("NASCell", 15, state=OutputAndMemory),
    "nbr": LibraryCell("NBRCell", 3),
    "original_lstm": LibraryCell("OriginalLSTMCell", 4, state=OutputAndMemory),
    "peephole": LibraryCell("PeepholeLSTMCell", 5, state=OutputAndMemory),
    "ran": LibraryCell("RANCell", 3, state=OutputAndMemory),
    "reslstm": LibraryCell("ResLSTMCell", 5, state=OutputAndMemory),
    "scrn": LibraryCell("SCRNCell", 2, state=OutputAndMemory, fixed="alpha"),
    "sgrn": LibraryCell("SGRNCell", 2),
    "sgu": LibraryCell("SGUCell", 3),
    "star": LibraryCell("STARCell", 3, chrono=(1, -1)),
    "taugru": LibraryCell("tauGRUCell", 4, state=OutputAndPast),
    "tgru": LibraryCell("TGRUCell", 2, state=OutputAndInput),
    "tlstm": LibraryCell("TLSTMCell", 2, state=MemoryAndInput),
    "trnn": LibraryCell("TRNNCell", 1),
    "ugrnn": LibraryCell("UGRNNCell", 2),
    "unicornn": LibraryCell("UnICORNNCell", 3, state=OutputAndMemory),
    "wmclstm": LibraryCell("WMCLSTMCell", 8, state=OutputAndMemory),
}
