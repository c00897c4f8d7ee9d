"""The unit of every metric."""

import re
from collections.abc import Mapping
from functools import cache

TASK_PREFIXES = ("eval", "confirm", "train")
SHARE = "share"
SHARE_OF_BASELINE = "share of baseline"
STEPS, FACTOR = "steps", "factor per step"
BY_PREFIX = {"params": "parameters", "tuning": SHARE_OF_BASELINE}
MOMENT = re.compile(r"_(initial|final|at_\d+)$")
BY_QUANTITY = {
    "capacity": "inputs",
    "state_size": "units",
    "lyapunov": "nats per step",
}
BY_PATTERN = tuple(  # the first that fits a whole name
    (re.compile(pattern), unit)
    for pattern, unit in (
        (r".*_open", "1"),  # a flag: the value beside it is a bound
        (r".*_share", SHARE),
        (r"steps|steps_to_solve|.*_span|half_life|t50(_low|_high)?", STEPS),
        (r"(.*_)?horizon(_.*)?|time_constant_.*", STEPS),
        (r"(.*_)?decay(_.*)?", FACTOR),
        (r"score_at_.*x", SHARE),  # a perfect memory scores 1
        (r"divergence_.*", "bits"),
        (r"accuracy_after_boundary|boundary_difference", SHARE),
        (r"sequences_per_s", "sequences/s"),
        (r"ms_per_time_step", "ms"),
        (r".*_bytes", "bytes"),
        (r".*_s", "s"),
    )
)


def unit_of(metric: str, task_units: Mapping[str, str]) -> str:
    """Return the unit of a metric such as `eval/recall_ce` or `memory/half_life_final`, "1" for a bare number.

    Args:
        metric: prefix and name, as recorded; what a probe found ends in its moment.
        task_units: units of the task's own metrics, as the plan holds them.
    """
    prefix, _, name = metric.rpartition("/")
    if prefix in TASK_PREFIXES and name in task_units:
        return task_units[name]
    if name.endswith("_share") and name.removesuffix("_share") in task_units:
        return SHARE_OF_BASELINE
    return BY_PREFIX.get(prefix) or _by_name(MOMENT.sub("", name))


@cache
def _by_name(name: str) -> str:
    found = (unit for pattern, unit in BY_PATTERN if pattern.fullmatch(name))
    return BY_QUANTITY.get(name) or next(found, "1")
