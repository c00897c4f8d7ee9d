"""Who is who: hashes of everything that changes a result and of nothing else."""

import hashlib
import json
from typing import Any

from lstm_bench.config.schema import JobConfig
from lstm_bench.study.plug_in_source import plug_in_sources

RESULTS_VERSION = 4  # raised when the same settings give other results
PLUG_IN_VERSION = 1  # raised when they do so for plug-ins alone; 1: evaluation mode, draws by member, complex numbers
NOT_IN_HASH = ("seeds", "device", "kernel")  # who else is trained, where and by what: recorded, no part of an identity
SINCE = {"stop_when_solved": True}  # settings that came later, at what was done before them: no part of it either
EXACT = 2**53  # up to here every integer has a float of its own


def settings_of(job: JobConfig) -> dict[str, Any]:
    """Return a job's resolved settings, as recorded."""
    trainer = vars(job.trainer) | {"learning_rates": job.trainer.rates}
    return {"task": job.task, "cell": job.cell, "trainer": trainer, "probe": job.probe}


def job_identity(job: JobConfig) -> str:
    """Return the hash of a job: its settings less those that leave each member's result as it is, and its plug-ins.

    Raises: ConfigError for a plug-in that cannot be imported.
    """
    settings = settings_of(job)
    trainer = {key: value for key, value in settings["trainer"].items() if _changes_results(key, value)}
    content = {"version": RESULTS_VERSION, **settings, "trainer": trainer}
    sources = plug_in_sources(job)
    return _digest(content | {"sources": sources, "plug_ins": PLUG_IN_VERSION} if sources else content)


def _changes_results(key: str, value: Any) -> bool:
    return key not in NOT_IN_HASH and (key not in SINCE or SINCE[key] != value)


def member_identity(job: str, role: str, seed: int, learning_rate: float | None = None) -> str:
    """Return the hash of a member. A reported one has no rate of its own: tuning, part of the job, chooses it."""
    return _digest([job, role, seed, learning_rate])


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(_alike(content), sort_keys=True).encode()).hexdigest()[:16]


def _alike(content: Any) -> Any:
    """Write numbers alike: 3 on the command line and 3.0 in a yaml are one setting."""
    if isinstance(content, dict):
        return {key: _alike(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_alike(value) for value in content]
    is_exact = isinstance(content, int) and not isinstance(content, bool) and abs(content) <= EXACT
    return float(content) if is_exact else content
