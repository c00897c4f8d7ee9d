"""How much of a gradient is left step by step back in time, summarised over members."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from lstm_bench.analysis.frames import StudyData, cache_per_study
from lstm_bench.analysis.lags import shared_lag
from lstm_bench.analysis.statistics import UNKNOWN, Interval, geometric_mean, geometric_ratio, interval_columns
from lstm_bench.analysis.summary import geometric_means
from lstm_bench.analysis.survival import median_time
from lstm_bench.metrics import FINAL, INITIAL, milestone, percent_of

DECAY, PATH_DECAY = "grad/decay", "grad/decay_{path}_path"
STATE_SIZE = "memory/state_size"
WHEN = {INITIAL: "at initialisation", FINAL: "after training"}
JOINT, PATH = "joint", " path"
THOUSANDTH, ONE_OVER_E = "horizon", "horizon_e"  # by the share of the gradient left; "grad/horizon" in records
FEWEST_FOR_A_RANGE = 5  # members
SPECTRAL, FROBENIUS = "spectral", "frobenius"
BOUNDS = {SPECTRAL: "best direction", FROBENIUS: "any direction"}
KEYS = ["task", "variant", "cell", "lag", "moment", "quantity", "steps_back"]
DECAY_COLUMNS = (
    "study", "task", "variant", "cell", "lag", "moment", "decay", "decay_low", "decay_high",
    "horizon", "horizon_low", "horizon_high", "horizon_e", "horizon_e_low", "horizon_e_high", "n",
)  # fmt: skip


@cache_per_study
def flow_summary(study: StudyData) -> pd.DataFrame:
    """Return the gradient flow g_k over members, at initialisation and after training.

    A row a cell, lag, moment, quantity ("joint", or "c path" for what flows through one part of the state alone) and
    steps back. Columns: task, variant, cell, lag, moment, quantity, steps_back, middle, low, high, n; see
    `geometric_means`.
    """
    flow = _curves(study, "gradient_flow")
    return geometric_means(flow.loc[flow["moment"].isin(WHEN)], KEYS)


@cache_per_study
def bound_summary(study: StudyData) -> pd.DataFrame:
    """Return norms of J_k = d s_T / d s_{T-k} over members, at initialisation and after training, as in `flow_summary`.

    Quantities: "best direction", ||J_k||_2, the most that any gradient keeps, and "any direction",
    ||J_k||_F / sqrt(S), the root mean square over all directions of a state of S units.
    """
    norms = _curves(study, "jacobian")
    is_whole = norms["quantity"] == FROBENIUS
    sizes = norms.loc[is_whole, "cell"].map(_state_sizes(study)).astype(float)
    norms.loc[is_whole, "value"] /= np.sqrt(sizes)
    return geometric_means(norms.assign(quantity=norms["quantity"].astype(str).map(BOUNDS)), KEYS)


def _curves(study: StudyData, probe: str) -> pd.DataFrame:
    curves = study.probes.loc[study.probes["probe"] == probe]
    return curves.rename(columns={"at": "steps_back"}).astype({"steps_back": int, "value": float})


def _state_sizes(study: StudyData) -> dict[str, float]:
    """Return the number of units in each cell's state: as measured, or H times the number of its parts."""
    measured = measured_state_sizes(study)
    hidden = {job.cell: job.hidden_size for job in study.plan.jobs}
    return {cell: float(measured.get(cell, size * max(1, len(paths(study, cell))))) for cell, size in hidden.items()}


def measured_state_sizes(study: StudyData) -> dict[str, float]:
    """Return how many real numbers each cell hands to its next step, of one sequence, where a probe counted them."""
    sizes = study.results.loc[study.results["name"] == STATE_SIZE]
    return {str(cell): float(size) for cell, size in sizes.groupby("cell")["value"].max().items()}


