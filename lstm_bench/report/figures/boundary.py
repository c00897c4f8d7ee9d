"""The sentence boundary: what remains of a sentence after it, and whether answers need it."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lstm_bench.analysis.boundary import (
    BOUNDARY,
    GATE_AT,
    LEFT,
    NEEDED,
    STRENGTH,
    WORD,
    boundary_numbers,
    boundary_summary,
    judged_lag,
)
from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.gradients import WHEN
from lstm_bench.analysis.wording import NOT_AVAILABLE, listed
from lstm_bench.report.figures.findings import by_cell, with_interval
from lstm_bench.report.figures.moments import last_moment
from lstm_bench.report.figures.table_rows import rows_by_cell, rows_where
from lstm_bench.report.panels import (
    cell_entries,
    draw_band,
    legend,
    legend_entry,
    new_figure,
    note_in,
    reference_line,
)
from lstm_bench.report.style import MUTED, colours, themed

QUESTION = "Does the end of a sentence erase it?"
METHOD = (
    "Each sequence is read twice, with a boundary and with an ordinary word in its place; fillers follow. Content is "
    "the held-out r^2, chance subtracted, of a linear read-out from the whole state of what the sentence before the "
    "boundary said. Right answers are those that are right with the boundary, to the words that the task draws. The "
    "gate is the one that keeps the state: its mean at that word, over units weighted by how much of the content they "
    "carry. Interquartile means over members with 95% bootstrap intervals, at the longest lag that most members of "
    "every cell solve, or else the shortest."
)
PANELS = {"content": "content of the sentence\nthat can be read (r²)", "right answers": "share of right answers"}
GATE_LABEL = "gate that keeps the state,\non units with the content"
SIDES: Mapping[str, Any] = {BOUNDARY: "-", WORD: (0, (3, 2))}
SIDE_WORDS = {BOUNDARY: "with the boundary", WORD: "with a word in its place"}
PLACES = {WORD: 0.0, BOUNDARY: 1.0}  # along x of the gate's panel
HALF = 0.5


@themed
def draw(study: StudyData) -> Figure:
    """Draw content and right answers against steps since the boundary, dashed without it, and the gate at both."""
    summary, shades = _shown(study, boundary_summary(study)), colours(study.cells)
    figure = new_figure(3.4)
    panels: Sequence[Axes] = figure.subplots(1, 3, width_ratios=[3, 3, 2])
    for axes, (name, label) in zip(panels, PANELS.items(), strict=False):
        for side, dashes in SIDES.items():
            for cell, rows in rows_by_cell(study, rows_where(summary, quantity=f"{name} after {side}")).items():
                ends = rows["low"], rows["high"]
                draw_band(axes, rows["at"], rows["middle"], ends, shades[cell], linestyle=dashes, marker=".")
        axes.set(ylim=(-0.03, 1.03), ylabel=label, xlabel="steps after the boundary")
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    _draw_gates(panels[2], study, shades)
    sides = [legend_entry(SIDE_WORDS[side], color=MUTED, linestyle=dashes) for side, dashes in SIDES.items()]
    legend(figure, [*cell_entries(study.cells, shades), *sides])
    return figure


def _shown(study: StudyData, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the lag that is shown, at the end of training or, where that was not measured, its start."""
    at_lag = rows_where(rows, lag=judged_lag(study))
    return at_lag if at_lag.empty else last_moment(at_lag)


def _draw_gates(axes: Axes, study: StudyData, shades: Mapping[str, str]) -> None:
    numbers = _shown(study, boundary_numbers(study))
    kept = pd.concat([rows_where(numbers, quantity=name).assign(x=PLACES[side]) for side, name in GATE_AT.items()])
    for cell, rows in rows_by_cell(study, kept.sort_values("x")).items():
        draw_band(axes, rows["x"], rows["middle"], (rows["low"], rows["high"]), shades[cell], marker="o")
    axes.set(xlim=(-0.3, 1.3), ylim=(-0.03, 1.03), ylabel=GATE_LABEL)
    axes.set_xticks(list(PLACES.values()), ["at a word", "at the\nboundary"])
    reference_line(axes, y=HALF)
    if kept.empty:
        note_in(axes, "no such gate")


def finding(study: StudyData) -> str:
    """Return what remains of a sentence, the answers that need its end, and the gate; "" where nothing was measured."""
    numbers = _shown(study, boundary_numbers(study))
    if numbers.empty:
        return ""
    content = rows_where(numbers, quantity=LEFT).set_index("cell")["middle"].to_dict()
    texts = {cell: _words(cell_numbers) for cell, cell_numbers in rows_by_cell(study, numbers).items()}
    named = "; ".join(by_cell(texts, lambda cell: content.get(cell, 0.0)))
    when = WHEN[str(numbers["moment"].iloc[0])].capitalize()
    against = "one step after the end of a sentence, against an ordinary word in its place"
    return f"{when}, at lag {numbers['lag'].iloc[0]}, {against}: {named}."


def _words(numbers: pd.DataFrame) -> str:
    """Return what one cell keeps of a sentence, the answers that it loses without a boundary, and its gate."""
    texts = dict.fromkeys((LEFT, STRENGTH, NEEDED), NOT_AVAILABLE)  # where a state holds nothing
    texts |= {str(row["quantity"]): with_interval(row) for row in numbers.to_dict("records")}
    parts = [
        f"keeps {texts[LEFT]} of what can be read of it, with {texts[STRENGTH]} of its variance",
        f"loses {texts[NEEDED]} of its right answers without the boundary",
    ]
    if GATE_AT[BOUNDARY] in texts:
        parts.append(f"has its gate at {texts[GATE_AT[BOUNDARY]]}, and at {texts[GATE_AT[WORD]]} at the word")
    return listed(parts)


def rows(study: StudyData) -> pd.DataFrame:
    """Return the rows behind the figure, of all lags; `at` is missing where a number does not depend on the steps."""
    parts = [boundary_summary(study), boundary_numbers(study)]
    return pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True).assign(
        study=study.plan.study
    )
