"""The same small study has the same results under every launcher."""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from slurm_node import SlurmNode
from small_study import SMALL, Study, overhead_s, results_hash, studying, timed

from lstm_bench.cores import usable_cores

OURS = re.compile(r"Study |\[\d+/\d+\] |Speed: |Report: |\d+:\d\d  ")  # what a study says on this machine, too
SLURM = ["hydra/launcher=slurm_cpu", "hydra.launcher.mem_gb=1"]


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory, add_row: Callable[..., None]) -> str:
    """The hash of the results with one job after another in one process."""
    with studying(tmp_path_factory.mktemp("basic"), *SMALL, "hydra/launcher=basic") as study:
        return _finished(study, "basic", 1, add_row)


def _finished(study: Study, engine: str, at_a_time: int, add_row: Callable[..., None]) -> str:
    exit_code, wall = timed(study)
    assert exit_code == 0, study.said
    add_row(engine, len(study.events("job_ended")), wall, overhead_s(study, at_a_time), "none", True)
    return results_hash(study.records)


def test_joblib(expected: str, tmp_path: Path, add_row: Callable[..., None]) -> None:
    with studying(tmp_path, *SMALL) as study:
        assert _finished(study, "joblib", usable_cores(), add_row) == expected


def test_submitit_local(expected: str, tmp_path: Path, add_row: Callable[..., None]) -> None:
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    with studying(tmp_path, *SMALL, "hydra/launcher=submitit_local") as study:
        assert _finished(study, "submitit_local", 2, add_row) == expected


@pytest.mark.engines
def test_slurm_says_nothing_of_its_own(
    expected: str, slurm: SlurmNode, tmp_path: Path, add_row: Callable[..., None]
) -> None:
    with studying(tmp_path, *SMALL, *SLURM, environment=slurm.environment) as study:
        assert _finished(study, "SLURM", 2, add_row) == expected
        assert _arrays(study) == [2]
        assert [line for line in study.said.splitlines() if not OURS.match(line)] == []


@pytest.mark.engines
def test_slurm_with_members_dealt_to_jobs_in_arrays_within_the_limit(
    expected: str, slurm: SlurmNode, tmp_path: Path, add_row: Callable[..., None]
) -> None:
    with studying(tmp_path, *SMALL, *SLURM, "members_per_job=2", environment=slurm.environment) as study:
        assert _finished(study, "SLURM, 2 members a job", 2, add_row) == expected
        assert _arrays(study) == [1, 2, 3]  # two jobs that tune, then four, where MaxArraySize is 3


def _arrays(study: Study) -> list[int]:
    """Return how many jobs each array had, the smallest first."""
    jobs = [path.parent.name for path in (study.records / "hydra" / "slurm").glob("*/*_result.pkl")]
    return sorted(Counter(name.partition("_")[0] for name in jobs).values())


@pytest.mark.engines
def test_ray(expected: str, tmp_path: Path, add_row: Callable[..., None]) -> None:
    pytest.importorskip("ray")
    with studying(tmp_path, *SMALL, "hydra/launcher=ray") as study:
        assert _finished(study, "Ray", usable_cores(), add_row) == expected
        assert "ray" not in study.said.lower()
