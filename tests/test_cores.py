"""How many cores count as usable, under an affinity, variables and quotas of control groups made of files."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lstm_bench import cores
from lstm_bench.cores import cpu_quotas, keep_to_usable_cores, usable_cores

VARIABLES = ("LOKY_MAX_CPU_COUNT", "SLURM_CPUS_PER_TASK")


@pytest.fixture(autouse=True)
def sixteen_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "cpu_count", lambda: 16)
    monkeypatch.setattr(cores, "cpu_quotas", lambda: iter(()))
    for variable in VARIABLES:
        monkeypatch.setenv(variable, "99")


@pytest.mark.parametrize(
    ("quotas", "usable"), [([], 16), ([64.0], 16), ([4.0], 4), ([8.0, 2.0], 2), ([1.5], 1), ([0.25], 1)]
)
def test_a_quota_gives_as_many_whole_cores_as_it_pays_for(
    quotas: list[float], usable: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cores, "cpu_quotas", lambda: iter(quotas))
    assert usable_cores() == usable


@pytest.mark.parametrize("variable", VARIABLES)
def test_a_variable_bounds_the_cores_and_must_be_a_number(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "3")
    assert usable_cores() == 3
    monkeypatch.setenv(variable, "many")
    with pytest.raises(ValueError, match=f"^{variable}=many: allowed: an integer of at least 1$"):
        usable_cores()


def test_joblib_starts_a_worker_for_each_usable_core_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    import joblib

    monkeypatch.setattr(cores, "cpu_quotas", lambda: iter([1.0]))
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "16")
    keep_to_usable_cores()
    assert joblib.effective_n_jobs(-1) == 1


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity")
def test_a_process_that_is_bound_to_one_core_may_use_one() -> None:
    code = """
import os
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from lstm_bench.cores import usable_cores
print(usable_cores())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "1"


@pytest.mark.parametrize(
    ("groups", "files", "quotas"),
    [
        ("0::/", {"cpu.max": "150000 100000\n"}, [1.5]),  # in a container, version 2
        ("0::/", {"cpu.max": "max 100000\n"}, []),
        ("0::/", {}, []),
        ("0::/a/b", {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "200000 100000\n"}, [2.0]),  # set for an outer group
        ("0::/a/b", {"a/b/cpu.max": "400000 100000\n", "a/cpu.max": "200000 100000\n"}, [4.0, 2.0]),
        ("0::/elsewhere", {"cpu.max": "300000 100000\n"}, [3.0]),  # the container's path is that of its host
        ("4:cpu,cpuacct:/j", {f"cpu,cpuacct/j/cpu.cfs_{what}_us": "50000" for what in ("quota", "period")}, [1.0]),
        ("4:cpu:/", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, []),
        ("3:memory:/m\n0::/", {"memory/m/cpu.max": "100000 100000", "unified/cpu.max": "700000 100000"}, [7.0]),
        ("0::/", {"cpu.max": "100000 0\n"}, []),
    ],
)  # fmt: skip
def test_quotas_are_those_of_every_group_that_the_process_is_in(
    groups: str, files: dict[str, str], quotas: list[float], tmp_path: Path
) -> None:
    for name, text in {"proc/self/cgroup": groups, **{f"sys/fs/cgroup/{n}": t for n, t in files.items()}}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert list(cpu_quotas(tmp_path)) == quotas


def test_a_system_without_control_groups_has_no_quota(tmp_path: Path) -> None:
    assert list(cpu_quotas(tmp_path)) == []
