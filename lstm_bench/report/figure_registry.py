"""The figures of a report, in the order in which a reader asks."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol, TypeVar

import pandas as pd
from matplotlib.figure import Figure

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.speed_benchmark import SpeedBenchmark
from lstm_bench.anatomy import learned_walk
from lstm_bench.report.document import FigureBlock
from lstm_bench.report.figures import (
    best_of_k,
    boundary,
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
    speedup,
    state_and_gates,
    state_gradients,
    tuning,
)
from lstm_bench.report.style import inline_svg, save_all

S_contra = TypeVar("S_contra", contravariant=True)  # what is drawn: a study narrowed to one task, or a benchmark


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


FIGURES: Mapping[str, FigureFile[StudyData]] = {  # by the name of the table behind it
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
SPEED_FIGURES: Mapping[str, FigureFile[SpeedBenchmark]] = {
    "speedup": _file(speedup),
    "limit_share": _file(limit_share),
}


def make_figures(
    figures: Mapping[str, FigureFile[S_contra]], studies: Mapping[str, S_contra], folder: Path
) -> dict[str, list[FigureBlock]]:
    """Draw figures of several studies into a folder; return them with their words, study by study.

    Args:
        figures: by the name of the table behind each.
        studies: each narrowed to one task, or a benchmark, by what the names of its figure files begin with.
        folder: where the figure files go.
    """
    told: dict[str, list[FigureBlock]] = {prefix: [] for prefix in studies}

    def drawn() -> Iterator[tuple[str, Figure]]:
        """Yield figures one by one, so that some are written while words are found for the next."""
        for prefix, study in studies.items():
            for table, figure in figures.items():
                block = _in_words(figure, study, table, prefix + table)
                told[prefix] += [block] if block.caption else []
                if block.figure:
                    yield block.figure, figure.draw(study)

    svgs = save_all(drawn(), folder)
    return {prefix: [_with_figure(block, svgs) for block in blocks] for prefix, blocks in told.items()}


def _in_words(figure: FigureFile[S_contra], study: S_contra, table: str, name: str) -> FigureBlock:
    caption = figure.caption(study)
    if not caption or figure.rows(study).empty:
        return FigureBlock(figure.QUESTION, caption, "", table, "", "")
    return FigureBlock(figure.QUESTION, caption, figure.alt(study), table, name, "")


def _with_figure(block: FigureBlock, svgs: Mapping[str, str]) -> FigureBlock:
    name = block.figure
    return replace(block, svg=inline_svg(svgs[name], name, block.alt)) if name else block


def file_prefix(study: StudyData, is_only_task: bool) -> str:
    """Return what the figure files of a task begin with: nothing where a study has one task."""
    return "" if is_only_task else re.sub(r"[^a-z0-9]+", "_", study.task.lower()).strip("_") + "_"
