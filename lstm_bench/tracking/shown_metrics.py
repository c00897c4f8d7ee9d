"""Choose which of a member's numbers become metrics of its run: those that people compare and plot.

MLflow draws a chart for each metric, section by section: the section is the part of the name before the "/", and both
are sorted by name. So the numbers that are compared first share a section that comes before all others, and only a few
of the numbers that are measured once are metrics. All of them are in the run's table, see `measured`.
"""

import math
from collections.abc import Mapping

from lstm_bench.metrics import COMPARE, CONFIRMATION, EVALUATION, FINAL, INITIAL, Metric
from lstm_bench.records.plan import JobPlan
from lstm_bench.records.schema import WITHOUT_RESULT, MemberRecord

SCORE, SOLVED, STEPS_TO_SOLVE, T50, HORIZON, PARAMETERS, SPEED = (
    f"{COMPARE}{name}"
    for name in ("score", "solved", "steps_to_solve", "t50", "gradient_horizon", "parameters", "sequences_per_s")
)
FROM_RECORD = {"train/steps_to_solve": STEPS_TO_SOLVE, Metric("grad/horizon", moment=INITIAL).key: HORIZON}
FROM_STUDY = {"memory/t50": T50, "speed/sequences_per_s": SPEED}  # known when the study has ended
OUR_GROUPS = ("confirm", "gates", "grad", "memory", "params", "speed", "train")
PLOTTED = {
    "train/steps",
    "speed/ms_per_time_step",
    "speed/peak_memory_bytes",
    *(Metric("grad/decay", moment=moment).key for moment in (INITIAL, FINAL)),
    *(Metric(f"memory/{name}", moment=FINAL).key for name in ("capacity", "half_life", "lyapunov_horizon")),
}


def compared(record: MemberRecord, job: JobPlan) -> dict[str, float]:
    """Return the compared numbers that follow from a member's record alone; {} for a member without a result.

    The score is the task's own (1 is perfect) at the last evaluation; that of a member that diverged is at most what
    the best predictor without memory scores. A number that does not exist is left out: the steps of a member that did
    not solve, a horizon beyond the sequence.
    """
    if record.status in WITHOUT_RESULT:
        return {}
    numbers = {SOLVED: float(record.status == "solved"), PARAMETERS: float(job.n_parameters_core)}
    numbers |= {name: record.metrics[key] for key, name in FROM_RECORD.items() if key in record.metrics}
    score = record.metrics.get(f"{EVALUATION}{job.score}", math.nan)
    if record.status == "diverged":
        without_memory = job.baselines.get(job.score, 0.0)
        score = min(score, without_memory) if math.isfinite(score) else without_memory
    return numbers | ({} if math.isnan(score) else {SCORE: score})


def shown_at_the_end(derived: Mapping[str, float]) -> dict[str, float]:
    """Return those numbers derived at the end of a study that become metrics of a run, by metric name."""
    return {FROM_STUDY.get(key, key): value for key, value in derived.items() if key in FROM_STUDY or is_plotted(key)}


def is_plotted(key: str) -> bool:
    """Tell whether a number that is measured once is a metric under its own key; outside OUR_GROUPS it always is."""
    return key in PLOTTED or key.partition("/")[0] not in OUR_GROUPS


def is_curve_shown(key: str) -> bool:
    """Tell whether a curve is shown; a confirmation is a single evaluation."""
    return not key.startswith(CONFIRMATION)
