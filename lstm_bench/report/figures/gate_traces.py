"""When the gates of a cell open and shut while it reads its task."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lstm_bench.analysis.forgetting import trained_distance
from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.gates import MEAN, gate_curves, gate_lag, gate_summary, gated_cells
from lstm_bench.analysis.gradients import WHEN
from lstm_bench.analysis.wording import listed, significant, span_of
from lstm_bench.records.plan import JobPlan
from lstm_bench.report.figures.findings import by_cell
from lstm_bench.report.figures.moments import draw_moments, last_moment, moment_entries, moments_in
from lstm_bench.report.figures.table_rows import rows_where
from lstm_bench.report.panels import legend, name_axes, name_row, new_figure
from lstm_bench.report.style import RULE, colours, themed
from lstm_bench.report.typography import typeset

QUESTION = "When do the gates open?"
METHOD = (
    "Lines are the mean of a gate over its units and over members, bands go from the smallest to the largest of the "
    "members, at the longest lag that most members of the cell solved, or else its shortest. The steps of the cues "
    "and of their answers are shaded where every sequence has them at the same steps."
)


@themed
def draw(study: StudyData) -> Figure:
    """Draw a row per cell, a panel per gate: its mean over units at each time step, start dashed and trained solid."""
    summary, shades, cells = _traces(study), colours(study.cells), gated_cells(study)
    gates = {cell: _gates(rows_where(summary, cell=cell)) for cell in cells}
    figure = new_figure(0.9 + 1.35 * len(cells))
    grid = figure.subplots(len(cells), max(map(len, gates.values())), squeeze=False)
    for line, cell in zip(grid, cells, strict=True):
        lag = gate_lag(study, cell)
        job = next(job for job in study.plan.jobs if (job.cell, job.lag) == (cell, lag))
        name_row(line[0], cell, lag)
        for axes, (gate, trace) in zip(line, gates[cell].items(), strict=False):
            draw_moments(axes, trace, shades[cell])
            axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
            axes.set_title(f"gate {gate}", fontsize="small")
            _shade_cues(axes, job)
        for axes in line[len(gates[cell]) :]:
            axes.set_axis_off()
    for axes in grid.flat:
        axes.set(ylim=(0, 1.03), yticks=(0, 0.5, 1))
        axes.tick_params(labelleft=axes in grid[:, 0])
    name_axes(figure, x=f"time step (n = {typeset(span_of(summary['n']))} members)", y="mean value\nof the gate")
    legend(figure, moment_entries(moments_in(summary)))
    return figure


def _traces(study: StudyData) -> pd.DataFrame:
    """Return the mean of each gate at each time step (middle), with the smallest and the largest over members."""
    return rows(study).rename(columns={"mean": "middle", "least": "low", "most": "high"})


def _gates(traces: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the traces by gate."""
    by_gate = traces.groupby(traces["quantity"].astype(str), sort=False)
    return {str(quantity).removesuffix(MEAN): trace for quantity, trace in by_gate}


def _shade_cues(axes: Axes, job: JobPlan) -> None:
    """Shade the steps of the letters and of their answers, where every sequence has them at the same steps."""
    distance = trained_distance(job)
    if distance is None:
        return
    for first in (0, distance):
        axes.axvspan(first - 0.5, first + job.length - distance - 0.5, color=RULE, alpha=0.6, linewidth=0, zorder=0)


def finding(study: StudyData) -> str:
    """Return the gate of each cell that moves most over a sequence, its extremes, and their time steps."""
    summary, cells = _traces(study), gated_cells(study)
    if not cells:
        return f"No gates in {listed(study.cells)}." if len(gate_curves(study)) else "Gates were not measured."
    last = last_moment(summary)
    gates = {cell: _gates(rows_where(last, cell=cell)) for cell in cells}
    ranges = {cell: {gate: _range(trace) for gate, trace in gates[cell].items()} for cell in cells}
    widest = {cell: max(ranges[cell], key=lambda gate: ranges[cell][gate]) for cell in cells}
    texts = {cell: f"(lag {gate_lag(study, cell)}) {_course(gate, gates[cell][gate])}" for cell, gate in widest.items()}
    named = by_cell(texts, lambda cell: -ranges[cell][widest[cell]])
    when = WHEN[str(last["moment"].iloc[0])].capitalize()
    return f"{when}, on average over units and members, the gate that moves most: {'; '.join(named)}."


def _range(trace: pd.DataFrame) -> float:
    return float(trace["middle"].max() - trace["middle"].min())


def _course(gate: str, trace: pd.DataFrame) -> str:
    means = trace.set_index("at")["middle"]
    low, high = significant(means.min(), 2), significant(means.max(), 2)
    if low == high:
        return f"{gate} {low} throughout"
    return f"{gate} from {low} at step {means.idxmin():g} to {high} at step {means.idxmax():g}"


def rows(study: StudyData) -> pd.DataFrame:
    """Return the rows behind the figure."""
    summary = gate_summary(study)
    return summary.loc[summary["quantity"].astype(str).str.endswith(MEAN)].assign(study=study.plan.study)
