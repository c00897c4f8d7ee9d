"""A launcher's process ends with the study that it works for."""

import os
import platform
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lstm_bench.records.locking import held
from lstm_bench.study.parent_watchdog import end_with_study, is_of_a_queue

STUDY = """
import sys, time
from pathlib import Path
from lstm_bench.records.locking import held

with held(Path(sys.argv[1]), "a study"):
    print("begun", flush=True)
    time.sleep(600)
"""
LAUNCHERS_PROCESS = """
import sys, time
from pathlib import Path
from lstm_bench.study.parent_watchdog import end_with_study

end_with_study(Path(sys.argv[1]))
print("begun", flush=True)
time.sleep(float(sys.argv[2]))
"""
LONG_S, MOMENT_S, PATIENCE_S = 600, 1.5, 300  # seconds: more than a busy machine takes


@contextmanager
def begun(code: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            yield process
        finally:
            process.kill()


def test_it_ends_when_the_study_is_killed(tmp_path: Path) -> None:
    lock = tmp_path / "study.lock"
    with begun(STUDY, lock) as study, begun(LAUNCHERS_PROCESS, lock, LONG_S) as process:
        study.kill()
        assert process.wait(PATIENCE_S) == 1


def test_it_ends_at_once_where_the_study_is_dead_already(tmp_path: Path) -> None:
    lock = tmp_path / "study.lock"
    with begun(STUDY, lock) as study:
        study.kill()
        study.wait()
    with begun(LAUNCHERS_PROCESS, lock, LONG_S) as process:
        assert process.wait(PATIENCE_S) == 1


def test_while_the_study_lives_it_goes_on(tmp_path: Path) -> None:
    lock = tmp_path / "study.lock"
    with begun(STUDY, lock), begun(LAUNCHERS_PROCESS, lock, MOMENT_S) as process:
        assert process.wait(PATIENCE_S) == 0


def test_a_study_does_not_watch_itself_nor_one_on_another_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "_exit", lambda code: pytest.fail("ended"))
    monkeypatch.setattr("psutil.Process", lambda pid: pytest.fail(f"looked for {pid}"))
    with held(tmp_path / "mine.lock", "a study"):
        end_with_study(tmp_path / "mine.lock")
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(platform, "node", lambda: "another")
        elsewhere.setattr(os, "getpid", lambda: 1)
        with held(tmp_path / "theirs.lock", "a study"):
            elsewhere.undo()
            end_with_study(tmp_path / "theirs.lock")
    end_with_study(tmp_path / "nobody.lock")
    assert "orphan" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize(
    ("launcher", "goes_on"),
    [
        ("hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher", True),
        ("hydra_plugins.hydra_submitit_launcher.submitit_launcher.LocalLauncher", True),
        ("hydra_plugins.lstm_bench_launchers.SlurmLauncher", True),
        ("hydra_plugins.lstm_bench_launchers.RayLauncher", False),
        ("hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher", False),
        ("hydra._internal.core_plugins.basic_launcher.BasicLauncher", False),
    ],
)
def test_jobs_of_a_queue_need_no_parent(launcher: str, goes_on: bool) -> None:
    assert is_of_a_queue(launcher) is goes_on
