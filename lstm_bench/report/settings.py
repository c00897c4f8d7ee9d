"""Seeds and settings of a study's jobs, each value said once."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

SECTIONS = {"task": "task", "cell": "cell", "trainer": "task", "probe": "task"}  # of a configuration: whose it is

Job = Mapping[str, Any]  # of receipt.json


def seed_items(jobs: Sequence[Job]) -> list[tuple[str, str]]:
    """Return the seeds of the reported members and of tuning as (name, value); nothing where there is no job."""
    reported, tuning = ({seed for job in jobs for seed in job[key]} for key in ("seeds", "tuning_seeds"))
    told = [("seeds", _ranged(reported)), ("tuning seeds", f"{_ranged(tuning)}, which share no draw with the report's")]
    return [item for item, seeds in zip(told, (reported, tuning), strict=True) if seeds]


def _ranged(seeds: set[int]) -> str:
    first, last = min(seeds, default=0), max(seeds, default=0)
    whole = seeds == set(range(first, last + 1)) and last > first + 1
    return f"{first} to {last}" if whole else ", ".join(map(str, sorted(seeds)))


def setting_items(jobs: Sequence[Job]) -> list[tuple[str, str]]:
    """Return (whose, settings) for each section of the configuration: the cells' for each cell, others for each task.

    A setting reads "name value"; where jobs of one owner differ, as in the lag, all its values stand there. Owners
    whose settings are the same share a line.
    """
    return [item for section in SECTIONS for item in _section_items(section, jobs)]


def _section_items(section: str, jobs: Sequence[Job]) -> Iterator[tuple[str, str]]:
    by_owner: dict[str, list[Mapping[str, Any]]] = {}
    for job in jobs:
        by_owner.setdefault(job[SECTIONS[section]], []).append(job["config"].get(section, {}))
    owners: dict[str, list[str]] = {}
    for owner, configs in by_owner.items():
        owners.setdefault(_settings(configs), []).append(owner)
    for settings, names in owners.items():
        if settings:
            yield (section if len(owners) == 1 else f"{section} ({', '.join(names)})", settings)


def _settings(configs: Sequence[Mapping[str, Any]]) -> str:
    flat = [dict(_flat(config)) for config in configs]
    names = dict.fromkeys(name for config in flat for name in config)
    return "; ".join(f"{name} {_values([config[name] for config in flat if name in config])}" for name in names)


def _flat(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in config.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + ("class" if name == "_target_" else name), value


def _values(values: Sequence[Any]) -> str:
    are_numbers = all(isinstance(value, int | float) for value in values)
    distinct = dict.fromkeys(map(_text, sorted(values) if are_numbers else values))
    return ", ".join(distinct)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    if value is None:
        return "none"
    return f"{value:g}" if isinstance(value, float) else str(value)
