"""When the gates of a cell open and shut while it reads its task."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from lstm_bench.analysis.forgetting import trained_distance
from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.gates import MEAN, gate_curves, gate_lag, gate_summary, gated_cells
from lstm_bench.analysis.gradients import WHEN
from lstm_bench.analysis.solving import was_trained
from lstm_bench.analysis.wording import listed, significant, span_of
from lstm_bench.metrics import FINAL, INITIAL
from lstm_bench.records.schema import JobPlan
from lstm_bench.report.style import INK, MUTED, RULE, colours, name_row, new_figure, themed

QUESTION = "When do the gates open?"
DASHES: Mapping[str, Any] = {INITIAL: (0, (3, 2)), FINAL: "-"}
NAMED = 4  # cells that a caption tells


@themed
def draw(study: StudyData) -> Figure:
    """Draw a row a cell, a panel a gate: its mean over units at each time step, start dashed and trained solid."""
    summary, shades, cells = traces(study), colours(study.cells), gated_cells(study)
    by_cell = {cell: summary.loc[summary["cell"] == cell] for cell in cells}
    names = {cell: _gates(own) for cell, own in by_cell.items()}
    figure = new_figure(0.9 + 1.35 * len(cells))
    grid = figure.subplots(len(cells), max(map(len, names.values())), squeeze=False)
    for line, cell in zip(grid, cells, strict=True):
        lag = gate_lag(study, cell)
        job = next(job for job in study.plan.jobs if (job.cell, job.lag) == (cell, lag))
        name_row(line[0], cell, lag)
        for axes, name in zip(line, names[cell], strict=False):
            _draw_gate(axes, by_cell[cell], name, shades[cell])
            _shade_cues(axes, job)
        for axes in line[len(names[cell]) :]:
            axes.set_axis_off()
    for axes in grid.flat:
        axes.set(ylim=(0, 1.03), yticks=(0, 0.5, 1))
        axes.tick_params(labelleft=axes in grid[:, 0])
    figure.supxlabel("time step", fontsize="medium", color=INK)
    figure.supylabel("mean value of the gate", fontsize="medium", color=INK)
    moments = [moment for moment in WHEN if (summary["moment"] == moment).any()]
    handles = [Line2D([], [], color=MUTED, linewidth=1.8, linestyle=DASHES[m], label=WHEN[m]) for m in moments]
    figure.legend(handles=handles, loc="outside upper left", ncols=2, handlelength=2)
    return figure


def traces(study: StudyData) -> pd.DataFrame:
    """Return the mean of each gate at each time step, with the smallest and the largest over members."""
    summary = gate_summary(study)
    return summary.loc[summary["quantity"].astype(str).str.endswith(MEAN)]


def _gates(own: pd.DataFrame) -> list[str]:
    return [name.removesuffix(MEAN) for name in dict.fromkeys(own["quantity"].astype(str))]


def _draw_gate(axes: Axes, own: pd.DataFrame, name: str, shade: str) -> None:
    for moment, dashes in DASHES.items():
        trace = own.loc[(own["quantity"] == f"{name}{MEAN}") & (own["moment"] == moment)]
        axes.fill_between(trace["at"], trace["least"], trace["most"], color=shade, alpha=0.16, linewidth=0)
        axes.plot(trace["at"], trace["mean"], color=shade, linewidth=1.6, linestyle=dashes)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.set_title(f"gate {name}", fontsize="small")


def _shade_cues(axes: Axes, job: JobPlan) -> None:
    """Shade the steps of the letters and of their answers, where every sequence has them at the same steps."""
    distance = trained_distance(job)
    if distance is None:
        return
    for first in (0, distance):
        axes.axvspan(first - 0.5, first + job.length - distance - 0.5, color=RULE, alpha=0.6, linewidth=0, zorder=0)


def caption(study: StudyData) -> str:
    """Return the finding: between what values each gate moves over a sequence, and when."""
    summary, cells = traces(study), gated_cells(study)
    if not cells:
        return f"No gates in {listed(study.cells)}." if len(gate_curves(study)) else "Gates were not measured."
    last = summary.loc[summary["moment"] == (FINAL if (summary["moment"] == FINAL).any() else INITIAL)]
    told = "; ".join(_told(study, cell, last.loc[last["cell"] == cell]) for cell in cells[:NAMED])
    more = " Of further cells see the figure." if len(cells) > NAMED else ""
    shaded = " Shaded are the steps of the cues and of their answers." if _has_fixed_cues(study) else ""
    return (
        f"{WHEN[str(last['moment'].iloc[0])].capitalize()}, on average over units and members: {told}.{more} Lines are "
        f"means over {span_of(summary['n'])} members, bands from the smallest to the largest of them.{shaded}"
    )


def _told(study: StudyData, cell: str, own: pd.DataFrame) -> str:
    return f"{cell} (lag {gate_lag(study, cell)}) " + listed([_course(own, name) for name in _gates(own)])


def _course(own: pd.DataFrame, name: str) -> str:
    trace = own.loc[own["quantity"] == f"{name}{MEAN}"].set_index("at")["mean"]
    ends = ((trace.min(), trace.idxmin()), (trace.max(), trace.idxmax()))
    (low, when_low), (high, when_high) = ((significant(value, 2), f"at step {when:g}") for value, when in ends)
    return f"{name} {low} throughout" if low == high else f"{name} from {low} {when_low} to {high} {when_high}"


def _has_fixed_cues(study: StudyData) -> bool:
    return trained_distance(study.plan.jobs[0]) is not None


def alt(study: StudyData) -> str:
    """Return a description for who cannot see the figure."""
    cells = listed(gated_cells(study))
    return f"Mean of each gate of {cells} against time step on {study.task}, {_when(study)}."


def _when(study: StudyData) -> str:
    return listed([WHEN[moment] for moment in WHEN if moment == INITIAL or was_trained(study)])


def rows(study: StudyData) -> pd.DataFrame:
    """Return the rows behind the figure."""
    return traces(study).assign(study=study.plan.study)
