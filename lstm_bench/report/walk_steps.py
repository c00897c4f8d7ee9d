"""The steps of a walk for the page: a diagram, the sums, and the step in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from lstm_bench.analysis.walk_audit import audit
from lstm_bench.analysis.worked_example import Walk, recompute
from lstm_bench.report.figures.cell_diagram import alt, draw_cell
from lstm_bench.report.numerals import minus, short
from lstm_bench.report.style import inline_svg, lettered_svg

WIRES = {"h_before": "h before", "c_before": "c before", "tanh_c": "tanh(c)"}
NUMBERS = ("h_before", "c_before", "f", "i", "g", "o", "keep", "written", "c", "tanh_c", "h")


@dataclass(frozen=True)
class Word:
    """A word of the walk: whether a further sentence begins with it, c after it, and |c| as a share of the largest."""

    t: int
    word: str
    begins: bool
    c: str
    share: float


@dataclass(frozen=True)
class Step:
    """One step: the diagram, its sums (what, how, result), its decision, it all in words, and what print has wrong."""

    t: int
    word: str
    svg: str
    sums: list[tuple[str, str, str]]
    decision: str
    told: str
    corrections: list[str]


def make_words(walk: Walk) -> list[Word]:
    """Return the words of a walk with what stands in memory after each."""
    frame = recompute(walk)
    most = max(float(frame["c"].abs().max()), 1e-9)
    return [
        Word(t, word, t in walk.boundaries, minus(short(c)), abs(c) / most)
        for t, (word, c) in enumerate(zip(frame["word"], frame["c"].astype(float), strict=True), start=1)
    ]


def make_steps(walk: Walk) -> list[Step]:
    """Draw and tell every step."""
    audited = audit(walk)
    rows = recompute(walk).to_dict("records")
    return [_step({str(k): v for k, v in row.items()}, audited.loc[audited["t"] == row["t"]]) for row in rows]


def _step(row: Mapping[str, Any], audited: pd.DataFrame) -> Step:
    t, word = int(row["t"]), str(row["word"])
    on_wires: dict[str, list[float] | str] = {name: [float(row[WIRES.get(name, name)])] for name in NUMBERS}
    on_wires["x"] = word
    svg = inline_svg(lettered_svg(draw_cell(on_wires)), f"step-{t}", alt(on_wires))
    wrong = audited.loc[~audited["agrees"]]
    corrections = [
        f"{row.table}: {row.quantity} = {row.printed}, right is {row.right}" for row in wrong.itertuples(index=False)
    ]
    return Step(t, word, svg, _sums(row), str(row["decision"]), _told(row), corrections)


def _sums(row: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    n = _short(row)
    return [
        ("keep = f × cₜ₋₁", f"{n['f']} × {n['c before']}", n["keep"]),
        ("write = i × g", f"{n['i']} × {_in_brackets(n['g'])}", n["written"]),
        ("cₜ = keep + write", f"{n['keep']} + {_in_brackets(n['written'])}", n["c"]),
        ("hₜ = o × tanh cₜ", f"{n['o']} × {_in_brackets(n['tanh(c)'])}", n["h"]),
    ]


def _in_brackets(number: str) -> str:
    return f"({number})" if number.startswith("−") else number


def _told(row: Mapping[str, Any]) -> str:
    n = _short(row)
    return (
        f"t = {row['t']}, “{row['word']}”. The forget gate, {n['f']}, keeps {n['keep']} of the memory {n['c before']}. "
        f"Input gate times candidate, {n['i']} × {_in_brackets(n['g'])}, writes {n['written']}. The memory becomes "
        f"{n['c']}. The output gate, {n['o']}, shows {n['h']} of its tanh, {n['tanh(c)']}. "
        f"In short: {row['decision']}."
    )


def _short(row: Mapping[str, Any]) -> dict[str, str]:
    return {name: minus(short(value)) for name, value in row.items() if isinstance(value, float)}
