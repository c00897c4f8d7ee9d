"""The cells of the library torchrecurrent: their classes, and the facts that no signature gives.

Not in it are IntersectionRNNCell, whose output mixes x with a vector of H numbers, so that it runs only where D = H,
and RHNCell, which the library does not export.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
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
    """The vector v [B, H] that the gates read and the memory c [B, H]; the output is a third vector."""

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
    """Facts about a class of the library.

    Attributes:
        library: the name of the class.
        state: the form of the state; None for h alone.
        fixed: the parameter of the library that the paper, and so the adapter, holds constant.
        chrono: the gate whose bias the paper spreads over time scales: its block of rows, and the sign of
            chrono's bias, 1 where the gate keeps the state and -1 where it renews it.
        uses: how often a step multiplies by a weight, where that is not once.
    """

    library: str
    state: type[ZooState] | None = None
    fixed: str | None = None
    chrono: tuple[int, int] | None = None
    uses: Mapping[str, int] = field(default_factory=dict)


CATALOGUE: Mapping[ZooName, LibraryCell] = {
    "antisymmetric": LibraryCell("AntisymmetricRNNCell"),
    "atr": LibraryCell("ATRCell"),
    "br": LibraryCell("BRCell"),
    "cfn": LibraryCell("CFNCell"),
    "cornn": LibraryCell("coRNNCell", state=OutputAndMemory),
    "dsgu": LibraryCell("DSGUCell"),
    "fastgrnn": LibraryCell("FastGRNNCell"),
    "fastrnn": LibraryCell("FastRNNCell"),
    "gated_antisymmetric": LibraryCell("GatedAntisymmetricRNNCell", uses={"weight_hh": 2}),
    "indrnn": LibraryCell("IndRNNCell"),
    "janet": LibraryCell("JANETCell", fixed="beta", chrono=(0, 1)),
    "lem": LibraryCell("LEMCell", state=OutputAndMemory),
    "lightru": LibraryCell("LightRUCell"),
    "ligru": LibraryCell("LiGRUCell"),
    "mclstm": LibraryCell("MCLSTMCell", state=ControlAndMemory),
    "mgu": LibraryCell("MGUCell"),
    "minimalrnn": LibraryCell("MinimalRNNCell"),
    "miru1": LibraryCell("MiRU1Cell"),
    "miru2": LibraryCell("MiRU2Cell"),
    "mlstm": LibraryCell("MultiplicativeLSTMCell", state=OutputAndMemory),
    "mut1": LibraryCell("MUT1Cell"),
    "mut2": LibraryCell("MUT2Cell"),
    "mut3": LibraryCell("MUT3Cell"),
    "nas": LibraryCell("NASCell", state=OutputAndMemory),
    "nbr": LibraryCell("NBRCell"),
    "original_lstm": LibraryCell("OriginalLSTMCell", state=OutputAndMemory),
    "peephole": LibraryCell("PeepholeLSTMCell", state=OutputAndMemory),
    "ran": LibraryCell("RANCell", state=OutputAndMemory),
    "reslstm": LibraryCell("ResLSTMCell", state=OutputAndMemory),
    "scrn": LibraryCell("SCRNCell", state=OutputAndMemory, fixed="alpha"),
    "sgrn": LibraryCell("SGRNCell"),
    "sgu": LibraryCell("SGUCell"),
    "star": LibraryCell("STARCell", chrono=(1, -1)),
    "taugru": LibraryCell("tauGRUCell", state=OutputAndPast),
    "tgru": LibraryCell("TGRUCell", state=OutputAndInput),
    "tlstm": LibraryCell("TLSTMCell", state=MemoryAndInput),
    "trnn": LibraryCell("TRNNCell"),
    "ugrnn": LibraryCell("UGRNNCell"),
    "unicornn": LibraryCell("UnICORNNCell", state=OutputAndMemory, uses={"weight_ch": 2}),
    "wmclstm": LibraryCell("WMCLSTMCell", state=OutputAndMemory),
}
