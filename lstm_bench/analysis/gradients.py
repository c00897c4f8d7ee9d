"""What is left of a gradient, step by step back, summarised over members."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from lstm_bench.analysis.frames import StudyData, cache_per_study
from lstm_bench.analysis.statistics import TAILS, Interval, geometric_mean
from lstm_bench.analysis.survival import median_time

INITIAL, FINAL = "initial", "final"
WHEN = {INITIAL: "at initialisation", FINAL: "after training"}
JOINT, PATH = "joint", " path"
THOUSANDTH, ONE_OVER_E = "horizon", "horizon_e"  # a horizon's name in records, by the share that it waits for
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
    `over_members`.
    """
    flow = _curves(study, "gradient_flow")
    return over_members(flow.loc[flow["moment"].isin(WHEN)], KEYS)


@cache_per_study
def bound_summary(study: StudyData) -> pd.DataFrame:
    """Return norms of J_k = d s_T / d s_{T-k} over members, at initialisation and after training: as `flow_summary`.

    Quantities: "best direction", ||J_k||_2, the most that any gradient keeps, and "any direction",
    ||J_k||_F / sqrt(S), the root mean square over all directions of a state of S units.
    """
    norms = _curves(study, "jacobian")
    is_whole = norms["quantity"] == FROBENIUS
    sizes = norms.loc[is_whole, "cell"].map(_state_sizes(study)).astype(float)
    norms.loc[is_whole, "value"] /= np.sqrt(sizes)
    return over_members(norms.assign(quantity=norms["quantity"].astype(str).map(BOUNDS)), KEYS)


def _curves(study: StudyData, probe: str) -> pd.DataFrame:
    found = study.probes.loc[study.probes["probe"] == probe]
    return found.rename(columns={"at": "steps_back"}).astype({"steps_back": int, "value": float})


def _state_sizes(study: StudyData) -> dict[str, float]:
    """Return units in each cell's state: as measured, or as many times H as the state has parts."""
    r = study.results
    known = r.loc[r["metric"].str.startswith("memory/state_size_")].groupby("cell")["value"].max()
    hidden = {job.cell: job.hidden_size for job in study.plan.jobs}
    return {cell: float(known.get(cell, size * max(1, len(paths(study, cell))))) for cell, size in hidden.items()}


def over_members(frame: pd.DataFrame, keys: list[str], column: str = "value") -> pd.DataFrame:
    """Return a column's geometric mean over members with its 95% interval, a row a group: keys, middle, low, high, n.

    Student's t on the logarithms, as `geometric_mean`. Where a member has 0 the mean is 0, with an unknown interval.
    """
    names = [*keys, "middle", "low", "high", "n"]
    if frame.empty:
        return pd.DataFrame(columns=names)
    with np.errstate(divide="ignore"):
        logs = frame[keys].assign(log=np.log(frame[column]))
    groups = logs.groupby(keys, observed=True, sort=False)["log"]
    mean, n = groups.mean(), groups.size()
    reach = stats.t.ppf(TAILS[1], (n - 1).where(n > 1)) * groups.std() / np.sqrt(n)
    found = {"middle": np.exp(mean), "low": np.exp(mean - reach), "high": np.exp(mean + reach), "n": n}
    return pd.DataFrame(found).reset_index()[names]


def longest_lag_with_flow(study: StudyData) -> int | None:
    """Return the longest lag at which a gradient flow was measured for every cell that has one anywhere.

    So that cells are compared over the same stretch; where their lags do not meet, the longest of any.
    """
    return _longest_shared_lag(study, "gradient_flow")


def longest_lag_with_bounds(study: StudyData) -> int | None:
    """Return the same for the norms of the Jacobian."""
    return _longest_shared_lag(study, "jacobian")


@cache_per_study
def _longest_shared_lag(study: StudyData, probe: str) -> int | None:
    measured = study.probes.loc[study.probes["probe"] == probe, ["cell", "lag"]].drop_duplicates()
    if measured.empty:
        return None
    cells_at = measured.groupby("lag")["cell"].nunique()
    shared = cells_at.loc[cells_at == measured["cell"].nunique()]
    return int((shared if len(shared) else cells_at).index.max())


def paths(study: StudyData, cell: str) -> list[str]:
    """Return the parts of a cell's state, each a path of its own, as "h path"; none of a state in one piece."""
    p = study.probes
    own = p.loc[(p["cell"] == cell) & (p["probe"] == "gradient_flow"), "quantity"].unique()
    return [str(quantity) for quantity in own if str(quantity).endswith(PATH)]


def part_of(path: str) -> str:
    """Return "c" of "c path"."""
    return path.removesuffix(PATH)


def moments(study: StudyData) -> list[str]:
    """Return the moments at which a decay is known, in order: "initial", "at_75" (% of the baseline) .., "final"."""
    metrics = study.results["metric"].unique()
    found = {name.removeprefix("grad/decay_") for name in metrics if name.startswith("grad/decay_")}
    milestones = sorted((name for name in found if name.startswith("at_")), key=lambda name: -float(name[3:]))
    return [moment for moment in (INITIAL, *milestones, FINAL) if moment in found]


