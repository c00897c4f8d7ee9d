"""The figures of a report, in the order in which a reader asks."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol, TypeVar

import pandas as pd
from matplotlib.figure import Figure

from lstm_bench.analysis.contest import Contest
from lstm_bench.analysis.frames import Study
from lstm_bench.anatomy import learned_walk
from lstm_bench.report.figures import (
    best_of_k,
    boundary,
    contest,
    contrasts,
    forgetting,
    gate_traces,
    gradient_bounds,
    gradient_flow,
    gradient_milestones,
    gradient_paths,
    learning_curves,
    length_generalisation,
    limit_share,
    published,
    same_word,
    solve_rate,
    spans,
    speed,
    state_and_gates,
    state_gradients,
    tuning,
)
from lstm_bench.report.style import inline_svg, save_all

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
    "published": _file(published),
    "spans": _file(spans),
    "contrasts": _file(contrasts),
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
    "best_of_k": _file(best_of_k),
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
    figures: Mapping[str, FigureFile[S_contra]], studies: Mapping[str, S_contra], folder: Path
) -> dict[str, list[Exhibit]]:
    """Draw figures of several studies into a folder; return them with their words, study by study.

    Args:
        figures: by the name of the table behind each.
        studies: each narrowed to one task, or a contest, by what the names of its figure files begin with.
        folder: where the figure files go.
    """
    told: dict[str, list[Exhibit]] = {prefix: [] for prefix in studies}

    def drawn() -> Iterator[tuple[str, Figure]]:
        """Yield figures one by one, so that some are written while words are found for the next."""
        for prefix, study in studies.items():
            for table, figure in figures.items():
                exhibit = _in_words(figure, study, table, prefix + table)
                told[prefix] += [exhibit] if exhibit.caption else []
                if exhibit.figure:
                    yield exhibit.figure, figure.draw(study)

    svgs = save_all(drawn(), folder)
    return {prefix: [_with_figure(exhibit, svgs) for exhibit in exhibits] for prefix, exhibits in told.items()}


def _in_words(figure: FigureFile[S_contra], study: S_contra, table: str, name: str) -> Exhibit:
    caption = figure.caption(study)
    if not caption or figure.rows(study).empty:
        return Exhibit(figure.QUESTION, caption, "", table, "", "")
    return Exhibit(figure.QUESTION, caption, figure.alt(study), table, name, "")


def _with_figure(exhibit: Exhibit, svgs: Mapping[str, str]) -> Exhibit:
    name = exhibit.figure
    return replace(exhibit, svg=inline_svg(svgs[name], name, exhibit.alt)) if name else exhibit


def file_prefix(study: Study, is_only_task: bool) -> str:
    """Return what the figure files of a task begin with: nothing where a study has one task."""
    return "" if is_only_task else re.sub(r"[^a-z0-9]+", "_", study.task.lower()).strip("_") + "_"
