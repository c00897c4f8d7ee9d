"""Trained cells read the explainer's two sentences: every gate and every part of the state, word by word."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.wording import listed, significant
from lstm_bench.records.plan import JobPlan
from lstm_bench.report.panels import name_axes, new_figure
from lstm_bench.report.style import INK, themed

QUESTION = "What do the seven words do to a trained cell?"
METHOD = (
    "Each row of a panel is a unit. Gates go from 0 (dark) to 1 (light); the candidate g and the state are red above 0 "
    "and blue below. The number above a word is the mean of a gate over units, or the norm of g, c or h over units. "
    "Lines mark the boundary between the sentences."
)
ORDER = ("f", "i", "g", "o", "r", "z", "c", "h")
GATES = ("f", "i", "o", "r", "z")
BOUNDARY = "."


@themed
def draw(study: StudyData) -> Figure:
    """Draw a column per cell, a panel per gate or state: units against words."""
    walks = {cell: walk_of(study, cell)[1] for cell in _walked(study)}
    names = [name for name in ORDER if any((rows["name"] == name).any() for rows in walks.values())]
    figure = new_figure(0.7 + 1.25 * len(names))
    grid = figure.subplots(len(names), len(walks), squeeze=False)
    words = _job(study).sentence
    for column, (cell, rows) in zip(grid.T, walks.items(), strict=True):
        column[0].set_title(cell, fontsize="medium", pad=14)
        for axes, name in zip(column, names, strict=True):
            _draw_value(axes, rows.loc[rows["name"] == name], name, words)
            axes.tick_params(labelbottom=axes is column[-1])
    name_axes(figure, y="units, in the order of their last value")
    return figure


def _draw_value(axes: Axes, rows: pd.DataFrame, name: str, words: list[str]) -> None:
    if rows.empty:
        axes.set_axis_off()
        return
    table = rows.pivot_table(index="unit", columns="at", values="value").to_numpy()
    table = table[np.argsort(table[:, -1])]
    if name in GATES:
        shades: Any = {"cmap": "viridis", "vmin": 0, "vmax": 1}
    else:
        largest = float(np.abs(table).max())
        shades = {"cmap": "RdBu_r", "vmin": -largest, "vmax": largest}
    image = axes.imshow(table, aspect="auto", interpolation="nearest", origin="lower", **shades)
    axes.figure.colorbar(image, ax=axes, pad=0.02, aspect=8)
    axes.set_ylabel(name, rotation=0, labelpad=10)
    axes.set_xticks(range(len(words)), words, rotation=40, ha="right", fontsize="small")
    axes.set_yticks([])
    _number_columns(axes, table, name)
    axes.grid(visible=False)
    for place, word in enumerate(words):
        if word == BOUNDARY:
            for edge in (place - 0.5, place + 0.5):
                axes.axvline(edge, color=INK, linewidth=1.0)


def _number_columns(axes: Axes, table: NDArray[np.float64], name: str) -> None:
    """Write above each word the mean over units of a gate, or the norm over units of any other value."""
    numbers = table.mean(axis=0) if name in GATES else np.linalg.norm(table, axis=0)
    for place, number in enumerate(numbers):
        axes.annotate(
            significant(float(number), 2),
            (place, 1.02),
            xycoords=("data", "axes fraction"),
            ha="center",
            fontsize="x-small",
        )


def walk_of(study: StudyData, cell: str) -> tuple[int, pd.DataFrame]:
    """Return the walk of a cell's first member through the sentence at the shortest lag: its seed (or -1) and rows.

    Columns: name (of a gate, a candidate or a state), unit, at (place of the word), value; "answer" has unit -1.
    """
    probes = study.probes
    curves = probes.loc[(probes["probe"] == "learned_walk") & (probes["cell"] == cell)]
    curves = curves.loc[(curves["lag"] == curves["lag"].min())]
    curves = curves.loc[curves["seed"] == curves["seed"].min()]
    names = curves["quantity"].astype(str).str.split(" ", n=1, expand=True).reindex(columns=[0, 1])
    rows = curves[["at", "value"]].assign(name=names[0], unit=names[1].fillna("-1").astype(int))
    return (int(curves["seed"].min()) if len(curves) else -1), rows


def _walked(study: StudyData) -> list[str]:
    return [cell for cell in study.cells if len(walk_of(study, cell)[1])]


def _job(study: StudyData) -> JobPlan:
    return min(study.plan.jobs, key=lambda job: job.lag)


def finding(study: StudyData) -> str:
    """Return what each cell answers at each word; "" where the study has no walk."""
    cells = _walked(study)
    answers = "; ".join(_answers(study, cell) for cell in cells)
    return f"At lag {_job(study).lag}, one member each: {answers}." if cells else ""


def _answers(study: StudyData, cell: str) -> str:
    job = _job(study)
    seed, rows = walk_of(study, cell)
    answers = rows.loc[rows["name"] == "answer"].sort_values("at")["value"].astype(int).tolist()
    pairs = [f"{word}: {job.answers[answer]}" for word, answer in zip(job.sentence, answers, strict=True)]
    return f"{cell} (seed {seed}) answers {listed(pairs)}"


def rows(study: StudyData) -> pd.DataFrame:
    """Return the rows behind the figure."""
    walks = [
        walk_of(one_task, cell)[1].assign(task=one_task.task, cell=cell)
        for one_task in study.by_task()
        for cell in _walked(one_task)
    ]
    columns = ["study", "task", "cell", "name", "unit", "at", "value"]
    return pd.concat(walks).assign(study=study.plan.study)[columns] if walks else pd.DataFrame(columns=columns)
