"""How far back a cell reaches, seen through several lenses that are never mixed in one number."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from lstm_bench.analysis.frames import StudyData, cache_per_study
from lstm_bench.analysis.gradients import FINAL, INITIAL, followed, horizon, longest_lag_with_flow
from lstm_bench.analysis.solving import ATTEMPTS, longest_mostly_solved, spans
from lstm_bench.analysis.statistics import Interval, interquartile_mean
from lstm_bench.analysis.survival import median_time
from lstm_bench.analysis.wording import significant, with_range

LEARNED, GRADIENT, CAPACITY_SPAN = "learned span", "gradient horizon", "linear-capacity span"
HALF_LIFE, LYAPUNOV, WINDOW = "forgetting half-life", "Lyapunov horizon", "implied window"
LENSES = (LEARNED, GRADIENT, CAPACITY_SPAN, HALF_LIFE, LYAPUNOV, WINDOW)  # in steps
CAPACITY = "linear capacity"  # in inputs
MOMENTS = (INITIAL, FINAL)
IMPLIED_WINDOW = "eval/implied_window"
METRICS = {IMPLIED_WINDOW} | {
    f"{name}_{moment}"
    for moment in MOMENTS
    for name in (
        "grad/decay", "grad/horizon", "memory/capacity", "memory/capacity_span", "memory/capacity_span_open",
        "memory/half_life", "memory/half_life_open", "memory/lyapunov", "memory/lyapunov_horizon",
    )
}  # fmt: skip
Open = Literal["", "above", "below"]
NOTHING_DIES = "does not die"
COLUMNS = (
    "study", "task", "variant", "cell", "lens", "moment", "lag", "middle", "low", "high", "open", "n", "unit",
)  # fmt: skip


@dataclass(frozen=True)
class HorizonEstimate:
    """What one lens says of a cell at one moment: a middle value over members with its interval.

    `lag` is the one at which members were looked at, None for the learned span, which is over all. Where `open` is
    "above" the value is at least `middle`, the most that was tried (inf where there is no such limit), and `high` is
    inf; where it is "below", it is less than `middle`. `n` members were measured.
    """

    lens: str
    moment: str
    lag: int | None
    middle: float
    low: float
    high: float
    open: Open
    n: int

    @property
    def unit(self) -> str:
        """Steps, but for the capacity, which counts inputs."""
        return "inputs" if self.lens == CAPACITY else "steps"

    @property
    def text(self) -> str:
        """The value as it stands in a caption: "14 (12-17)", "14 (or more)", ">= 54", "< 2", "does not die"."""
        if self.open == "above" and math.isinf(self.middle):
            return NOTHING_DIES
        if self.open:
            return f"{'>=' if self.open == 'above' else '<'} {significant(self.middle, self._digits)}"
        middle, low = (significant(value, self._digits) for value in (self.middle, self.low))
        if math.isinf(self.high) and middle == low:
            return f"{middle} (or more)"
        return with_range(self.middle, self.low, self.high, self._digits)

    @property
    def _digits(self) -> int:
        known = [value for value in (self.middle, self.low, self.high) if math.isfinite(value)]
        return 0 if all(value == round(value) for value in known) else 2


def lens_table(study: StudyData) -> pd.DataFrame:
    """Return one row a (task, variant, cell), lens and moment that was measured; see `all_reaches`."""
    rows = [
        {"study": study.plan.study, "task": job.task, "variant": job.variant, "cell": cell}
        | asdict(reach)
        | {"unit": reach.unit}
        for one in study.by_task()
        for job in one.plan.jobs[:1]
        for cell, found in all_reaches(one).items()
        for reach in found
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"lag": "Int64"})


@cache_per_study
def all_reaches(study: StudyData) -> dict[str, list[HorizonEstimate]]:
    """Return what each lens says of each cell, of a study narrowed to one task, in the order of LENSES, start first.

    learned span: T50, posterior median with its 95% interval.
    gradient horizon: steps back until the gradient of the joint state is below 1e-3, Kaplan-Meier median with its 95%
    interval; a member whose sequence ends first counts as longer than it.
    linear-capacity span: largest delay with r^2 >= 0.5, median and range over members; linear capacity: the sum of r^2,
    interquartile mean with its bootstrap interval.
    forgetting half-life: Kaplan-Meier median at the longest lag that most of the cell's members solved, or else the
    shortest; longer than the longest distance tried where recall stays above one half.
    Lyapunov horizon: -1 / the top exponent, Kaplan-Meier median; a member in which nothing dies is longer than any.
    implied window: T(1 - 6 MSE) at the end, interquartile mean with its bootstrap interval.
    What is not told otherwise is at the longest lag that was measured for all cells; what was not measured is left out.
    """
    is_number = np.isfinite(study.results["value"])
    narrowed = replace(study, results=study.results.loc[study.results["metric"].isin(METRICS) & is_number])
    return {cell: list(_reaches(narrowed, cell)) for cell in study.cells}


def _reaches(study: StudyData, cell: str) -> Iterator[HorizonEstimate]:
    found = [
        _learned(study, cell),
        *(_gradient(study, cell, moment) for moment in MOMENTS),
        *(_capacity_span(study, cell, moment) for moment in MOMENTS),
        *(_capacity(study, cell, moment) for moment in MOMENTS),
        _half_life(study, cell),
        *(_lyapunov(study, cell, moment) for moment in MOMENTS),
        _window(study, cell),
    ]
    return (reach for reach in found if reach is not None)


def estimate_of(study: StudyData, cell: str, lens: str, moment: str) -> HorizonEstimate | None:
    """Return what one lens says of a cell, None where it was not measured."""
    return next((r for r in all_reaches(study)[cell] if (r.lens, r.moment) == (lens, moment)), None)


def shared_lag(study: StudyData, metric: str) -> int | None:
    """Return the longest lag at which a metric was recorded for every cell that has it anywhere.

    Where their lags do not meet, the longest of any; None where no cell has it.
    """
    found = study.final(metric)[["cell", "lag"]].drop_duplicates()
    if found.empty:
        return None
    cells_at = found.groupby("lag")["cell"].nunique()
    shared = cells_at.loc[cells_at == found["cell"].nunique()]
    return int((shared if len(shared) else cells_at).index.max())


def representative_lag(study: StudyData, cell: str, lags: Iterable[int]) -> int | None:
    """Return of these lags the longest that most of a cell's members solved: there they tell how they do it.

    A cell that solved none of them has its best chance at the shortest. None of none.
    """
    measured = set(lags)
    solved = longest_mostly_solved(study, cell, measured)
    return solved if solved is not None else min(measured, default=None)


def _learned(study: StudyData, cell: str) -> HorizonEstimate | None:
    span = spans(study)[cell]
    if math.isnan(span.median):
        return None
    members = study.members.loc[study.members["cell"] == cell, "status"]
    is_open: Open = span.outcome if span.outcome in ("above", "below") else ""
    return HorizonEstimate(
        LEARNED, FINAL, None, span.median, span.low, span.high, is_open, int(members.isin(ATTEMPTS).sum())
    )


def _gradient(study: StudyData, cell: str, moment: str) -> HorizonEstimate | None:
    lag = longest_lag_with_flow(study)
    ends = pd.Series(dtype=float) if lag is None else followed(study, cell, lag, moment)
    if lag is None or ends.empty:
        return None
    return _reach(GRADIENT, moment, lag, horizon(study, cell, lag, moment), float(ends.min()), len(ends))


def _capacity_span(study: StudyData, cell: str, moment: str) -> HorizonEstimate | None:
    lag = shared_lag(study, f"memory/capacity_span_{moment}")
    known, cut_off = _with_open(study, cell, lag, "memory/capacity_span", moment)
    if not known and not cut_off:
        return None
    all_of_them = np.array([*known, *(math.inf for _ in cut_off)])
    middle, low, high = (float(f(all_of_them)) for f in (np.median, np.min, np.max))
    if math.isinf(middle):
        most = max(cut_off)
        return HorizonEstimate(CAPACITY_SPAN, moment, lag, most, min(low, most), math.inf, "above", len(all_of_them))
    return HorizonEstimate(CAPACITY_SPAN, moment, lag, middle, low, high, "", len(all_of_them))


def _capacity(study: StudyData, cell: str, moment: str) -> HorizonEstimate | None:
    lag = shared_lag(study, f"memory/capacity_{moment}")
    return _mean(CAPACITY, moment, lag, _values(study, cell, lag, f"memory/capacity_{moment}"))


def _half_life(study: StudyData, cell: str) -> HorizonEstimate | None:
    found = study.final("memory/half_life_final")
    lag = representative_lag(study, cell, found.loc[found["cell"] == cell, "lag"].tolist())
    return _median(HALF_LIFE, FINAL, lag, *_with_open(study, cell, lag, "memory/half_life", FINAL))


def _lyapunov(study: StudyData, cell: str, moment: str) -> HorizonEstimate | None:
    exponent, horizon = f"memory/lyapunov_{moment}", f"memory/lyapunov_horizon_{moment}"
    lag = shared_lag(study, exponent) or shared_lag(study, horizon)  # what is forgotten at once has no exponent
    known = _by_member(study, cell, lag, horizon)
    exponents = _by_member(study, cell, lag, exponent)
    return _median(LYAPUNOV, moment, lag, list(known.values()), [math.inf] * len(exponents.keys() - known.keys()))


def _window(study: StudyData, cell: str) -> HorizonEstimate | None:
    trained = study.results.loc[study.results["status"].isin(ATTEMPTS)]
    lag = shared_lag(study, IMPLIED_WINDOW)
    own = trained.loc[(trained["cell"] == cell) & (trained["lag"] == lag)]
    windows = own.loc[own["metric"] == IMPLIED_WINDOW, "value"]
    return _mean(WINDOW, FINAL, lag, windows.loc[np.isfinite(windows)].tolist())


def _median(
    lens: str, moment: str, lag: int | None, known: Sequence[float], longer_than: Sequence[float]
) -> HorizonEstimate | None:
    """Return the Kaplan-Meier median of a reach that is only known to be longer than something for some members."""
    n = len(known) + len(longer_than)
    if not n:
        return None
    beyond = max(known, default=0.0) + 1  # where there is no limit, any number longer than all will do
    limits = [beyond if math.isinf(limit) else limit for limit in longer_than]
    return _reach(lens, moment, lag, median_time(known, limits), min(longer_than, default=math.inf), n)


def _reach(lens: str, moment: str, lag: int | None, median: Interval, limit: float, n: int) -> HorizonEstimate:
    """Return a median, or where it is open the limit that it lies beyond."""
    if math.isinf(median.middle):
        return HorizonEstimate(lens, moment, lag, limit, min(median.low, limit), math.inf, "above", n)
    return HorizonEstimate(lens, moment, lag, *median, "", n)


def _mean(lens: str, moment: str, lag: int | None, values: Sequence[float]) -> HorizonEstimate | None:
    if not len(values):
        return None
    found: Interval = interquartile_mean(values)
    return HorizonEstimate(lens, moment, lag, *found, "", len(values))


def _with_open(
    study: StudyData, cell: str, lag: int | None, metric: str, moment: str
) -> tuple[list[float], list[float]]:
    """Return the values that are known, and the bounds of those that are only known to be longer."""
    values = _by_member(study, cell, lag, f"{metric}_{moment}")
    flags = _by_member(study, cell, lag, f"{metric}_open_{moment}")
    known = [value for seed, value in values.items() if not flags.get(seed)]
    return known, [value for seed, value in values.items() if flags.get(seed)]


def _by_member(study: StudyData, cell: str, lag: int | None, metric: str) -> dict[int, float]:
    found = study.final(metric)
    own = found.loc[(found["cell"] == cell) & (found["lag"] == lag)]
    return {int(seed): float(value) for seed, value in zip(own["seed"], own["value"], strict=True)}


def _values(study: StudyData, cell: str, lag: int | None, metric: str) -> list[float]:
    return list(_by_member(study, cell, lag, metric).values())
