"""The comparison of cells: the tables of one task, and the section of a page."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from lstm_bench.analysis.comparison import chosen_rates, comparison, matched_studies
from lstm_bench.analysis.distance import spans_in_distance
from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.matching import Matching
from lstm_bench.analysis.memory_span import MemorySpan
from lstm_bench.analysis.solving import members_a_lag, solve_rates, spans, was_trained
from lstm_bench.analysis.unmeasured import why_no_reading, why_no_speed
from lstm_bench.analysis.wording import NOT_AVAILABLE, counted, range_of, significant, span_of, times
from lstm_bench.metrics import INITIAL
from lstm_bench.records.schema import WITHOUT_RESULT
from lstm_bench.report.document import DASH, Block, Entry, FileLink, Paragraph, Section, Table
from lstm_bench.report.style import colours

FLOW_PROBE = "gradient_flow"
FILES = ("tables/comparison.csv", "tables/members.csv", "results.csv")


def comparison_section(tasks: Iterable[tuple[str, StudyData]]) -> Section:
    """Return the section that compares the cells of each task; `tasks` has a heading and a study for each."""
    titled = list(tasks)
    blocks: list[Block] = []
    for title, study in titled:
        blocks += [Section(title, task_comparison(study))] if len(titled) > 1 else task_comparison(study)
    files = Paragraph(("Rows: ", FileLink(FILES[0]), ", ", FileLink(FILES[1]), ", ", FileLink(FILES[2]), "."), "files")
    sorting = Paragraph("Click a heading to sort.", "screen")
    return Section("Comparison", [*blocks, files, sorting], "comparison")


def task_comparison(study: StudyData) -> list[Block]:
    """Return the tables of one task: its cells for each way of matching them, and the members solved at each lag."""
    blocks: list[Block] = []
    for matching, matched in matched_studies(study):
        note = Paragraph(_matching_note(matching, matched), "note")
        blocks += [note, comparison_table(study, comparison(matched))]
    solved = solved_table(study)
    has_gaps = any(entry.text == DASH for row in solved.rows for entry in row)
    gaps = "; a dash where a lag was not tried" if has_gaps else ""
    solved_note = f"Members that solved, of those that ran to their end{gaps}."
    return [*blocks, Paragraph(solved_note, "note"), solved]


def _matching_note(matching: Matching, study: StudyData) -> str:
    """Return a note on how the cells are matched, the members behind a number, and the reference of the ratios."""
    n = span_of(members_a_lag(study) if was_trained(study) else (len(job.seeds) for job in study.plan.jobs))
    ratios = f" Ratios are over {study.cells[0]}." if len(study.cells) > 1 else ""
    return f"{matching.text[0].upper()}{matching.text[1:]}; n = {n} members a cell and lag.{ratios}"


def comparison_table(study: StudyData, compared: pd.DataFrame) -> Table:
    """Return the comparison of one task's cells, from its rows of `comparison`."""
    shades = colours(study.cells)
    headings = [
        ("Cell", ""),
        *_span_headings(study),
        ("Parameters", "core, ratio, all"),
        ("Sequences/s", f"quartiles{_at_lag(compared['speed_lag'])}{_together(compared)}"),
        ("Steps to solve", "median, 95%"),
        ("Gradient a step", f"at start, 95%{_at_lag(compared['decay_lag'])}"),
        ("Learning rate", "chosen"),
        ("Memory", "peak, MiB"),
    ]
    rows = [
        [_named(cell, shades), *_span_entries(study, row), *_entries(study, row, _rates(study, cell))]
        for cell, row in _by_cell(compared).items()
    ]
    return Table(headings, rows, "Comparison")


def _at_lag(lags: pd.Series) -> str:
    lag_range = span_of(lags.dropna().astype(float))
    return "" if lag_range == NOT_AVAILABLE else f", lag {lag_range}"


def _together(compared: pd.DataFrame) -> str:
    member_range = span_of(compared["speed_members"].dropna().astype(float))
    return {NOT_AVAILABLE: "", "1": ", one member"}.get(member_range, f", {member_range} members")


def _by_cell(compared: pd.DataFrame) -> dict[str, dict[str, Any]]:
    return {str(row["cell"]): {str(k): v for k, v in row.items()} for row in compared.to_dict("records")}


def _named(cell: str, shades: Mapping[str, str]) -> Entry:
    return Entry(cell, sort=cell, colour=shades[cell])


def _entries(study: StudyData, row: Mapping[str, Any], rates: Entry) -> list[Entry]:
    return [
        _parameters(row),
        _speed(study, row),
        _steps(row),
        _decay(study, row),
        rates,
        _memory(row),
    ]


def _number(value: Any) -> float:
    return math.nan if value is None or pd.isna(value) else float(value)


def _span_headings(study: StudyData) -> list[tuple[str, str]]:
    """Return the headings of the span: first in steps held, where the task gives them, then in lag."""
    in_lag = ("T50", "lag, 95%, bracket")
    return [("Holds for", "steps, 95%, ratio"), in_lag] if spans_in_distance(study) else [in_lag]


def _span_entries(study: StudyData, row: Mapping[str, Any]) -> list[Entry]:
    """Return the span under each of its headings; below the first stands its ratio to the span of the first cell."""
    cell, is_limited = row["cell"], row["span_budget_limited"]
    in_lag, held = spans(study)[cell], spans_in_distance(study)
    ratio = "" if pd.isna(row["span_ratio_text"]) else row["span_ratio_text"]
    notes = _lines(in_lag.bracket, f"lag grid ends {in_lag.cut_off}" if in_lag.cut_off else "")
    if held is None:
        return [_span(in_lag, is_limited, (ratio, *notes))]
    return [_span(held[cell], is_limited, (ratio,)), _span(in_lag, is_limited, notes)]


