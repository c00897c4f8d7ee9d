"""What gradient training sees: at every time step, over all weights, and how often it is clipped."""

import numpy as np
import pandas as pd

from lstm_bench.analysis.frames import StudyData, cache_per_study
from lstm_bench.analysis.solving import was_trained

NORM, CLIPPED = "grad/norm", "grad/clipped_share"
COLUMNS = ["task", "variant", "cell", "lag", "quantity", "step", "steps_back", "median", "q25", "q75", "n"]


@cache_per_study
def training_gradients(study: StudyData) -> pd.DataFrame:
    """Return what the optimiser was given at every evaluation, at the longest lag of each cell, over its members.

    Quantities: "dL/dh" and the like, the norm over batch and units at each of the `steps_back`; "grad/norm", the global
    norm before clipping; "grad/clipped_share", the share of steps clipped so far; the latter two have no steps back.
    A member that has ended takes no part, so that `n` falls. Nothing where no member was trained.
    Columns: task, variant, cell, lag, quantity, step, steps_back, median, q25, q75, n.
    """
    parts = [_summary(frame) for one in study.by_task() if was_trained(one) for frame in _frames(one)]
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True)[COLUMNS] if filled else pd.DataFrame(columns=COLUMNS)


def _frames(study: StudyData) -> tuple[pd.DataFrame, pd.DataFrame]:
    norms = study.gradients.rename(columns={"norm": "value"})
    c = study.curves
    longest = {job.cell: job.lag for job in sorted(study.plan.jobs, key=lambda job: job.lag)}
    whole = c.loc[(c["lag"] == c["cell"].astype(object).map(longest)) & c["metric"].isin((NORM, CLIPPED))]
    return norms, whole.rename(columns={"metric": "quantity"}).assign(steps_back=-1)


def _summary(frame: pd.DataFrame) -> pd.DataFrame:
    if frame.empty:
        return pd.DataFrame(columns=COLUMNS)
    keys = [name for name in COLUMNS if name in frame.columns]
    values = frame.astype({"value": float}).groupby(keys, observed=True, sort=False)["value"]
    found = values.quantile(np.array([0.25, 0.5, 0.75])).unstack()
    found.columns = pd.Index(["q25", "median", "q75"])
    table = found.assign(n=values.size()).reset_index()
    return table.assign(steps_back=table["steps_back"].astype(float).where(table["steps_back"] >= 0))


def clipping_norm(study: StudyData, cell: str) -> float | None:
    """Return the global norm to which a cell's gradients are clipped, None where they are not."""
    trainer = next(job.config.get("trainer", {}) for job in study.plan.jobs if job.cell == cell)
    return float(trainer["clip"]) if trainer.get("clip") else None
