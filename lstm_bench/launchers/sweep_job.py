"""A job of a sweep as another process runs it: Hydra's own composition and its own `run_job`, pickled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, run_job, setup_globals
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict


@dataclass(frozen=True)
class SweepJob:
    """A job of a sweep.

    Attributes:
        context, config, task_function: what Hydra gives to a launcher.
        overrides: the overrides of this job.
        number: its place in the sweep.
        singletons: Hydra's state, which a new process lacks.
    """

    context: HydraContext
    config: DictConfig
    task_function: TaskFunction
    overrides: tuple[str, ...]
    number: int
    singletons: Mapping[Any, Any]

    def run(self, job_id: str) -> JobReturn:
        """Run it in this process; `job_id` is its name on the cluster."""
        Singleton.set_state(dict(self.singletons))
        setup_globals()
        config = self.context.config_loader.load_sweep_config(self.config, list(self.overrides))
        with open_dict(config):
            config.hydra.job.id, config.hydra.job.num = job_id, self.number
        return run_job(
            task_function=self.task_function,
            config=config,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
            hydra_context=self.context,
        )


def sweep_jobs(
    context: HydraContext,
    config: DictConfig,
    task_function: TaskFunction,
    overrides: Sequence[Sequence[str]],
    first_number: int,
) -> list[SweepJob]:
    """Return the jobs of a sweep, from what Hydra gives to a launcher."""
    singletons = Singleton.get_state()
    return [
        SweepJob(context, config, task_function, tuple(job_overrides), number, singletons)
        for number, job_overrides in enumerate(overrides, first_number)
    ]