def _span(span: MemorySpan, is_limited: bool, notes: Iterable[str]) -> Entry:
    if span.outcome != "fitted":
        return Entry(span.text, _lines(*notes), sort=span.median)
    text = f"{'at least ' if is_limited else ''}{significant(span.median)}"
    return Entry(text, _lines(range_of(span.low, span.high), *notes), span.median)


def _lines(*lines: str) -> tuple[str, ...]:
    return tuple(line for line in lines if line)


def _parameters(row: Mapping[str, Any]) -> Entry:
    below = _lines(times(row["core_ratio"]), f"{row['n_parameters']:,} in all")
    return Entry(f"{row['n_parameters_core']:,}", below, float(row["n_parameters_core"]))


def _speed(study: StudyData, row: Mapping[str, Any]) -> Entry:
    speed = _number(row["sequences_per_s"])
    if math.isnan(speed):
        return Entry("not measured", (why_no_speed(study),))
    ends = "-".join(significant(row[f"sequences_per_s_{end}"]) for end in ("q25", "q75"))
    return Entry(significant(speed), _lines(ends, row["speed_kernel"], *_speed_ratio(row), _stock_ratio(row)), speed)


def _speed_ratio(row: Mapping[str, Any]) -> tuple[str, str]:
    """Return the ratio to the first cell, and the shared kernel and lag where they are not those of this row."""
    ratio = _number(row["speed_ratio"])
    if math.isnan(ratio):
        return "no like-for-like ratio", ""
    kernel = "" if row["speed_ratio_trained"] else f"both {row['speed_ratio_kernel']}"
    lag = "" if row["speed_ratio_lag"] == row["speed_lag"] else f"lag {row['speed_ratio_lag']:.0f}"
    return times(ratio), ", ".join(filter(None, (kernel, lag)))


def _stock_ratio(row: Mapping[str, Any]) -> str:
    ratio = _number(row["speed_ratio_stock"])
    return "" if math.isnan(ratio) else f"torch.nn's layers {times(ratio)}"


def _steps(row: Mapping[str, Any]) -> Entry:
    steps = _number(row["steps_to_solve"])
    if math.isnan(steps):
        return Entry(DASH, ("most solve no lag",) if row["span_outcome"] != "unmeasured" else ())
    low, high = (_number(row[f"steps_to_solve_{end}"]) for end in ("low", "high"))
    interval = f"{low:,.0f}-{high:,.0f}" if math.isfinite(high) else f"{low:,.0f} or more" if math.isfinite(low) else ""
    return Entry(f"{steps:,.0f}", _lines(interval, f"lag {row['steps_lag']:.0f}"), steps)


def _decay(study: StudyData, row: Mapping[str, Any]) -> Entry:
    decay = _number(row["decay_initial"])
    if math.isnan(decay):
        return Entry("not measured", _lines(why_no_reading(study, row["cell"], FLOW_PROBE, INITIAL)))
    low, high = (_number(row[f"decay_initial_{end}"]) for end in ("low", "high"))
    return Entry(significant(decay), _lines(range_of(low, high), _reach(row)), decay)


def _reach(row: Mapping[str, Any]) -> str:
    """Return the steps until the gradient falls to 1e-3, with their interval where it is closed."""
    steps, low, high = (_number(row[f"horizon_initial{end}"]) for end in ("", "_low", "_high"))
    if not math.isfinite(steps):
        return "1e-3 not reached"
    return f"1e-3 after {steps:.0f}" + (f" ({low:.0f}-{high:.0f})" if math.isfinite(low + high) else "")


def _rates(study: StudyData, cell: str) -> Entry:
    """Return the learning rates of a cell, the lowest first, with the number of lags where they differ."""
    lags_with = Counter(chosen_rates(study, cell).values()) if was_trained(study) else Counter[float]()
    if not lags_with:
        return Entry(DASH)
    is_alone = len(lags_with) == 1
    rates = sorted(lags_with)
    lowest, *others = [f"{rate:g}" + ("" if is_alone else f" ({counted(lags_with[rate], 'lag')})") for rate in rates]
    return Entry(lowest, tuple(others), rates[0])


def _memory(row: Mapping[str, Any]) -> Entry:
    size = _number(row["peak_memory_bytes"])
    return Entry(NOT_AVAILABLE if math.isnan(size) else significant(size / 2**20), sort=size)


def solved_table(study: StudyData) -> Table:
    """Return a table of the members that solved at each lag, of those that ran to their end, and of the others."""
    rates, shades = solve_rates(study), colours(study.cells)
    rows = []
    for cell in study.cells:
        by_lag = {row.lag: row for row in rates.loc[rates["cell"] == cell].itertuples()}
        entries = [_solved(by_lag[lag], shades[cell]) if lag in by_lag else Entry(DASH) for lag in study.lags]
        rows.append([_named(cell, shades), *entries])
    return Table([("Cell", ""), *((f"lag {lag}", "") for lag in study.lags)], rows, "Solved by lag")


def _solved(row: Any, colour: str) -> Entry:
    statuses = ("diverged", *WITHOUT_RESULT, "missing")
    counts = _lines(*(f"{n} {status.replace('_', ' ')}" for status in statuses if (n := getattr(row, status))))
    if not row.attempts:
        return Entry("not trained" if row.untrained else "not run", counts)
    return Entry(f"{row.solved}/{row.attempts}", counts, row.rate, colour, row.rate)