def moment_label(moment: str) -> str:
    """Return "start", "75%" or "end"."""
    return {INITIAL: "start", FINAL: "end"}.get(moment) or f"{moment.removeprefix('at_')}%"


@cache_per_study
def decay_per_step(study: StudyData, cell: str, lag: int, moment: str = INITIAL, path: str = "") -> Interval:
    """Return rho, the factor by which the gradient changes a step: geometric mean over members, 95% interval.

    Of the whole state, or through one path alone.
    """
    return geometric_mean(_by_member(study, cell, lag, _decay_metric(moment, path)).tolist())


def decay_ratio(study: StudyData, cell: str, lag: int, moment: str, path: str, other: str) -> Interval:
    """Return how many times as much one path keeps a step as another: geometric mean over members, 95% interval.

    Each member's own ratio; "" is all paths together. Unknown where the other keeps nothing.
    """
    one, two = (_by_member(study, cell, lag, _decay_metric(moment, name)) for name in (path, other))
    ratios = (one / two.where(two > 0)).dropna()
    return geometric_mean(ratios.tolist())


def _decay_metric(moment: str, path: str) -> str:
    return "grad/decay_" + (f"{path.replace(' ', '_')}_" if path else "") + moment


@cache_per_study
def horizon(study: StudyData, cell: str, lag: int, moment: str = INITIAL, name: str = THOUSANDTH) -> Interval:
    """Return the steps back until the gradient falls below 1e-3 (or 1/e) of its start: Kaplan-Meier median and 95%.

    A member whose sequence ended first is censored at its length; inf where that leaves the median, or an end of the
    interval, open; NaN where nothing was measured.
    """
    known = member_horizons(study, cell, lag, moment, name)
    ends = followed(study, cell, lag, moment)
    return median_time(known.tolist(), ends.loc[~ends.index.isin(known.index)].tolist())


def member_horizons(study: StudyData, cell: str, lag: int, moment: str = INITIAL, name: str = THOUSANDTH) -> pd.Series:
    """Return the horizon of each member whose sequence did not end first, by its seed."""
    return _by_member(study, cell, lag, f"grad/{name}_{moment}")


@cache_per_study
def followed(study: StudyData, cell: str, lag: int, moment: str) -> pd.Series:
    """Return how many steps back each member's gradient was followed."""
    p = study.probes
    own = p.loc[(p["cell"] == cell) & (p["lag"] == lag) & (p["moment"] == moment)]
    flow = own.loc[(own["probe"] == "gradient_flow") & (own["quantity"] == JOINT)]
    return flow.groupby("seed")["at"].max()


@cache_per_study
def _by_member(study: StudyData, cell: str, lag: int, metric: str) -> pd.Series:
    found = study.final(metric)
    return found.loc[(found["cell"] == cell) & (found["lag"] == lag)].set_index("seed")["value"]


@cache_per_study
def decays_while_learning(study: StudyData) -> pd.DataFrame:
    """Return rho and both horizons at every moment, at the lag of the comparison: a row a cell and moment.

    `n` members came as far, and had a gradient to measure; a moment without any has no row. Columns: DECAY_COLUMNS.
    """
    rows = [row for one in study.by_task() for row in _decay_rows(one)]
    return pd.DataFrame(rows, columns=list(DECAY_COLUMNS))


def _decay_rows(study: StudyData) -> list[dict[str, object]]:
    lag = longest_lag_with_flow(study)
    if lag is None:
        return []
    job = study.plan.jobs[0]
    labels = {"study": study.plan.study, "task": job.task, "variant": job.variant, "lag": lag}
    return [
        labels | {"cell": cell, "moment": moment, "n": n} | _reach_columns(study, cell, lag, moment)
        for cell in study.cells
        for moment in moments(study)
        if (n := len(_by_member(study, cell, lag, _decay_metric(moment, ""))))
    ]


def _reach_columns(study: StudyData, cell: str, lag: int, moment: str) -> dict[str, float]:
    found = {"decay": decay_per_step(study, cell, lag, moment)}
    found |= {name: horizon(study, cell, lag, moment, name) for name in (THOUSANDTH, ONE_OVER_E)}
    return {
        f"{name}{end}": value
        for name, interval in found.items()
        for end, value in zip(("", "_low", "_high"), interval, strict=True)
    }


def by_decay(study: StudyData, cells: Sequence[str], lag: int) -> list[str]:
    """Return cells by what they keep a step at initialisation, the most first; those without a number last."""
    kept = {cell: decay_per_step(study, cell, lag).middle for cell in cells}
    return sorted(cells, key=lambda cell: -kept[cell] if math.isfinite(kept[cell]) else math.inf)
