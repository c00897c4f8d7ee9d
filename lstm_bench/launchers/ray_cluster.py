"""Jobs as tasks of Ray: on the cores of this machine, or on a cluster that runs already.

This calls Ray's own interface. The package hydra-ray-launcher needs cloudpickle < 3, which joblib >= 1.6 refuses, and
gives up a sweep when one worker dies.
"""

import logging
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn

from lstm_bench.cores import usable_cores
from lstm_bench.launchers.errors import LauncherError
from lstm_bench.launchers.sweep_job import SweepJob
from lstm_bench.python_process import import_path

LOOPBACK = "127.0.0.1"
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}  # no usage reports or tips


def launch(jobs: Sequence[SweepJob], settings: Mapping[str, Any]) -> list[JobReturn]:
    """Run jobs as tasks of Ray, wait until all have ended, and return what they returned.

    A task whose worker or node dies is run again, up to `max_retries` times, and goes on from its checkpoint.

    Args:
        jobs: those of a sweep.
        settings: those of the launcher, see conf/hydra/launcher/ray.yaml.

    Raises: LauncherError where the cluster does not answer; and where Ray gave up a task, when all have ended.
    """
    os.environ.update({key: os.environ.get(key, value) for key, value in QUIET.items()})
    import ray  # of the extra [ray]
    from ray.exceptions import RayError, RayTaskError

    _connect(ray, settings["address"])
    try:
        needs = {key: settings[key] for key in ("num_cpus", "num_gpus", "max_retries", "resources")}
        run = ray.remote(**{key: value for key, value in needs.items() if value is not None})(_run)
        context = (str(Path.cwd()), import_path(), dict(settings["env_vars"] or {}))
        tasks = [run.remote(job, *context) for job in jobs]
        ray.wait(tasks, num_returns=len(tasks), fetch_local=False)
        try:
            return [ray.get(task) for task in tasks]
        except RayError as error:
            lines = str(error).strip().splitlines()
            reason = lines[-1] if isinstance(error, RayTaskError) else lines[0]  # of a traceback, or of a message
            raise LauncherError(f"Ray gave up on a task: {reason}") from error
    finally:
        ray.shutdown()


def _connect(ray: Any, address: str | None) -> None:
    """Connect to a cluster; without an address start one of this machine's usable cores, on loopback."""
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": True}
    if address is None:
        options |= {"num_cpus": usable_cores(), "include_dashboard": False, "_node_ip_address": LOOPBACK}
    try:
        ray.init(address=address or "local", **options)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise LauncherError(f"Ray at {address or LOOPBACK}: {(str(error).splitlines() or [''])[0]}") from error


def _run(job: SweepJob, working_folder: str, path: Sequence[str], environment: Mapping[str, str]) -> JobReturn:
    """Run a job in a process of Ray, in the folder and with the import path of the study."""
    os.environ.update(environment)
    os.chdir(working_folder)
    sys.path += [entry for entry in path if entry not in sys.path]
    return job.run(f"ray-{job.number}")
