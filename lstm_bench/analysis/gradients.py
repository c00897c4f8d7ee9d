"""What is left of a gradient, step by step back, summarised over members."""

import numpy as np
import pandas as pd

from lstm_bench.analysis.frames import Study
from lstm_bench.analysis.statistics import Interval, quartiles

INITIAL, FINAL = "at initialisation", "after training"
WHEN = (INITIAL, FINAL)
METRIC_ENDING = {INITIAL: "initial", FINAL: "final"}
STAGES = 4


def longest_lag_with_flow(study: Study) -> int | None:
    """Return the longest lag at which a gradient flow was measured for every cell that has one anywhere.

    So that cells are compared over the same stretch; where their lags do not meet, the longest of any.
    """
    flow = joint_flow(study)[["cell", "lag"]].drop_duplicates()
    if flow.empty:
        return None
    cells_at = flow.groupby("lag")["cell"].nunique()
    shared = cells_at.loc[cells_at == flow["cell"].nunique()]
    return int((shared if len(shared) else cells_at).index.max())


def joint_flow(study: Study) -> pd.DataFrame:
    """Return g_k of the joint state of every member and moment: labels, moment, step, steps_back, norm."""
    p = study.probes
    flow = p.loc[(p["probe"] == "gradient_flow") & (p["quantity"] == "joint")]
    return flow.rename(columns={"at": "steps_back", "value": "norm"}).astype({"steps_back": int})


def flow_summary(study: Study) -> pd.DataFrame:
    """Return the gradient flow g_k: median and quartiles over members, a row a cell, lag, moment and steps back.

    Columns: task, variant, cell, lag, when, steps_back, median, q25, q75, n.
    """
    flow = joint_flow(study)
    flow = flow.loc[flow["moment"].isin(METRIC_ENDING.values())]
    labelled = flow.assign(when=flow["moment"].map({ending: when for when, ending in METRIC_ENDING.items()}))
    return _summary(labelled, ["task", "variant", "cell", "lag", "when", "steps_back"])


def state_gradient_summary(study: Study) -> pd.DataFrame:
    """Return ||dL/ds_t|| of the training loss at the longest lag of each task, at up to four stages of training.

    Stages are the first evaluation, a third, two thirds and the end of the longest run of each cell; a member
    that ended before a stage takes no part in it, hence `n`.
    Columns: task, variant, cell, lag, quantity, step, steps_back, median, q25, q75, n.
    """
    norms = study.gradients
    kept = [_at_stages(group) for _, group in norms.groupby(["task", "variant", "cell"], observed=True, sort=False)]
    joined = pd.concat(kept) if kept else norms
    return _summary(joined, ["task", "variant", "cell", "lag", "quantity", "step", "steps_back"])


def _at_stages(norms: pd.DataFrame) -> pd.DataFrame:
    steps = sorted(norms["step"].unique().tolist())
    chosen = {steps[round(stage * (len(steps) - 1) / (STAGES - 1))] for stage in range(STAGES)}
    return norms.loc[norms["step"].isin(chosen)]


def _summary(frame: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    if frame.empty:
        return pd.DataFrame(columns=[*keys, "median", "q25", "q75", "n"])
    norms = frame.groupby(keys, observed=True, sort=False)["norm"]
    found = norms.quantile(np.array([0.25, 0.5, 0.75])).unstack()
    found.columns = pd.Index(["q25", "median", "q75"])
    return found.assign(n=norms.size()).reset_index()[[*keys, "median", "q25", "q75", "n"]]


def decay_per_step(study: Study, cell: str, lag: int, when: str = INITIAL) -> Interval:
    """Return rho, the factor by which the gradient shrinks a step: median and quartiles over members."""
    return quartiles(_values(study, cell, lag, f"grad/decay_{METRIC_ENDING[when]}"))


def horizon(study: Study, cell: str, lag: int, when: str = INITIAL) -> float:
    """Return the median steps back until the gradient falls below 1e-3, inf where it does not within the sequence.

    A member whose sequence ended first counts as longer than any other. Of an even number, the lower of the middle two.
    """
    known = sorted(_values(study, cell, lag, f"grad/horizon_{METRIC_ENDING[when]}"))
    measured = len(_values(study, cell, lag, f"grad/decay_{METRIC_ENDING[when]}"))
    if not measured:
        return float("nan")
    padded = known + [float("inf")] * (measured - len(known))
    return float(padded[(measured - 1) // 2])


def _values(study: Study, cell: str, lag: int, metric: str) -> list[float]:
    r = study.results
    found: list[float] = r.loc[(r["cell"] == cell) & (r["lag"] == lag) & (r["metric"] == metric), "value"].tolist()
    return found
