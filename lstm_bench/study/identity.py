"""The identity of a job: the hash of everything that changes its results and of nothing else."""

from collections.abc import Mapping
from typing import Any

from lstm_bench.config.schema import JobConfig
from lstm_bench.records.identity import content_hash
from lstm_bench.study.plug_in_source import plug_in_sources

RESULTS_VERSION = 5  # raised when the same settings give other results
PLUG_IN_VERSION = 1  # raised when they do so for plug-ins alone; 1: evaluation mode, draws by member, complex numbers
NOT_IN_HASH = ("seeds", "device", "kernel")  # which members train, where, and by which kernel: recorded, not hashed
SINCE = {"stop_when_solved": True}  # settings added later: not hashed at these values, which keep the earlier behaviour


def settings_of(job: JobConfig) -> dict[str, Any]:
    """Return a job's resolved settings, as recorded."""
    trainer = vars(job.trainer) | {"learning_rates": job.trainer.rates}
    return {"task": job.task, "cell": job.cell, "trainer": trainer, "probe": job.probe}


def job_identity(job: JobConfig) -> str:
    """Return the hash of a job: the settings that change a member's result, and the sources of its plug-ins.

    Raises: ConfigError for a plug-in that cannot be imported.
    """
    return settings_identity(settings_of(job), plug_in_sources(job))


def settings_identity(settings: Mapping[str, Any], sources: Mapping[str, str]) -> str:
    """Return the identity of the job with these settings, as recorded, and these sources of plug-ins."""
    trainer = {key: value for key, value in settings["trainer"].items() if _changes_results(key, value)}
    content = {"version": RESULTS_VERSION, **settings, "trainer": trainer}
    return content_hash(content | {"sources": sources, "plug_ins": PLUG_IN_VERSION} if sources else content)


def _changes_results(key: str, value: Any) -> bool:
    return key not in NOT_IN_HASH and (key not in SINCE or SINCE[key] != value)
