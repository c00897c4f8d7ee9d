"""The span of each cell against the FLOPs that it needs to solve."""

import pandas as pd
from matplotlib.figure import Figure

from lstm_bench.analysis.frames import StudyData
from lstm_bench.report.figures import pareto_panels

QUESTION = "Which cells hold a memory longest for the cost of learning?"
METHOD = pareto_panels.METHOD.format(
    price="the FLOPs that a member needs to solve the lag in the title, which most cells solve (Kaplan-Meier median of "
    "steps to solve, times the operations of a training step, by formula)",
    further="; to the right, from the budget, where half of the members do not solve that lag within it; to the left, "
    "where the price is that of a longer lag, since the cell was not trained at this one",
)


def draw(study: StudyData) -> Figure:
    """Draw spans against FLOPs to solve."""
    return pareto_panels.draw(study, "flops", "FLOPs to solve (one member)")


def finding(study: StudyData) -> str:
    """Return the cells on the front of each task."""
    return pareto_panels.finding(study, "flops", "as few FLOPs")


def rows(study: StudyData) -> pd.DataFrame:
    """Return the points of all tasks."""
    return pareto_panels.points(study, "flops")
