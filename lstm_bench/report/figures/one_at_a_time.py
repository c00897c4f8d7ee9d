"""T50 against one setting at a time."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.sensitivity import FACTORS, RATE, one_at_a_time, size_exponents, varied_factors
from lstm_bench.analysis.settings_in_words import value_in_words
from lstm_bench.analysis.wording import with_range
from lstm_bench.report.figures.findings import joined
from lstm_bench.report.panels import balanced_columns, cell_entries, legend, log_ticks, name_axes, new_figure
from lstm_bench.report.style import colours, themed

QUESTION = "How much does the span depend on the other settings?"
METHOD = (
    "In each panel one setting varies and all others keep their base values: posterior medians of T50 with 95% "
    "intervals. An arrow marks a setting where no member solves at any lag, or every member at every lag. Exponents "
    "are slopes of log T50 on the log of the size, with the interval that follows from those of the spans."
)
ARROWS = {"above": "^", "below": "v"}
BESIDE = 0.15  # from one start to the next, as a share of the distance between values


@themed
def draw(study: StudyData) -> Figure:
    """Draw a panel per setting: T50 at each of its values, a line per start."""
    factors = _factors(study)
    shades = colours(list(dict.fromkeys(rows(study)["cell_yaml"])))
    columns = balanced_columns(len(factors))
    figure = new_figure(0.7 + 2.1 * -(-len(factors) // columns))
    places = list(figure.subplots(-(-len(factors) // columns), columns, squeeze=False, sharey=True).flat)
    for axes in places[len(factors) :]:
        axes.set_axis_off()
    for axes, factor in zip(places, factors, strict=False):
        table = one_at_a_time(study, factor)
        values = list(dict.fromkeys(table[factor]))
        for number, (start, shade) in enumerate(shades.items()):
            of_start = table.loc[table["cell_yaml"] == start]
            shift = BESIDE * (number - (len(shades) - 1) / 2)
            _draw_start(axes, of_start, [values.index(value) + shift for value in of_start[factor]], shade)
        axes.set(xticks=range(len(values)), xticklabels=[value_in_words(value) for value in values])
        axes.set(xlim=(-0.5, len(values) - 0.5), title=FACTORS[factor])
        axes.grid(visible=False, axis="x")
    places[0].set_yscale("log", base=2)
    log_ticks(places[0].yaxis, places[0].yaxis.get_major_locator())
    name_axes(figure, y="T50 (lag)")
    legend(figure, cell_entries(list(shades), shades, marker="o", markersize=4))
    return figure


def _draw_start(axes: Axes, rows: pd.DataFrame, places: list[float], shade: str) -> None:
    fitted = (rows["span_outcome"] == "fitted").to_numpy()
    for place, outcome, end in zip(places, rows["span_outcome"], rows["span_median"], strict=True):
        if outcome in ARROWS:
            axes.plot(place, end, ARROWS[outcome], color=shade, markersize=6)
    shown = rows.loc[fitted]
    middle = shown["span_median"]
    errors = (middle - shown["span_low"], shown["span_high"] - middle)
    at = [place for place, is_fitted in zip(places, fitted, strict=True) if is_fitted]
    axes.errorbar(at, middle, yerr=errors, fmt="o-", color=shade, markersize=4, linewidth=1.2, capsize=2)


def _factors(study: StudyData) -> list[str]:
    return [factor for factor in varied_factors(study) if factor != RATE]


def finding(study: StudyData) -> str:
    """Return the range of T50 over each setting, and how T50 grows with size."""
    if rows(study).empty:
        return ""
    return joined(*(_moved(study, factor) for factor in _factors(study)), _growth(study))


def _moved(study: StudyData, factor: str) -> str:
    table = one_at_a_time(study, factor)
    clauses = []
    for start, of_start in table.loc[table["span_outcome"] == "fitted"].groupby("cell_yaml", sort=False):
        low, high = (of_start.loc[of_start["span_median"].agg(end)] for end in ("idxmin", "idxmax"))
        if low["cell"] != high["cell"]:
            ends = [f"{row['span']} at {value_in_words(row[factor])}" for row in (low, high)]
            clauses.append(f"{start} {ends[0]} to {ends[1]}")
    return f"T50 by {FACTORS[factor]}: {'; '.join(clauses)}." if clauses else ""


def _growth(study: StudyData) -> str:
    laws = size_exponents(study).dropna(subset=["exponent"])
    names = {"hidden_size": "H", "n_parameters": "parameters"}
    clauses = [
        f"{law['cell_yaml']} {names[law['of']]}^{with_range(law['exponent'], law['low'], law['high'])}"
        for law in laws.to_dict("records")
    ]
    return f"T50 grows as {'; '.join(clauses)}." if clauses else ""


def rows(study: StudyData) -> pd.DataFrame:
    """Return the rows behind the figure, one per variation and factor."""
    tables = [one_at_a_time(study, factor).assign(factor=factor) for factor in _factors(study)]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=["cell_yaml"])