def longest_lag_with_flow(study: StudyData) -> int | None:
    """Return the longest lag at which a gradient flow was measured for every cell that has one anywhere.

    So cells are compared over the same steps. Where they have no lag in common it is the longest of any.
    """
    return _shared_lag_of(study, "gradient_flow")


def longest_lag_with_bounds(study: StudyData) -> int | None:
    """Return the same for the norms of the Jacobian."""
    return _shared_lag_of(study, "jacobian")


@cache_per_study
def _shared_lag_of(study: StudyData, probe: str) -> int | None:
    return shared_lag(study.probes.loc[study.probes["probe"] == probe, ["cell", "lag"]].drop_duplicates())


def paths(study: StudyData, cell: str) -> list[str]:
    """Return the paths through the parts of a cell's state, such as "h path"; none for a state of one part."""
    p = study.probes
    quantities = p.loc[(p["cell"] == cell) & (p["probe"] == "gradient_flow"), "quantity"].unique()
    return [str(quantity) for quantity in quantities if str(quantity).endswith(PATH)]


def part_of(path: str) -> str:
    """Return "c" of "c path"."""
    return path.removesuffix(PATH)


def moments(study: StudyData) -> list[str]:
    """Return the moments at which a decay is known, in order: "initial", "at_75" (% of the baseline) .., "final"."""
    measured = set(study.results.loc[study.results["name"] == DECAY, "moment"])
    percents = sorted((percent for moment in measured if (percent := percent_of(moment)) is not None), reverse=True)
    return [moment for moment in (INITIAL, *map(milestone, percents), FINAL) if moment in measured]


def moment_label(moment: str) -> str:
    """Return "start", "75%" or "end"."""
    return {INITIAL: "start", FINAL: "end"}.get(moment) or f"{percent_of(moment)}%"


@cache_per_study
def decay_per_step(study: StudyData, cell: str, lag: int, moment: str = INITIAL, path: str = "") -> Interval:
    """Return rho, the factor by which the gradient changes per step: geometric mean over members, 95% interval.

    Of the whole state, or through one path alone.
    """
    return geometric_mean(_decays(study, cell, lag, moment, path).tolist())


def decay_ratio(study: StudyData, cell: str, lag: int, moment: str, path: str, other: str) -> Interval:
    """Return rho of one path over that of another: geometric mean over members, 95% interval.

    The ratio is taken within each member; "" is all paths together. Unknown where the other keeps nothing.
    """
    decays, others = (_decays(study, cell, lag, moment, name) for name in (path, other))
    ratios = (decays / others.where(others > 0)).dropna()
    return geometric_mean(ratios.tolist())


def _decays(study: StudyData, cell: str, lag: int, moment: str, path: str) -> "pd.Series[float]":
    return study.by_seed(cell, lag, PATH_DECAY if path else DECAY, moment, part_of(path))


@cache_per_study
def horizon(study: StudyData, cell: str, lag: int, moment: str = INITIAL, name: str = THOUSANDTH) -> Interval:
    """Return the steps back until the gradient falls below 1e-3 (or 1/e) of its start: Kaplan-Meier median and 95%.

    A member whose sequence ended first is censored at its length; inf where that leaves the median, or an end of the
    interval, open; NaN where nothing was measured.
    """
    horizons = member_horizons(study, cell, lag, moment, name)
    ends = followed(study, cell, lag, moment)
    return median_time(horizons.tolist(), ends.loc[~ends.index.isin(horizons.index)].tolist())


def member_horizons(
    study: StudyData, cell: str, lag: int, moment: str = INITIAL, name: str = THOUSANDTH
) -> "pd.Series[float]":
    """Return the horizon of each member whose sequence did not end first, by its seed."""
    return study.by_seed(cell, lag, f"grad/{name}", moment)


