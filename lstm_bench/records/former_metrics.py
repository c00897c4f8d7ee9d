"""Declare a metric from its key alone, for records of earlier versions and for probes that return keys."""

import re
from collections.abc import Mapping
from functools import cache

from lstm_bench.metrics import FACTOR, NORMALISED, PATH, SECONDS, SHARE, STEPS, Metric
from lstm_bench.records.schema import MemberRecord

TASK_GROUPS = ("eval", "confirm", "train")
MOMENT = re.compile(r"(?P<name>.*)_(?P<moment>initial|final|at_\d+)")
PATHS = tuple(  # the names with a path in them
    (name, re.compile(name.replace(PATH, "(?P<path>.+)")))
    for name in (
        "grad/decay_{path}_path",
        "gates/state_{path}_rms",
        "gates/{path}_mean",
        "gates/{path}_clamp_fall",
        *(f"gates/{{path}}_at_{role}" for role in ("cue", "blank", "recall", "reset", "elsewhere")),
        "gates/state_change_{path}",
        "gates/state_kept_{path}",
        "gates/{path}_shut_share",
        "gates/{path}_open_share",
        "gates/time_constant_{path}",
        "memory/score_at_{path}",
        "memory/divergence_{path}",
        "memory/identical_{path}_share",
    )
)
UNITS = tuple(  # the first pattern that matches a whole name, without its group and its moment, gives the unit
    (re.compile(pattern), unit)
    for pattern, unit in (
        (r".*_clamp_fall|state_change_.*|state_kept_.*", SHARE),
        (r"capacity", "inputs"),
        (r"state_size", "units"),
        (r"lyapunov", "nats per step"),
        (r".*_open", "1"),  # a flag: the value next to it is a bound
        (r".*_share", SHARE),
        (r"steps|steps_to_solve|.*_span|half_life|t50(_low|_high)?", STEPS),
        (r"(.*_)?horizon(_.*)?|time_constant_.*", STEPS),
        (r"(.*_)?decay(_.*)?", FACTOR),
        (r"score_at_.*x", SHARE),
        (r"divergence_.*", "bits"),
        (r"accuracy_after_boundary|boundary_difference", SHARE),
        (r"sequences_per_s", "sequences/s"),
        (r"ms_per_time_step", "ms"),
        (r".*_bytes", "bytes"),
        (r".*_s", SECONDS),
    )
)


def declarations_of(record: MemberRecord, task_units: Mapping[str, str]) -> dict[str, Metric]:
    """Return the declaration of each metric of a record, by its key, whichever version wrote the record.

    Args:
        record: the record of one member.
        task_units: the units of the task's own metrics, as the plan holds them.
    """
    return {key: record.declarations.get(key) or former_metric(key, task_units) for key in record.metrics}


def former_metric(key: str, task_units: Mapping[str, str]) -> Metric:
    """Return the declaration that belongs to a key such as `eval/recall_ce` or `memory/half_life_final`."""
    match = MOMENT.fullmatch(key)
    whole, moment = (match["name"], match["moment"]) if match else (key, "")
    name, path = _without_path(whole)
    return Metric(name, _unit_of(key, whole, task_units), moment, path)


@cache
def _without_path(whole: str) -> tuple[str, str]:
    matches = ((name, pattern.fullmatch(whole)) for name, pattern in PATHS)
    return next(((name, match["path"]) for name, match in matches if match), (whole, ""))


def _unit_of(key: str, whole: str, task_units: Mapping[str, str]) -> str:
    group, _, name = key.rpartition("/")
    if group in TASK_GROUPS and name in task_units:
        return task_units[name]
    if name.endswith("_share") and name.removesuffix("_share") in task_units:
        return NORMALISED
    if group == "tuning":
        return NORMALISED
    return _unit_by_name(whole.rpartition("/")[2])


@cache
def _unit_by_name(name: str) -> str:
    return next((unit for pattern, unit in UNITS if pattern.fullmatch(name)), "1")
