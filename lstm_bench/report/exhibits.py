"""The figures of a report, in the order in which a reader asks."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol, TypeVar

import pandas as pd
from matplotlib.figure import Figure

from lstm_bench.analysis.contest import Contest
from lstm_bench.analysis.frames import Study
from lstm_bench.report.figures import (
    boundary,
    contest,
    forgetting,
    gate_traces,
    gradient_bounds,
    gradient_flow,
    gradient_milestones,
    gradient_paths,
    learned_walk,
    learning_curves,
    length_generalisation,
    limit_share,
    same_word,
    solve_rate,
    spans,
    speed,
    state_and_gates,
    state_gradients,
    tuning,
)
from lstm_bench.report.style import inline_svg, save

S_contra = TypeVar("S_contra", contravariant=True)  # what is drawn: a study narrowed to one task, or a contest


class FigureFile(Protocol[S_contra]):
    """What every file in figures/ that holds a figure offers."""

    QUESTION: str

    def draw(self, study: S_contra) -> Figure:
        """Return the figure."""
        ...

    def caption(self, study: S_contra) -> str:
        """Return the finding in words and numbers; "" leaves the figure out of the page."""
        ...

    def alt(self, study: S_contra) -> str:
        """Return a description for who cannot see it."""
        ...

    def rows(self, study: S_contra) -> pd.DataFrame:
        """Return the rows behind it; those of a study may be of one task or of all."""
        ...


def _file(module: ModuleType) -> Any:
    return module


FIGURES: Mapping[str, FigureFile[Study]] = {  # by the name of the table behind it
    "solve_rates": _file(solve_rate),
    "spans": _file(spans),
    "learning_curves": _file(learning_curves),
    "gradient_flow": _file(gradient_flow),
    "gradient_paths": _file(gradient_paths),
    "gradient_bounds": _file(gradient_bounds),
    "gradient_milestones": _file(gradient_milestones),
    "state_gradients": _file(state_gradients),
    "forgetting": _file(forgetting),
    "length_generalisation": _file(length_generalisation),
    "state_and_gates": _file(state_and_gates),
    "gate_traces": _file(gate_traces),
    "learned_walk": _file(learned_walk),
    "same_word": _file(same_word),
    "boundary": _file(boundary),
    "speed": _file(speed),
    "tuning": _file(tuning),
}
CONTEST_FIGURES: Mapping[str, FigureFile[Contest]] = {
    "speedup": _file(contest),
    "limit_share": _file(limit_share),
}


@dataclass(frozen=True)
class Exhibit:
    """A question with the figure that answers it. `svg` is "" where there was nothing to draw."""

    question: str
    caption: str
    alt: str
    table: str
    figure: str
    svg: str


def make_exhibits(
    figures: Mapping[str, FigureFile[S_contra]], study: S_contra, folder: Path, prefix: str = ""
) -> list[Exhibit]:
    """Draw figures of a study narrowed to one task, or of a contest, into a folder; return them with their words."""
    shown = {table: figure for table, figure in figures.items() if figure.caption(study)}
    return [_exhibit(table, figure, study, folder, prefix) for table, figure in shown.items()]


def _exhibit(table: str, figure: FigureFile[S_contra], study: S_contra, folder: Path, prefix: str) -> Exhibit:
    name = prefix + table
    if figure.rows(study).empty:
        return Exhibit(figure.QUESTION, figure.caption(study), "", table, "", "")
    alt = figure.alt(study)
    svg = inline_svg(save(figure.draw(study), folder, name), name, alt)
    return Exhibit(figure.QUESTION, figure.caption(study), alt, table, name, svg)


def file_prefix(study: Study, is_only_task: bool) -> str:
    """Return what the figure files of a task begin with: nothing where a study has one task."""
    return "" if is_only_task else re.sub(r"[^a-z0-9]+", "_", study.task.lower()).strip("_") + "_"
