"""Launchers of clusters, where Hydra looks for plug-ins; what they do is in lstm_bench/launchers/."""

from collections.abc import Mapping, Sequence
from typing import Any

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from lstm_bench.launchers.sweep_job import SweepJob, sweep_jobs


class _ClusterLauncher(Launcher):
    """A launcher that gives the jobs of a sweep, and the settings of its yaml, to a cluster."""

    def __init__(self, **settings: Any) -> None:
        self._settings = settings

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take what Hydra gives to a launcher."""
        self._context, self._task_function, self._config = hydra_context, task_function, config

    def _plain_settings(self) -> Mapping[str, Any]:
        settings = OmegaConf.to_container(OmegaConf.create(self._settings), resolve=True)
        assert isinstance(settings, dict)
        return {str(key): value for key, value in settings.items()}

    def _jobs(self, overrides: Sequence[Sequence[str]], first_number: int) -> list[SweepJob]:
        return sweep_jobs(self._context, self._config, self._task_function, overrides, first_number)


class SlurmLauncher(_ClusterLauncher):
    """Jobs of a SLURM cluster; see lstm_bench/launchers/slurm.py."""

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run the jobs of a sweep and return what they returned."""
        from lstm_bench.launchers.slurm import launch

        return launch(self._jobs(job_overrides, initial_job_idx), self._plain_settings())


class RayLauncher(_ClusterLauncher):
    """Tasks of a Ray cluster; see lstm_bench/launchers/ray_cluster.py."""

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run the jobs of a sweep and return what they returned."""
        from lstm_bench.launchers.ray_cluster import launch

        return launch(self._jobs(job_overrides, initial_job_idx), self._plain_settings())
