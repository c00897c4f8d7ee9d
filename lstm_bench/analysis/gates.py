"""State and gates of a cell while it reads its task, at its start and trained."""

import numpy as np
import pandas as pd

from lstm_bench.analysis.caching import cache_per_study
from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.lags import representative_lag
from lstm_bench.analysis.statistics import Interval, interquartile_mean

MEAN, SHARES, TIME_CONSTANT = " mean", " distribution", "time constant"
OPEN_SHARE, SHUT_SHARE = "gates/{path}_open_share", "gates/{path}_shut_share"  # of a gate
TIME_CONSTANT_OF_UNITS = "gates/time_constant_{path}"  # "shortest", "median" or "longest"
BOUNDARY_DIFFERENCE = "gates/boundary_difference"
KEYS = ["task", "variant", "cell", "lag", "moment", "quantity", "at"]


@cache_per_study
def gate_curves(study: StudyData) -> pd.DataFrame:
    """Return every curve of the probe of state and gates: labels, moment, quantity, at, value."""
    return study.probes.loc[study.probes["probe"] == "state_and_gates"]


@cache_per_study
def gate_summary(study: StudyData) -> pd.DataFrame:
    """Return each curve of state and gates over members: mean, smallest and largest, at the cell's `gate_lag`.

    Time constants are by rank of
    the unit. Columns: task, variant, cell, lag, moment, quantity, at, mean, least, most, n.
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
    measured = set(curves.loc[curves["quantity"].astype(str).str.endswith(SHARES), "cell"])
    return [cell for cell in study.cells if cell in measured]


def gates_of(curves: pd.DataFrame) -> list[str]:
    """Return the names of the gates in some curves."""
    names = dict.fromkeys(curves["quantity"].astype(str))
    return [name.removesuffix(SHARES) for name in names if name.endswith(SHARES)]


def gate_metric(study: StudyData, cell: str, name: str, moment: str, path: str = "") -> Interval:
    """Return a metric such as OPEN_SHARE of the gate "f": interquartile mean over members at the lag that is shown."""
    return interquartile_mean(study.by_seed(cell, gate_lag(study, cell), name, moment, path).tolist())


def time_constants(curves: pd.DataFrame, moment: str) -> np.ndarray:
    """Return the time constants of all units of all members at one moment."""
    chosen = curves.loc[(curves["quantity"] == TIME_CONSTANT) & (curves["moment"] == moment), "value"]
    return np.asarray(chosen, dtype=float)
