"""Words for the numbers of a gradient."""

import math
from collections.abc import Sequence

import pandas as pd

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.gradients import JOINT, ONE_OVER_E, THOUSANDTH, WHEN, decay_per_step, horizon
from lstm_bench.analysis.statistics import Interval
from lstm_bench.analysis.wording import HUGE, counted, listed, significant, with_range
from lstm_bench.report.figures.findings import NAMED
from lstm_bench.report.figures.gradient_panels import LOWEST
from lstm_bench.report.figures.table_rows import rows_where

LEVELS = {ONE_OVER_E: "1/e", THOUSANDTH: "1e-3"}
LITTLE_LOST = 0.9  # factor per step


def decay_words(study: StudyData, cell: str, lag: int, moment: str, path: str = "") -> str:
    """Return "0.610 (0.600-0.620)", "" where it was not measured."""
    decay = decay_per_step(study, cell, lag, moment, path)
    return "" if math.isnan(decay.middle) else with_range(*decay)


def horizon_words(study: StudyData, cells: Sequence[str], lag: int, moment: str, name: str) -> str:
    """Return "below 1e-3 in rnn after 14 (13-15)", the range of many cells, or "below 1e-3 in none"."""
    steps = {cell: horizon(study, cell, lag, moment, name) for cell in cells}
    crossed = {cell: interval for cell, interval in steps.items() if math.isfinite(interval.middle)}
    if len(crossed) > NAMED:
        first, *_, last = sorted(crossed, key=lambda cell: crossed[cell].middle)
        ends = [f"{steps_words(crossed[cell])} ({cell})" for cell in (first, last)]
        return f"below {LEVELS[name]} in {len(crossed)} of {counted(len(cells), 'cell')} after {' to '.join(ends)}"
    texts = [f"{cell} after {steps_words(interval)}" for cell, interval in crossed.items()]
    return f"below {LEVELS[name]} in {listed(texts) or 'none'}"


def steps_words(steps: Interval) -> str:
    """Return "14 (13-15)"; the number alone where its interval is open on both sides."""
    is_open = math.isinf(steps.high) and not steps.low < steps.middle
    return f"{steps.middle:.0f}" if is_open else with_range(*steps, digits=0)


def kept_words(kept: Interval) -> str:
    """Return "0.22 (0.12 to 0.43)", or "less than 1e-9" where it is too small to matter in training."""
    if kept.middle < LOWEST:
        return "less than 1e-9"
    ends = ["1e-9" if end < LOWEST else significant(end, 2) for end in (kept.low, kept.high)]
    is_known = math.isfinite(kept.low) and kept.high < HUGE
    return significant(kept.middle, 2) + (f" ({' to '.join(ends)})" if is_known else "")


def first_step_words(study: StudyData, flow: pd.DataFrame, lag: int) -> str:
    """Return what the first step back leaves in cells that lose much there and little at other steps."""
    texts = []
    for (cell, moment), rows in flow.groupby(["cell", "moment"], observed=True, sort=False):
        kept = rows_where(rows, steps_back=1)["middle"]
        decay = decay_per_step(study, str(cell), lag, str(moment)).middle
        if len(kept) and kept.iloc[0] < 1 / math.e and decay > LITTLE_LOST:
            texts.append(f"{significant(kept.iloc[0], 2)} ({cell} {WHEN[str(moment)]})")
    if not texts:
        return ""
    return f"The first step back alone leaves {listed(_first_cases(texts))}."


def turning_words(flow: pd.DataFrame) -> str:
    """Return the cells whose joint gradient grows again after a fall, so that one factor describes only a part."""
    joint = rows_where(flow, quantity=JOINT)
    texts = [
        f"{cell} {WHEN[str(moment)]}"
        for (cell, moment), rows in joint.groupby(["cell", "moment"], observed=True, sort=False)
        if _turns(rows.sort_values("steps_back")["middle"])
    ]
    return f"It grows again in {listed(_first_cases(texts))}, so one factor describes only a part." if texts else ""


def _turns(kept: pd.Series) -> bool:
    """Return whether a gradient falls below half, and ends at more than twice its least."""
    least, end = float(kept.min()), float(kept.iloc[-1])
    return 0 < least < 0.5 and end > 2 * least


def _first_cases(texts: list[str]) -> list[str]:
    """Return the first few, and how many more there are."""
    few = NAMED // 2
    return texts if len(texts) <= few + 1 else [*texts[:few], f"{counted(len(texts) - few, 'case')} more"]
