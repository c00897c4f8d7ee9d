"""The span of each cell against the size of its state."""

import pandas as pd
from matplotlib.figure import Figure

from lstm_bench.analysis.frames import StudyData
from lstm_bench.report.figures import pareto_panels

QUESTION = "Which cells hold a memory longest for the state they carry?"
METHOD = pareto_panels.METHOD.format(
    price="the real numbers that the cell hands to its next step, of one sequence (a complex number is two)", further=""
)


def draw(study: StudyData) -> Figure:
    """Draw spans against state size."""
    return pareto_panels.draw(study, "state_size", "state (numbers a sequence)")


def finding(study: StudyData) -> str:
    """Return the cells on the front of each task."""
    return pareto_panels.finding(study, "state_size", "as small a state")


def rows(study: StudyData) -> pd.DataFrame:
    """Return the points of all tasks."""
    return pareto_panels.points(study, "state_size")
