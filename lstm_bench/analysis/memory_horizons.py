"""How far back a cell remembers, by several memory horizons that are never combined in one number."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from lstm_bench.analysis.distance import held_spans
from lstm_bench.analysis.frames import StudyData, cache_per_study
from lstm_bench.analysis.gradients import followed, horizon, longest_lag_with_flow
from lstm_bench.analysis.lags import representative_lag, shared_lag
from lstm_bench.analysis.solving import ATTEMPTS
from lstm_bench.analysis.statistics import Interval, interquartile_mean
from lstm_bench.analysis.survival import median_time
from lstm_bench.analysis.wording import counted, significant, with_range
from lstm_bench.metrics import FINAL, INITIAL

LEARNED, GRADIENT, CAPACITY_SPAN = "learned span", "gradient horizon", "linear-capacity span"
HALF_LIFE, LYAPUNOV, WINDOW = "forgetting half-life", "Lyapunov horizon", "implied window"
HORIZONS = (LEARNED, GRADIENT, CAPACITY_SPAN, HALF_LIFE, LYAPUNOV, WINDOW)  # in steps
CAPACITY = "linear capacity"  # in inputs
MOMENTS = (INITIAL, FINAL)
METRICS = {  # the recorded metric that a horizon is estimated from
    GRADIENT: "grad/horizon",
    CAPACITY_SPAN: "memory/capacity_span",
    CAPACITY: "memory/capacity",
    HALF_LIFE: "memory/half_life",
    LYAPUNOV: "memory/lyapunov_horizon",
    WINDOW: "eval/implied_window",
}
LOWER_BOUNDS = {CAPACITY_SPAN: "memory/capacity_span_open", HALF_LIFE: "memory/half_life_open"}  # 1 for a lower bound
EXPONENT, GONE_WITHIN = "memory/lyapunov", "memory/lyapunov_gone_within"
Censored = Literal["", "above", "below"]
NO_DECAY = "no decay"
COLUMNS = (
    "study", "task", "variant", "cell", "lens", "moment", "lag", "middle", "low", "high", "censored", "n", "unit",
)  # fmt: skip


@dataclass(frozen=True)
class HorizonEstimate:
    """One memory horizon of a cell at one moment: a middle value over members with its interval.

    `lag` is the lag at which members were measured, None for the learned span, which is over all. Where `censored` is
    "above" the value is at least `middle`, the most that was tried (inf where there is no such limit), and `high` is
    inf; where it is "below", it is less than `middle`. `n` members were measured. Where a Lyapunov horizon is 0, no
    disturbance is left after `gone_within` steps; NaN where that is not known.
    """

    horizon: str
    moment: str
    lag: int | None
    middle: float
    low: float
    high: float
    censored: Censored
    n: int
    gone_within: float = math.nan

    @property
    def unit(self) -> str:
        """The unit: "steps", or "inputs" for the capacity."""
        return "inputs" if self.horizon == CAPACITY else "steps"

    @property
    def text(self) -> str:
        """The value in a caption: "14 (12-17)", "14 (or more)", ">= 54", "< 2", "no decay", "gone within 1 step"."""
        if self.censored == "above" and math.isinf(self.middle):
            return NO_DECAY
        if self.censored:
            return f"{'>=' if self.censored == 'above' else '<'} {significant(self.middle, self._digits)}"
        if self.horizon == LYAPUNOV and self.middle == 0:
            is_known = math.isfinite(self.gone_within)
            return f"gone within {counted(round(self.gone_within), 'step')}" if is_known else "gone at once"
        middle, low = (significant(value, self._digits) for value in (self.middle, self.low))
        if math.isinf(self.high) and middle == low:
            return f"{middle} (or more)"
        return with_range(self.middle, self.low, self.high, self._digits)

    @property
    def _digits(self) -> int:
        finite = [value for value in (self.middle, self.low, self.high) if math.isfinite(value)]
        return 0 if all(value == round(value) for value in finite) else 2


def horizon_table(study: StudyData) -> pd.DataFrame:
    """Return one row a (task, variant, cell), horizon and moment that was measured; see `horizon_estimates`.

    The column `lens` holds the horizon's name.
    """
    rows = [
        {**one_task.labels, "cell": cell, "lens": estimate.horizon, "unit": estimate.unit, **asdict(estimate)}
        for one_task in study.by_task()
        for cell, estimates in horizon_estimates(one_task).items()
        for estimate in estimates
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"lag": "Int64"})


@cache_per_study
def horizon_estimates(study: StudyData) -> dict[str, list[HorizonEstimate]]:
    """Return the memory horizons of each cell, of a study narrowed to one task, ordered as HORIZONS, INITIAL first.

    learned span: the steps held at T50, or T50 itself where the task does not say how many these are, posterior median
    with its 95% interval.
    gradient horizon: steps back until the gradient of the joint state is below 1e-3, Kaplan-Meier median with its 95%
    interval; a member whose sequence ends first counts as longer than the sequence.
    linear-capacity span: largest delay with r^2 >= 0.5, median and range over members; linear capacity: the sum of r^2,
    interquartile mean with its bootstrap interval.
    forgetting half-life: Kaplan-Meier median at the longest lag that most of the cell's members solved, or else the
    shortest; longer than the longest distance tried where recall stays above one half.
    Lyapunov horizon: -1 / the top exponent, Kaplan-Meier median; a member in which nothing decays is longer than any,
    and one whose exponent is -inf has 0.
    implied window: T(1 - 6 MSE) at the end, interquartile mean with its bootstrap interval.
    Unless stated otherwise, values are taken at the longest lag that was measured for all cells; what was not measured
    is left out.
    """
    finite = replace(study, results=study.results.loc[np.isfinite(study.results["value"])])
    return {cell: [estimate for estimate in _estimates(finite, cell) if estimate is not None] for cell in study.cells}


def _estimates(study: StudyData, cell: str) -> Iterator[HorizonEstimate | None]:
    yield _learned(study, cell)
    for estimate in (_gradient, _capacity_span, _capacity):
        for moment in MOMENTS:
            yield estimate(study, cell, moment)
    yield _half_life(study, cell)
    for moment in MOMENTS:
        yield _lyapunov(study, cell, moment)
    yield _window(study, cell)


def estimate_of(study: StudyData, cell: str, horizon: str, moment: str) -> HorizonEstimate | None:
    """Return one memory horizon of a cell, None where it was not measured."""
    estimates = horizon_estimates(study)[cell]
    return next((e for e in estimates if (e.horizon, e.moment) == (horizon, moment)), None)


def _learned(study: StudyData, cell: str) -> HorizonEstimate | None:
    span = held_spans(study)[cell]
    if math.isnan(span.median):
        return None
    members = study.members.loc[study.members["cell"] == cell, "status"]
    n = int(members.isin(ATTEMPTS).sum())
    censored: Censored = span.outcome if span.outcome in ("above", "below") else ""
    return HorizonEstimate(LEARNED, FINAL, None, span.median, span.low, span.high, censored, n)


def _gradient(study: StudyData, cell: str, moment: str) -> HorizonEstimate | None:
    lag = longest_lag_with_flow(study)
    ends = pd.Series(dtype=float) if lag is None else followed(study, cell, lag, moment)
    if lag is None or ends.empty:
        return None
    return _bounded(GRADIENT, moment, lag, horizon(study, cell, lag, moment), float(ends.min()), len(ends))


def _capacity_span(study: StudyData, cell: str, moment: str) -> HorizonEstimate | None:
    lag = shared_lag(study.final(METRICS[CAPACITY_SPAN], moment))
    known, bounds = _known_and_bounds(study, cell, lag, CAPACITY_SPAN, moment)
    if not known and not bounds:
        return None
    all_spans = np.array([*known, *(math.inf for _ in bounds)])
    middle, low, high = (float(f(all_spans)) for f in (np.median, np.min, np.max))
    if math.isinf(middle):
        longest = float(np.median([*known, *bounds]))  # a member beyond its bound may be just beyond it
        return HorizonEstimate(
            CAPACITY_SPAN, moment, lag, longest, min(low, longest), math.inf, "above", len(all_spans)
        )
    return HorizonEstimate(CAPACITY_SPAN, moment, lag, middle, low, high, "", len(all_spans))


def _capacity(study: StudyData, cell: str, moment: str) -> HorizonEstimate | None:
    lag = shared_lag(study.final(METRICS[CAPACITY], moment))
    return _mean(CAPACITY, moment, lag, study.by_seed(cell, lag, METRICS[CAPACITY], moment).tolist())


def _half_life(study: StudyData, cell: str) -> HorizonEstimate | None:
    rows = study.final(METRICS[HALF_LIFE], FINAL)
    lag = representative_lag(study, cell, rows.loc[rows["cell"] == cell, "lag"].tolist())
    return _median(HALF_LIFE, FINAL, lag, *_known_and_bounds(study, cell, lag, HALF_LIFE, FINAL))


def _lyapunov(study: StudyData, cell: str, moment: str) -> HorizonEstimate | None:
    name = METRICS[LYAPUNOV]
    # The exponent of a horizon of 0 steps is -inf, and so is not among the finite results.
    lag = shared_lag(study.final(EXPONENT, moment)) or shared_lag(study.final(name, moment))
    horizons, exponents = (study.by_seed(cell, lag, metric, moment) for metric in (name, EXPONENT))
    n_without_end = len(exponents.index.difference(horizons.index))
    estimate = _median(LYAPUNOV, moment, lag, horizons.tolist(), [math.inf] * n_without_end)
    gone_within = study.by_seed(cell, lag, GONE_WITHIN, moment).max()
    return estimate and replace(estimate, gone_within=float(gone_within))


def _window(study: StudyData, cell: str) -> HorizonEstimate | None:
    rows = study.final(METRICS[WINDOW])
    lag = shared_lag(rows)
    is_trained = (rows["cell"] == cell) & (rows["lag"] == lag) & rows["status"].isin(ATTEMPTS)
    return _mean(WINDOW, FINAL, lag, rows.loc[is_trained, "value"].tolist())


def _median(
    name: str, moment: str, lag: int | None, known: Sequence[float], longer_than: Sequence[float]
) -> HorizonEstimate | None:
    """Return the Kaplan-Meier median of a horizon that is censored for some members; None without members."""
    n = len(known) + len(longer_than)
    if not n:
        return None
    beyond = max(known, default=0.0) + 1  # where there is no limit, any number longer than all will do
    limits = [beyond if math.isinf(limit) else limit for limit in longer_than]
    return _bounded(name, moment, lag, median_time(known, limits), min(longer_than, default=math.inf), n)


def _bounded(name: str, moment: str, lag: int | None, median: Interval, limit: float, n: int) -> HorizonEstimate:
    """Return a median, or, where it is censored, the limit that it lies beyond."""
    if math.isinf(median.middle):
        return HorizonEstimate(name, moment, lag, limit, min(median.low, limit), math.inf, "above", n)
    return HorizonEstimate(name, moment, lag, *median, "", n)


def _mean(name: str, moment: str, lag: int | None, values: Sequence[float]) -> HorizonEstimate | None:
    if not len(values):
        return None
    return HorizonEstimate(name, moment, lag, *interquartile_mean(values), "", len(values))


def _known_and_bounds(
    study: StudyData, cell: str, lag: int | None, name: str, moment: str
) -> tuple[list[float], list[float]]:
    """Return the known values of a horizon, and the lower bounds of the censored ones."""
    values = study.by_seed(cell, lag, METRICS[name], moment)
    flags = study.by_seed(cell, lag, LOWER_BOUNDS[name], moment).reindex(values.index).fillna(0.0)
    return values.loc[flags == 0].tolist(), values.loc[flags != 0].tolist()
