"""The receipt of a report, for checking its results: versions, machine, commit, settings, times and commands."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from lstm_bench.analysis.settings_in_words import values_in_words
from lstm_bench.records.plan import StudyPlan
from lstm_bench.report.document import Code, FileLink, Paragraph, Section, Term, Terms, Verbatim

PACKAGES = ("lstm_bench", "numpy", "scipy", "pandas", "matplotlib", "seaborn", "jinja2")
ELSEWHERE = ("jobs", "studies", "problems", "members", "limit", "cost")
SECTIONS = {"task": "task", "cell": "cell", "trainer": "task", "probe": "task"}  # of a configuration, with its owner
COMMANDS = ("command", "rebuild")
NAMES = {"lstm_bench": "lstm_bench", "memory_gib": "memory (GiB)"}  # of facts whose name is not the words of their key
TIMES = {"wall_s": "wall time of the last run", "training_s": "training of all members, in core time"}
Job = Mapping[str, Any]  # of receipt.json


def rebuild_command(plan: StudyPlan) -> str:
    """Return the command that rebuilds this report from the records."""
    return shlex.join(["python", "-m", "lstm_bench.report", plan.study])


def make_receipt(plan: StudyPlan, outcome: Mapping[str, Any], extra: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the content of receipt.json: how a study came about, its outcome, and what made the report.

    `wall_s` is the time of the last run alone, before which most members may have been finished.

    Args:
        plan: of the study.
        outcome: the entries that are peculiar to this kind of study.
        extra: further entries.
    """
    return {
        "study": plan.study,
        "experiment": plan.experiment,
        "command": plan.command,
        "rebuild": rebuild_command(plan),
        "started": plan.started,
        "finished": plan.finished,
        "wall_s": plan.wall_s,
        **({"members taken over from other studies": plan.taken_over} if plan.taken_over else {}),
        **({"cost": asdict(plan.cost)} if plan.cost else {}),
        "environment": plan.environment,
        "report_packages": report_packages(),
        **outcome,
        "jobs": [asdict(job) for job in plan.jobs],
        **(extra or {}),
    }


def report_packages() -> dict[str, str | None]:
    """Return the versions of the packages that make reports, None for one that is not installed."""
    return {name: _version(name) for name in PACKAGES}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:  # run from a checkout
        return None


def receipt_items(receipt: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the receipt's facts as (name, value) for the page, without those shown elsewhere on it."""
    shown = {key: value for key, value in receipt.items() if key not in ELSEWHERE}
    facts = [item for key, value in shown.items() for item in _flat(key, value)]
    jobs = receipt.get("jobs", [])
    return [*facts, *seed_items(jobs), *setting_items(jobs)]


def receipt_section(items: Sequence[tuple[str, str]], has_file: bool = True) -> Section:
    """Return the receipt on a page; `has_file` says whether receipt.json lies next to it."""
    terms = [Term(name, (Code(value) if name in COMMANDS else Verbatim(value),)) for name, value in items]
    file = Paragraph(("Everything, including the settings of each job: ", FileLink("receipt.json"), "."), "files")
    return Section("Receipt", [Terms(terms, "receipt"), *([file] if has_file else [])], "receipt")


def _flat(key: str, value: Any) -> list[tuple[str, str]]:
    if isinstance(value, Mapping):
        nested = [(str(name), part) for name, part in value.items()]
        if all(not isinstance(part, Mapping) for _, part in nested) and key.endswith("packages"):
            return [(key.replace("_", " "), ", ".join(f"{name} {part}" for name, part in nested))]
        return [item for name, part in nested for item in _flat(name, part)]
    if key in TIMES:
        return [(TIMES[key], "not finished" if value is None else duration(float(value)))]
    return [(NAMES.get(key, key.replace("_", " ")), "unknown" if value is None else str(value))]


def duration(seconds: float) -> str:
    """Return a duration in words, such as "1 h 2 min 3 s"."""
    minutes, whole_seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours} h" if hours else "", f"{minutes} min" if minutes or hours else "", f"{whole_seconds} s"]
    return " ".join(filter(None, parts))


def seed_items(jobs: Sequence[Job]) -> list[tuple[str, str]]:
    """Return the seeds of the reported members and of tuning as (name, value); nothing where there is no job."""
    reported, tuning = ({seed for job in jobs for seed in job[key]} for key in ("seeds", "tuning_seeds"))
    note = "which share no draw with the report's"
    items = [("seeds", _ranged(reported))] if reported else []
    return items + ([("tuning seeds", f"{_ranged(tuning)}, {note}")] if tuning else [])


def _ranged(seeds: set[int]) -> str:
    first, last = min(seeds, default=0), max(seeds, default=0)
    whole = seeds == set(range(first, last + 1)) and last > first + 1
    return f"{first} to {last}" if whole else ", ".join(map(str, sorted(seeds)))


def setting_items(jobs: Sequence[Job]) -> list[tuple[str, str]]:
    """Return (name, settings) for each section of the configuration: those of a cell per cell, the others per task.

    A setting reads "name value"; where jobs of one owner differ, as in the lag, all values are listed. Owners with the
    same settings share a line.
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
    flat = [dict(_flat_settings(config)) for config in configs]
    names = dict.fromkeys(name for config in flat for name in config)
    return "; ".join(f"{name} {values_in_words([config[name] for config in flat if name in config])}" for name in names)


def _flat_settings(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in config.items():
        if isinstance(value, Mapping):
            yield from _flat_settings(value, f"{prefix}{name}.")
        else:
            yield prefix + ("class" if name == "_target_" else name), value
