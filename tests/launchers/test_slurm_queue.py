"""What is made of SLURM's answers, and of its silence, with programs of our own in place of its own."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from hydra.core.utils import JobReturn

from lstm_bench.launchers import slurm, slurm_queue
from lstm_bench.launchers.errors import LauncherError

Program = Callable[[str, str], None]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Put a program of the shell on the PATH."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    def put(name: str, script: str) -> None:
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    return put


def test_the_limit_of_an_array_is_the_clusters(program: Program) -> None:
    program("scontrol", "printf 'MaxArraySize            = 17\\nMaxJobCount = 10000\\n'")
    assert slurm_queue.max_array_size() == 17
    program("scontrol", "echo 'MaxJobCount = 10000'")
    assert slurm_queue.max_array_size() == 1001


def test_states_are_those_of_the_queue_and_a_job_it_forgot_is_purged(program: Program) -> None:
    program("squeue", 'echo "$@" > "$(dirname "$0")/asked"; printf "12_0 RUNNING\\n12_1 COMPLETED\\n"')
    states = slurm_queue.states(["12_0", "12_1", "12_2", "13"])
    assert states == {"12_0": "RUNNING", "12_1": "COMPLETED", "12_2": "PURGED", "13": "PURGED"}
    assert [slurm_queue.is_over(state) for state in states.values()] == [False, True, True, True]


def test_jobs_of_an_array_that_never_began_have_the_state_of_the_array(program: Program) -> None:
    program("squeue", 'printf "23 CANCELLED\\n23_0 COMPLETED\\n24 CANCELLED\\n"')
    assert slurm_queue.states(["23_0", "23_1", "24"]) == {"23_0": "COMPLETED", "23_1": "CANCELLED", "24": "CANCELLED"}


def test_an_unknown_job_is_purged_and_a_controller_that_is_away_says_nothing(program: Program) -> None:
    program("squeue", "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1")
    assert slurm_queue.states(["12"]) == {"12": "PURGED"}
    program("squeue", "echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1")
    with pytest.raises(LauncherError, match="Unable to contact slurm controller"):
        slurm_queue.states(["12"])


def test_a_job_knows_its_state_and_how_often_it_was_queued_again(program: Program) -> None:
    program("scontrol", "printf 'JobId=7 JobName=a\\n   JobState=COMPLETING Reason=None\\n   Requeue=1 Restarts=2\\n'")
    assert slurm_queue.state_and_restarts("7") == ("COMPLETING", 2)
    program("scontrol", "printf 'JobId=7 JobName=a\\n   JobState=COMPLETING\\n'")
    with pytest.raises(LauncherError, match=r"^scontrol show job 7: no JobState or Restarts in its answer$"):
        slurm_queue.state_and_restarts("7")


def test_what_a_program_says_is_one_line_without_its_name(program: Program) -> None:
    program("scontrol", "printf '\\nscontrol: error: Access denied\\nmore\\n' >&2; exit 1")
    with pytest.raises(LauncherError) as refused:
        slurm_queue.requeue("7")
    assert str(refused.value) == "Access denied"


def test_a_program_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(LauncherError, match=r"^scontrol is not on the PATH of this machine$"):
        slurm_queue.requeue("7")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that only sleeping moves."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    return now


def test_jobs_end_by_their_results_whatever_the_queue_says(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_: object) -> None:
        raise LauncherError("away")

    monkeypatch.setattr(slurm_queue, "states", away)
    ends = {"1_0": 30.0, "1_1": 70.0}
    assert list(slurm._ended(list(ends), lambda job: clock[0] >= ends[job])) == []
    assert clock[0] == pytest.approx(70.0, abs=slurm.POLL_S)


def test_a_job_that_the_queue_gave_up_is_lost_when_a_file_system_had_its_time(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slurm_queue, "states", lambda jobs: {job: "NODE_FAIL" for job in jobs if job == "1_0"} | {
        job: "RUNNING" for job in jobs if job != "1_0"
    })  # fmt: skip
    lost = list(slurm._ended(["1_0", "1_1"], lambda job: job == "1_1" and clock[0] >= 100))
    assert lost == [{"1_0": "NODE_FAIL"}]
    assert clock[0] == pytest.approx(100.0, abs=slurm.POLL_S)


def test_a_result_that_is_seen_late_counts(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slurm_queue, "states", lambda jobs: dict.fromkeys(jobs, "COMPLETED"))
    assert list(slurm._ended(["1"], lambda _: clock[0] >= slurm.RESULT_PATIENCE_S - 1)) == []


@pytest.mark.parametrize(
    ("state", "restarts", "before", "runs_again"),
    [
        ("RUNNING", 0, "0", True),  # a signal of the cluster: it queues itself
        ("COMPLETING", 1, "0", True),  # SLURM has queued it
        ("COMPLETING", 0, "0", False),  # a person has cancelled it
        ("RUNNING", 3, "3", False),  # often enough
    ],
)
def test_a_signalled_job_runs_again_unless_a_person_cancelled_it(
    state: str, restarts: int, before: str, runs_again: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued: list[str] = []
    monkeypatch.setattr(slurm_queue, "state_and_restarts", lambda _: (state, restarts))
    monkeypatch.setattr(slurm_queue, "requeue", queued.append)
    monkeypatch.setenv(slurm.RESTARTS, before)
    assert slurm._Run(max_requeues=3)._runs_again("7") is runs_again
    assert queued == (["7"] if runs_again and state == "RUNNING" else [])


class Submitted:
    """A job of submitit that has ended."""

    def __init__(self, job_id: str, folder: Path, outcome: tuple[str, object] | None) -> None:
        self.job_id, self._outcome = job_id, outcome
        self.paths = SimpleNamespace(result_pickle=folder / f"{job_id}.pkl", stderr=folder / f"{job_id}.err")
        if outcome is not None:
            self.paths.result_pickle.touch()

    def _get_outcome_and_result(self) -> tuple[str, object] | None:
        return self._outcome


def test_results_come_in_order_without_jobs_that_a_person_cancelled(
    clock: list[float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(slurm_queue, "states", lambda jobs: dict.fromkeys(jobs, "CANCELLED"))
    first, last = JobReturn(overrides=["a"]), JobReturn(overrides=["c"])
    jobs = [("1_0", ("success", first)), ("1_1", None), ("1_2", ("success", last))]
    assert slurm._results([Submitted(job_id, tmp_path, outcome) for job_id, outcome in jobs]) == [first, last]
    assert capsys.readouterr().err == "SLURM jobs were cancelled: 1_1\n"


def test_a_job_that_was_lost_or_failed_is_told_in_a_line_with_its_log(
    clock: list[float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slurm_queue, "states", lambda jobs: dict.fromkeys(jobs, "NODE_FAIL"))
    with pytest.raises(LauncherError) as lost:
        slurm._results([Submitted("1_0", tmp_path, None), Submitted("1_1", tmp_path, None)])
    told = f"SLURM job 1_0 ended without a result, NODE_FAIL (and 1 more); its log: {tmp_path}/1_0.err"
    assert str(lost.value) == told
    trace = "Traceback (most recent call last):\n  ...\nModuleNotFoundError: No module named 'lstm_bench'\n"
    with pytest.raises(LauncherError, match=r"^SLURM job 2 failed: ModuleNotFoundError: No module named "):
        slurm._results([Submitted("2", tmp_path, ("error", trace))])