@cache_per_study
def horizon_range(study: StudyData, cell: str, lag: int, moment: str = INITIAL) -> Interval:
    """Return the median gradient horizon K, and the shortest and the longest of the members.

    The shortest and the longest of n hold the median of all members that could be drawn with probability 1 - 2^(1 - n):
    0.94 for 5, 0.998 for 10; fewer than 5 have NaN for ends. A member whose sequence ended first counts with the length
    of its sequence in the median and in the low end, and with inf in the high end.
    """
    steps, horizons = followed(study, cell, lag, moment), member_horizons(study, cell, lag, moment)
    least = [float(horizons.get(seed, end)) for seed, end in steps.items()]
    most = [float(horizons.get(seed, math.inf)) for seed in steps.index]
    if not least:
        return UNKNOWN
    ends = (min(least), max(most)) if len(least) >= FEWEST_FOR_A_RANGE else (math.nan, math.nan)
    return Interval(float(np.median(least)), *ends)


def gradient_left(study: StudyData, cell: str, lag: int | None, steps_back: int, moment: str = INITIAL) -> Interval:
    """Return g_k, the share of the gradient of the joint state that is left k steps back.

    Geometric mean over members, 95% interval; NaN where no gradient was followed that far.
    """
    p = study.probes
    chosen = (p["probe"] == "gradient_flow") & (p["quantity"] == JOINT) & (p["at"] == steps_back)
    of_cell = (p["cell"] == cell) & (p["lag"] == lag) & (p["moment"] == moment)
    return geometric_mean(p.loc[chosen & of_cell, "value"].astype(float).tolist())


def rho_ratio(study: StudyData, cell: str, path: str, other: str, lag: int, moment: str) -> Interval:
    """Return rho of one cell through one path over rho of another cell: geometric means, 95% interval of Welch's t.

    Members of two cells are independent samples, so they are not paired. NaN where either cell keeps nothing or was not
    measured, and for the ends where either has a single member.
    """
    mine, others = _decays(study, cell, lag, moment, path), _decays(study, other, lag, moment, "")
    return geometric_ratio(mine.tolist(), others.tolist())


@cache_per_study
def followed(study: StudyData, cell: str, lag: int, moment: str) -> pd.Series:
    """Return how many steps back each member's gradient was followed."""
    p = study.probes
    curves = p.loc[(p["cell"] == cell) & (p["lag"] == lag) & (p["moment"] == moment)]
    flow = curves.loc[(curves["probe"] == "gradient_flow") & (curves["quantity"] == JOINT)]
    return flow.groupby("seed")["at"].max()


@cache_per_study
def decays_while_learning(study: StudyData) -> pd.DataFrame:
    """Return rho and both horizons at every moment, at the lag of the comparison: a row a cell and moment.

    `n` is the number of members measured at that moment; a moment without any has no row. Columns: DECAY_COLUMNS.
    """
    rows = [row for one_task in study.by_task() for row in _decay_rows(one_task)]
    return pd.DataFrame(rows, columns=list(DECAY_COLUMNS))


def _decay_rows(study: StudyData) -> list[dict[str, object]]:
    lag = longest_lag_with_flow(study)
    if lag is None:
        return []
    return [
        {**study.labels, "lag": lag, "cell": cell, "moment": moment, "n": n} | _decay_columns(study, cell, lag, moment)
        for cell in study.cells
        for moment in moments(study)
        if (n := len(_decays(study, cell, lag, moment, "")))
    ]


def _decay_columns(study: StudyData, cell: str, lag: int, moment: str) -> dict[str, float]:
    columns = interval_columns("decay", decay_per_step(study, cell, lag, moment))
    for name in (THOUSANDTH, ONE_OVER_E):
        columns |= interval_columns(name, horizon(study, cell, lag, moment, name))
    return columns


def by_decay(study: StudyData, cells: Sequence[str], lag: int) -> list[str]:
    """Return cells by rho at initialisation, the largest first; those without a number last."""
    decays = {cell: decay_per_step(study, cell, lag).middle for cell in cells}
    return sorted(cells, key=lambda cell: -decays[cell] if math.isfinite(decays[cell]) else math.inf)
