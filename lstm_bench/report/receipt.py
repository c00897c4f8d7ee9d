"""What a result can be checked against: versions, machine, commit, settings, times, commands."""

import shlex
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from lstm_bench.records.schema import StudyPlan
from lstm_bench.report.settings import seed_items, setting_items

PACKAGES = ("lstm_bench", "numpy", "scipy", "pandas", "matplotlib", "seaborn", "jinja2")
ELSEWHERE = ("jobs", "studies", "problems", "members", "limit")
NAMES = {"lstm_bench": "lstm_bench", "memory_gib": "memory (GiB)"}  # of facts that are not their key's words


def rebuild_command(plan: StudyPlan) -> str:
    """Return the command that makes this report again from the records."""
    return shlex.join(["python", "-m", "lstm_bench.report", plan.study])


def make_receipt(plan: StudyPlan, outcome: Mapping[str, Any], extra: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return how a study came about, what its kind of study says of its outcome, and with what the report was made."""
    return {
        "study": plan.study,
        "experiment": plan.experiment,
        "command": plan.command,
        "rebuild": rebuild_command(plan),
        "started": plan.started,
        "finished": plan.finished,
        "wall_s": plan.wall_s,
        **({"members taken over from other studies": plan.taken_over} if plan.taken_over else {}),
        "environment": plan.environment,
        "report_packages": report_packages(),
        **outcome,
        "jobs": [asdict(job) for job in plan.jobs],
        **(extra or {}),
    }


def report_packages() -> dict[str, str | None]:
    """Return the versions of what makes reports."""
    return {name: _version(name) for name in PACKAGES}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:  # run from a checkout
        return None


def receipt_items(receipt: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the receipt's facts as (name, value) for the page, without what stands elsewhere on it."""
    shown = {key: value for key, value in receipt.items() if key not in ELSEWHERE}
    facts = [item for key, value in shown.items() for item in _flat(key, value)]
    jobs = receipt.get("jobs", [])
    return [*facts, *seed_items(jobs), *setting_items(jobs)]


def _flat(key: str, value: Any) -> list[tuple[str, str]]:
    if isinstance(value, Mapping):
        nested = [(str(name), part) for name, part in value.items()]
        if all(not isinstance(part, Mapping) for _, part in nested) and key.endswith("packages"):
            return [(key.replace("_", " "), ", ".join(f"{name} {part}" for name, part in nested))]
        return [item for name, part in nested for item in _flat(name, part)]
    if key == "wall_s":
        return [("wall time", "not finished" if value is None else _duration(float(value)))]
    return [(NAMES.get(key, key.replace("_", " ")), "unknown" if value is None else str(value))]


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours} h" if hours else "", f"{minutes} min" if minutes or hours else "", f"{rest} s"]
    return " ".join(filter(None, parts))
