"""The figures of a report, in the order in which a reader asks."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Protocol, cast

import pandas as pd
from matplotlib.figure import Figure

from lstm_bench.analysis.frames import Study
from lstm_bench.report.figures import gradient_flow, learning_curves, solve_rate, speed, state_gradients, tuning
from lstm_bench.report.style import inline_svg, save


class FigureFile(Protocol):
    """What every file in figures/ offers."""

    QUESTION: str

    def draw(self, study: Study) -> Figure:
        """Return the figure of a study narrowed to one task."""
        ...

    def caption(self, study: Study) -> str:
        """Return the finding in words and numbers."""
        ...

    def alt(self, study: Study) -> str:
        """Return a description for who cannot see it."""
        ...

    def rows(self, study: Study) -> pd.DataFrame:
        """Return the rows behind it, of one task or of all."""
        ...


def _file(module: ModuleType) -> FigureFile:
    return cast(FigureFile, module)


FIGURES: Mapping[str, FigureFile] = {  # by the name of the table behind it
    "solve_rates": _file(solve_rate),
    "learning_curves": _file(learning_curves),
    "gradient_flow": _file(gradient_flow),
    "state_gradients": _file(state_gradients),
    "speed": _file(speed),
    "tuning": _file(tuning),
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


def make_exhibits(study: Study, folder: Path, prefix: str) -> list[Exhibit]:
    """Draw every figure of a study narrowed to one task into a folder, and return them with their words."""
    return [_exhibit(table, figure, study, folder, prefix) for table, figure in FIGURES.items()]


def _exhibit(table: str, figure: FigureFile, study: Study, folder: Path, prefix: str) -> Exhibit:
    name = prefix + table
    if figure.rows(study).empty:
        return Exhibit(figure.QUESTION, figure.caption(study), "", table, "", "")
    alt = figure.alt(study)
    svg = inline_svg(save(figure.draw(study), folder, name), name, alt)
    return Exhibit(figure.QUESTION, figure.caption(study), alt, table, name, svg)


def file_prefix(study: Study, is_only_task: bool) -> str:
    """Return what the figure files of a task begin with: nothing where a study has one task."""
    return "" if is_only_task else re.sub(r"[^a-z0-9]+", "_", study.task.lower()).strip("_") + "_"
