"""The figures of a report, in the order of a reader's questions."""

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
from lstm_bench.report.alt_text import alt_text
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
    one_at_a_time,
    pareto_flops,
    pareto_state,
    published,
    rate_heatmap,
    same_word,
    solve_rate,
    solving_cost,
    span_budgets,
    span_trials,
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
    """The interface of a file in figures/ that holds a figure."""

    QUESTION: str
    METHOD: str
    """How the numbers of the figure are made, and how to read its marks; a page has it under its definitions."""

    def draw(self, study: S_contra) -> Figure:
        """Return the figure."""
        ...

    def finding(self, study: S_contra) -> str:
        """Return the finding in one or two sentences with the main numbers; "" leaves the figure out of the page."""
        ...

    def rows(self, study: S_contra) -> pd.DataFrame:
        """Return the rows behind the figure, of one task or of all tasks of a study. Without rows nothing is drawn."""
        ...


def _file(module: ModuleType) -> Any:
    return module


FIGURES: Mapping[str, FigureFile[StudyData]] = {  # by the name of the table behind it
    "solve_rates": _file(solve_rate),
    "span_trials": _file(span_trials),
    "span_budgets": _file(span_budgets),
    "solving_cost": _file(solving_cost),
    "published": _file(published),
    "speed": _file(speed),
    "learning_curves": _file(learning_curves),
    "contrasts": _file(contrasts),
    "gradient_flow": _file(gradient_flow),
    "gradient_paths": _file(gradient_paths),
    "gradient_bounds": _file(gradient_bounds),
    "gradient_milestones": _file(gradient_milestones),
    "state_gradients": _file(state_gradients),
    "spans": _file(spans),
    "forgetting": _file(forgetting),
    "length_generalisation": _file(length_generalisation),
    "state_and_gates": _file(state_and_gates),
    "gate_traces": _file(gate_traces),
    "same_word": _file(same_word),
    "boundary": _file(boundary),
    "learned_walk": _file(learned_walk),
    "tuning": _file(tuning),
    "best_of_k": _file(best_of_k),
}
STUDY_FIGURES: Mapping[str, FigureFile[StudyData]] = {  # all tasks in one figure, a panel per task
    "pareto_flops": _file(pareto_flops),
    "pareto_state": _file(pareto_state),
}
SENSITIVITY_FIGURES: Mapping[str, FigureFile[StudyData]] = {
    "rate_heatmap": _file(rate_heatmap),
    "one_at_a_time": _file(one_at_a_time),
}
SPEED_FIGURES: Mapping[str, FigureFile[SpeedBenchmark]] = {
    "speedup": _file(speedup),
    "limit_share": _file(limit_share),
}


def make_figures(
    figures: Mapping[str, FigureFile[S_contra]], studies: Mapping[str, S_contra], folder: Path
) -> dict[str, list[FigureBlock]]:
    """Draw figures of several studies into a folder; return their blocks by the prefix of each study.

    Args:
        figures: by the name of the table behind each.
        studies: each narrowed to one task, or a benchmark, by the prefix of the names of its figure files.
        folder: where the figure files go.
    """
    blocks: dict[str, list[FigureBlock]] = {prefix: [] for prefix in studies}

    def drawn() -> Iterator[tuple[str, Figure]]:
        """Collect all blocks, and yield each figure when it is drawn, so that it is written while the next is drawn."""
        for prefix, study in studies.items():
            for table, file in figures.items():
                block = FigureBlock(file.QUESTION, file.finding(study), "", table, "", "", file.METHOD)
                if not block.caption:
                    continue
                if file.rows(study).empty:
                    blocks[prefix].append(block)
                    continue
                name, figure = prefix + table, file.draw(study)
                alt = alt_text(figure, block.question, block.caption)
                blocks[prefix].append(replace(block, alt=alt, figure=name))
                yield name, figure

    svgs = save_all(drawn(), folder)
    return {prefix: [_with_svg(block, svgs) for block in study_blocks] for prefix, study_blocks in blocks.items()}


def _with_svg(block: FigureBlock, svgs: Mapping[str, str]) -> FigureBlock:
    name = block.figure
    return replace(block, svg=inline_svg(svgs[name], name, block.alt)) if name else block


def file_prefix(study: StudyData, is_only_task: bool) -> str:
    """Return the prefix of the names of a task's figure files: "" where a study has one task."""
    return "" if is_only_task else re.sub(r"[^a-z0-9]+", "_", study.task.lower()).strip("_") + "_"
