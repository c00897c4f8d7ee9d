"""State and gates of a cell while it reads sequences of its task, at initialisation and after training."""

import numpy as np
import pandas as pd

from lstm_bench.analysis.frames import StudyData, cache_per_study
from lstm_bench.analysis.lags import representative_lag
from lstm_bench.analysis.solving import longest_mostly_solved
from lstm_bench.analysis.statistics import Interval, geometric_mean, interquartile_mean, mean
from lstm_bench.metrics import FINAL

MEAN, SHARES, TIME_CONSTANT = " mean", " distribution", "time constant"
OPEN_SHARE, SHUT_SHARE = "gates/{path}_open_share", "gates/{path}_shut_share"  # of a gate
TIME_CONSTANT_OF_UNITS = "gates/time_constant_{path}"  # "shortest", "median" or "longest"
AT_ROLE, CLAMP_FALL = "gates/{path}_at_{role}", "gates/{path}_clamp_fall"  # of a gate
STATE_CHANGE, STATE_KEPT = "gates/state_change_{path}", "gates/state_kept_{path}"  # at the steps of a role
KEYS = ["task", "variant", "cell", "lag", "moment", "quantity", "at"]


@cache_per_study
def gate_curves(study: StudyData) -> pd.DataFrame:
    """Return every curve of the probe of state and gates: labels, moment, quantity, at, value."""
    return study.probes.loc[study.probes["probe"] == "state_and_gates"]


@cache_per_study
def gate_summary(study: StudyData) -> pd.DataFrame:
    """Return each curve of state and gates over members: mean, smallest and largest, at the cell's `gate_lag`.

    `at` is the rank of the unit for time constants. Columns: task, variant, cell, lag, moment, quantity, at, mean,
    least, most, n.
    """
    curves = pd.concat([curves_of(one_task, cell) for one_task in study.by_task() for cell in one_task.cells])
    values = curves.groupby(KEYS, observed=True, sort=False)["value"]
    return values.agg(mean="mean", least="min", most="max", n="size").reset_index()


@cache_per_study
def curves_of(study: StudyData, cell: str) -> pd.DataFrame:
    """Return the curves of one cell's members at its `gate_lag`, of a study narrowed to one task."""
    curves = gate_curves(study)
    return curves.loc[(curves["cell"] == cell) & (curves["lag"] == gate_lag(study, cell))]


@cache_per_study
def gate_lag(study: StudyData, cell: str) -> int | None:
    """Return the lag at which a cell's gates are shown: the longest that most members solved, or else the shortest."""
    curves = gate_curves(study)
    return representative_lag(study, cell, curves.loc[curves["cell"] == cell, "lag"].unique().tolist())


def gated_cells(study: StudyData) -> list[str]:
    """Return the cells whose gates were measured."""
    curves = gate_curves(study)
    of_gates = [quantity for quantity in curves["quantity"].unique() if quantity.endswith(SHARES)]
    measured = set(curves.loc[curves["quantity"].isin(of_gates), "cell"])
    return [cell for cell in study.cells if cell in measured]


def gates_of(curves: pd.DataFrame) -> list[str]:
    """Return the names of the gates in some curves."""
    return [name.removesuffix(SHARES) for name in curves["quantity"].unique() if name.endswith(SHARES)]


def gate_metric(study: StudyData, cell: str, name: str, moment: str, path: str = "") -> Interval:
    """Return a metric such as OPEN_SHARE of the gate "f": interquartile mean over members at the lag that is shown."""
    return interquartile_mean(study.by_seed(cell, gate_lag(study, cell), name, moment, path).tolist())


@cache_per_study
def solved_lag(study: StudyData, cell: str, name: str, path: str) -> int | None:
    """Return the longest lag that most members of a cell solved, of those at which a metric was measured when trained.

    None where there is no such lag: the gates of a cell that has not learned its task say nothing about the task.
    """
    rows = study.final(name, FINAL, path)
    return longest_mostly_solved(study, cell, set(rows.loc[rows["cell"] == cell, "lag"]))


def of_solvers(study: StudyData, cell: str, name: str, path: str) -> "pd.Series[float]":
    """Return a metric of the trained members that solved their task at the `solved_lag`, by seed; empty without one."""
    rows = study.final(name, FINAL, path)
    is_chosen = (rows["cell"] == cell) & (rows["lag"] == solved_lag(study, cell, name, path))
    return rows.loc[is_chosen & (rows["status"] == "solved")].set_index("seed")["value"]


def role_ratio(study: StudyData, cell: str, gate: str, role: str, other: str) -> Interval:
    """Return a gate's mean at the steps of one role over that of another: geometric mean over the members that solved.

    The ratio is taken within each member, the 95% interval over members; NaN where it was not measured.
    """
    values, others = (of_solvers(study, cell, AT_ROLE.format(path="{path}", role=name), gate) for name in (role, other))
    return geometric_mean((values / others.where(others > 0)).dropna().tolist())


def clamp_fall(study: StudyData, cell: str, gate: str) -> Interval:
    """Return the share of the score that is lost with a gate clamped at its mean: mean over the members that solved."""
    return mean(of_solvers(study, cell, CLAMP_FALL, gate).tolist())


def state_change(study: StudyData, cell: str, role: str) -> Interval:
    """Return ||c_t - c_{t-1}|| / ||c_{t-1}|| at the steps of a role: geometric mean over the members that solved."""
    return geometric_mean(of_solvers(study, cell, STATE_CHANGE, role).tolist())


def state_kept(study: StudyData, cell: str, role: str) -> Interval:
    """Return the share of c that is due to keeping at the steps of a role: mean over the members that solved."""
    return mean(of_solvers(study, cell, STATE_KEPT, role).tolist())


def change_ratio(study: StudyData, cell: str, role: str, other: str) -> Interval:
    """Return the change of c at the steps of one role over that of another: each member's ratio, geometric mean."""
    changes, others = (of_solvers(study, cell, STATE_CHANGE, name) for name in (role, other))
    return geometric_mean((changes / others.where(others > 0)).dropna().tolist())


def time_constants(curves: pd.DataFrame, moment: str) -> np.ndarray:
    """Return the time constants of all units of all members at one moment."""
    chosen = curves.loc[(curves["quantity"] == TIME_CONSTANT) & (curves["moment"] == moment), "value"]
    return np.asarray(chosen, dtype=float)
