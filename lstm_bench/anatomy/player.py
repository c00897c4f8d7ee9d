"""The steps of a walk as a player: each with its diagram, its sums, its printed numbers, and sliders for its gates."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from lstm_bench.anatomy.audit import audit
from lstm_bench.anatomy.diagram import ALT, alt, draw_cell
from lstm_bench.anatomy.numerals import minus, short
from lstm_bench.anatomy.walk import DECISIONS, GATE_RANGES, STEP_EQUATIONS, Walk, recompute
from lstm_bench.report.document import Block, Correction, Entry, Table
from lstm_bench.report.interactive import Filled, Player, PlayerStep, Slider, fill
from lstm_bench.report.style import inline_svg, lettered_svg

WIRES = {"h_before": "h before", "c_before": "c before", "tanh_c": "tanh(c)"}  # where a wire has another name
NUMBERS = ("h_before", "c_before", "f", "i", "g", "o", "keep", "written", "c", "tanh_c", "h")
GATE_LABELS = {"f": "forget gate f", "i": "input gate i", "g": "candidate g", "o": "output gate o"}
SLIDER_STEP = 0.01
SUMS = (  # what, how, result
    ("keep = f × cₜ₋₁", "{f} × {(c_before)}", "{keep}"),
    ("write = i × g", "{i} × {(g)}", "{written}"),
    ("cₜ = keep + write", "{keep} + {(written)}", "{c}"),
    ("hₜ = o × tanh cₜ", "{o} × {(tanh_c)}", "{h}"),
)
DESCRIPTION = (
    "t = {t}, “{x}”. The forget gate, {f}, keeps {keep} of the memory {c_before}. Input gate times candidate, "
    "{i} × {(g)}, writes {written}. The memory becomes {c}. The output gate, {o}, shows {h} of its tanh, {tanh_c}. "
    "In short: {decision}."
)


def walk_player(walk: Walk) -> Player:
    """Return the player of a walk."""
    audited, recomputed = audit(walk), recompute(walk)
    largest = max(float(recomputed["c"].abs().max()), 1e-9)
    rows = [{str(k): v for k, v in row.items()} for row in recomputed.to_dict("records")]
    steps = [
        _step(row, audited.loc[audited["t"] == row["t"]], row["t"] in walk.boundaries, abs(row["c"]) / largest)
        for row in rows
    ]
    return Player(steps, "printed" if walk.printed else "given", DECISIONS)


def _step(row: Mapping[str, Any], audited: pd.DataFrame, begins: bool, share: float) -> PlayerStep:
    on_wires: dict[str, list[float] | str] = {name: [float(row[WIRES.get(name, name)])] for name in NUMBERS}
    on_wires["x"] = str(row["word"])
    texts = {name: minus(short(float(row[WIRES.get(name, name)]))) for name in NUMBERS}
    texts |= {"t": str(row["t"]), "x": str(row["word"]), "decision": str(row["decision"])}
    return PlayerStep(
        word=str(row["word"]),
        begins=begins,
        value=fill("{c}", texts),
        share=share,
        svg=inline_svg(lettered_svg(draw_cell(on_wires)), f"step-{row['t']}", alt(on_wires)),
        decision=f"{texts['decision'].capitalize()}.",
        blocks=[_sums_table(texts), *_printed_table(audited, texts)],
        description=fill(DESCRIPTION, texts),
        alt=ALT,
        sliders=[
            Slider(gate, label, *GATE_RANGES[gate], SLIDER_STEP, float(row[gate]))
            for gate, label in GATE_LABELS.items()
        ],
    )


def _sums_table(texts: Mapping[str, str]) -> Table:
    rows = [
        [Entry(what, sort=place), *(Entry((fill(part, texts),), sort=place) for part in (how, result))]
        for place, (what, how, result) in enumerate(SUMS)
    ]
    return Table([("What", ""), ("How", ""), ("Result", "")], rows, "Sums", is_prose=True)


def _printed_table(audited: pd.DataFrame, texts: Mapping[str, str]) -> list[Block]:
    """Return a table of the printed numbers of a step above the recomputed ones; none where nothing is printed."""
    if audited.empty:
        return []
    printed = {(row["table"], row["quantity"]): row for row in audited.to_dict("records")}
    quantities = [name for name in (*GATE_LABELS, *STEP_EQUATIONS) if any(name == known for _, known in printed)]
    rows = [
        [Entry(str(table).capitalize(), sort=str(table)), *(printed_entry(printed.get((table, q))) for q in quantities)]
        for table in audited["table"].unique()
    ]
    names = {heading: name for name, heading in WIRES.items()}
    recomputed: list[Filled] = [fill(f"{{{names.get(quantity, quantity)}}}", texts) for quantity in quantities]
    rows.append([Entry("Recomputed", sort="~"), *(Entry((value,)) for value in recomputed)])
    return [Table([("In print", ""), *((quantity, "") for quantity in quantities)], rows, "In print")]


def printed_entry(row: Mapping[Any, Any] | None) -> Entry:
    """Return a printed number, with the right one next to a wrong one; an empty entry where nothing is printed."""
    if row is None:
        return Entry("")
    printed, right = str(row["printed"]), str(row["right"])
    text = (Correction(printed, right),) if row["verdict"] == "wrong" else printed
    below = (f"rounding: {right}",) if row["verdict"] == "rounding" else ()
    return Entry(text, below, sort=float(printed))
