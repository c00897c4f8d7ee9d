"""Refuse jobs that a report could not tell apart, before anything is written.

Two jobs that train the same members would compare each member with itself. Two jobs with one name would be pooled.
"""

import shlex
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from lstm_bench.config.errors import ConfigError
from lstm_bench.config.schema import JobConfig, StudyConfig
from lstm_bench.records.plan import JobPlan
from lstm_bench.study.identity import job_identity

NAMED_KEYS = 6  # at most, of the keys that differ


def refuse_duplicates(config: StudyConfig, plans: Sequence[JobPlan]) -> None:
    """Check that every job trains members of its own, and has a name of its own.

    Raises: ConfigError for jobs that do not, with the settings in which they differ.
    """
    if jobs := _first_group(config.jobs, [job_identity(replace(job, probe={})) for job in config.jobs]):
        own_records = shlex.quote(str(config.output / "runs" / config.study))
        raise ConfigError(
            f"{differing(jobs)}: the same members twice: allowed: one of these per study; the other in a folder "
            f"of its own (study=NAME output=FOLDER), and python -m lstm_bench.report {own_records} FOLDER/runs/NAME "
            "for both"
        )
    if jobs := _first_group(config.jobs, [(plan.task, plan.variant, plan.lag, plan.cell) for plan in plans]):
        raise ConfigError(
            f"{differing(jobs)}: one name for both, {jobs[0].cell_name} on {jobs[0].task_name}: allowed: one of these "
            f"per study (study=NAME), or a yaml of its own for each"
        )


def _first_group(jobs: Sequence[JobConfig], keys: Sequence[object]) -> list[JobConfig]:
    """Return the first jobs that share a key, none where no two do."""
    groups: dict[object, list[JobConfig]] = defaultdict(list)
    for job, key in zip(jobs, keys, strict=True):
        groups[key].append(job)
    return next((group for group in groups.values() if len(group) > 1), [])


def differing(jobs: Sequence[JobConfig]) -> str:
    """Return the settings in which jobs differ, the first few of many: "trainer.kernel=auto,torch"."""
    by_job = [_settings(job) for job in jobs]
    keys = dict.fromkeys(key for settings in by_job for key in settings)
    values = {key: list(dict.fromkeys(_text(settings.get(key)) for settings in by_job)) for key in keys}
    if len(values["probe"]) > 1:  # other probes altogether: their settings add nothing
        values = {key: texts for key, texts in values.items() if not key.startswith("probe.")}
    overrides = [f"{key}={','.join(texts)}" for key, texts in values.items() if len(texts) > 1]
    more = len(overrides) - NAMED_KEYS
    return " ".join(overrides[:NAMED_KEYS] + [f"and {more} more"] * (more > 0))


def _settings(job: JobConfig) -> dict[str, Any]:
    """Return the settings of a job by their keys."""
    groups = {"task": job.task, "cell": job.cell, "trainer": vars(job.trainer)}
    return {
        "task": job.task_name,
        "cell": job.cell_name,
        **{f"{group}.{key}": value for group, settings in groups.items() for key, value in _flat(settings).items()},
        "probe": "+".join(job.probe) or "off",
        **{f"probe.{key}": value for key, value in _flat(job.probe).items()},
        "comparison": "parameters" if job.matched else "hidden",
    }


def _flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested settings by their dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        nested = _flat(value) if isinstance(value, Mapping) else {}
        flat |= {f"{key}.{inner}": inner_value for inner, inner_value in nested.items()} or {key: value}
    return flat


def _text(value: Any) -> str:
    """Return a value as it is typed on the command line."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return f"[{','.join(map(_text, value))}]" if isinstance(value, list) else str(value)
