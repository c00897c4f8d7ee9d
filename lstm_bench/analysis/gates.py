"""What the state and the gates of a cell do while it reads its task, at its start and trained."""

import numpy as np
import pandas as pd

from lstm_bench.analysis.frames import StudyData, cache_per_study
from lstm_bench.analysis.memory_horizons import representative_lag
from lstm_bench.analysis.statistics import Interval, interquartile_mean

MEAN, SHARES, TIME_CONSTANT = " mean", " distribution", "time constant"
KEYS = ["task", "variant", "cell", "lag", "moment", "quantity", "at"]


@cache_per_study
def gate_curves(study: StudyData) -> pd.DataFrame:
    """Return every curve of the probe of state and gates: labels, moment, quantity, at, value."""
    return study.probes.loc[study.probes["probe"] == "state_and_gates"]


@cache_per_study
def gate_summary(study: StudyData) -> pd.DataFrame:
    """Return each curve of state and gates over members: mean, smallest and largest, at the lag that tells most.

    That is the longest lag that most of a cell's members solved, or else its shortest. Time constants are by rank of
    the unit. Columns: task, variant, cell, lag, moment, quantity, at, mean, least, most, n.
    """
    curves = pd.concat([curves_of(one, cell) for one in study.by_task() for cell in one.cells])
    values = curves.groupby(KEYS, observed=True, sort=False)["value"]
    return values.agg(mean="mean", least="min", most="max", n="size").reset_index()


@cache_per_study
def curves_of(study: StudyData, cell: str) -> pd.DataFrame:
    """Return the curves of one cell's members at the lag that tells most, of a study narrowed to one task."""
    curves = gate_curves(study)
    own = curves.loc[curves["cell"] == cell]
    return own.loc[own["lag"] == gate_lag(study, cell)]


@cache_per_study
def gate_lag(study: StudyData, cell: str) -> int | None:
    """Return the lag at which a cell's gates are shown: the longest that most members solved, or else the shortest."""
    curves = gate_curves(study)
    return representative_lag(study, cell, curves.loc[curves["cell"] == cell, "lag"].unique().tolist())


def gated_cells(study: StudyData) -> list[str]:
    """Return the cells whose gates were seen."""
    curves = gate_curves(study)
    seen = set(curves.loc[curves["quantity"].astype(str).str.endswith(SHARES), "cell"])
    return [cell for cell in study.cells if cell in seen]


def gates_of(curves: pd.DataFrame) -> list[str]:
    """Return the names of the gates in some curves."""
    names = dict.fromkeys(curves["quantity"].astype(str))
    return [name.removesuffix(SHARES) for name in names if name.endswith(SHARES)]


def gate_number(study: StudyData, cell: str, name: str, moment: str) -> Interval:
    """Return a recorded number such as "f_open_share": interquartile mean over members at the lag that is shown."""
    found = study.final(f"gates/{name}_{moment}")
    own = found.loc[(found["cell"] == cell) & (found["lag"] == gate_lag(study, cell))]
    return interquartile_mean(own["value"].tolist())


def time_constants(curves: pd.DataFrame, moment: str) -> np.ndarray:
    """Return the time constants of all units of all members at one moment."""
    chosen = curves.loc[(curves["quantity"] == TIME_CONSTANT) & (curves["moment"] == moment), "value"]
    return np.asarray(chosen, dtype=float)
