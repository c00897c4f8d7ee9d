"""Embedded Reber strings without the package: drawn branch by branch, with rejection; judged by an expression."""

import random
import re
from collections import Counter
from functools import lru_cache

import torch
from torch import Tensor

SYMBOLS, SETS = "BTPSXVE", ("B", "E", "T", "P", "TP", "SX", "TV", "PV")
TAIL = "(?:XT*VP)*(?:S|XT*VV)"  # from the node with X or S to the end
INNER = f"B(?:TS*X{TAIL}|PT*V(?:V|P{TAIL}))E"
STRING = re.compile(f"BT{INNER}TE|BP{INNER}PE")
BRANCHES = {
    1: (("T", 2), ("P", 3)), 2: (("S", 2), ("X", 4)), 3: (("T", 3), ("V", 5)), 4: (("X", 3), ("S", 6)),
    5: (("P", 4), ("V", 6)),
}  # fmt: skip


def set_at(node: int) -> str:
    """Return the set of symbols that may follow at a node, 6 the last."""
    return "E" if node == 6 else "".join(sorted((symbol for symbol, _ in BRANCHES[node]), key="TPSXV".index))


def inner_string(chance: random.Random, shortest: int = 5) -> tuple[str, list[str]]:
    """Return an inner string with the set that follows each of its symbols but the last, drawn until it is long."""
    while True:
        symbols, sets, node = "B", [], 1
        while node != 6:
            sets.append(set_at(node))
            symbol, node = chance.choice(BRANCHES[node])
            symbols += symbol
        if len(symbols) + 1 >= shortest:
            return symbols + "E", [*sets, "E"]


def stream(chance: random.Random, lag: int, strings: int) -> tuple[str, list[str]]:
    """Return embedded strings one after another, and the set that follows each symbol."""
    symbols, sets = "", []
    for _ in range(strings):
        inner, inner_sets = inner_string(chance, lag)
        cue = chance.choice("TP")
        symbols += f"B{cue}{inner}{cue}E"
        sets += ["TP", "B", *inner_sets, cue, "E", "B"]
    return symbols, sets


@lru_cache
def counted(lag: int, length: int, dialect: str) -> Tensor:
    """Return how often each set follows each symbol in 3,000 sequences, as shares of the symbol's [7, 8]."""
    chance, counts = random.Random(7), Counter[tuple[str, str]]()
    enough = 1 if dialect == "single" else length // (lag + 4) + 1
    for _ in range(3000):
        symbols, sets = stream(chance, lag, enough)
        counts.update(zip(symbols[:length], sets[:length], strict=True))
    table = torch.tensor([[float(counts[symbol, following]) for following in SETS] for symbol in SYMBOLS])
    return table / table.sum(dim=1, keepdim=True)
