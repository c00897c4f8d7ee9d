"""The unit of every metric."""

from collections.abc import Mapping

TASK_PREFIXES = ("eval", "confirm", "train")
SHARE = "share"
SHARE_OF_BASELINE = "share of baseline"
BY_PREFIX = {"params": "parameters", "tuning": SHARE_OF_BASELINE}
BY_NAME = {"steps": "steps", "steps_to_solve": "steps"}
BY_ENDING = {
    "sequences_per_s": "sequences/s",
    "ms_per_time_step": "ms",
    "_bytes": "bytes",
    "_initial": "",  # the same quantity at another moment
    "_final": "",
    "_s": "s",
}
BY_QUANTITY = {"norm": "1", "decay": "factor per step", "horizon": "steps"}


def unit_of(metric: str, task_units: Mapping[str, str]) -> str:
    """Return the unit of a metric such as `eval/recall_ce`, "1" for a bare number.

    Args:
        metric: prefix and name, as recorded.
        task_units: units of the task's own metrics, as the plan holds them.
    """
    prefix, _, name = metric.rpartition("/")
    if prefix in TASK_PREFIXES and name in task_units:
        return task_units[name]
    if name.endswith("_share"):
        return SHARE_OF_BASELINE if name.removesuffix("_share") in task_units else SHARE
    if prefix in BY_PREFIX:
        return BY_PREFIX[prefix]
    return BY_NAME.get(name) or _by_ending(name)


def _by_ending(name: str) -> str:
    for ending, unit in BY_ENDING.items():
        if name.endswith(ending):
            return unit or BY_QUANTITY.get(name.removesuffix(ending), "1")
    return BY_QUANTITY.get(name, "1")
