"""What a study on SLURM survives: signals, a node that goes down, a parent that dies, a person who cancels."""

import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from processes import wait_until
from slurm_node import SlurmNode
from small_study import LONG, Study, overhead_s, results_hash, studying, timed

from lstm_bench.records.locking import holder, study_lock

pytestmark = pytest.mark.engines
SLURM = ["hydra/launcher=slurm_cpu", "hydra.launcher.mem_gb=1"]


def waiting_jobs(slurm: SlurmNode) -> list[tuple[str, str]]:
    """Return id and state of each job that has not ended."""
    table = slurm.run("squeue", "--noheader", "--array", "--format=%i %T")
    return [(line.split()[0], line.split()[1]) for line in table.splitlines()]


def taken_up_at(study: Study) -> list[int]:
    """Return the steps at which jobs went on from checkpoints."""
    return [line["step"] for line in study.events("taken_up")]


@pytest.mark.parametrize("name", ["USR1", "USR2", "TERM"])
def test_a_signal_is_a_checkpoint_and_another_run(
    name: str, slurm: SlurmNode, undisturbed: str, tmp_path: Path, add_row: Callable[..., None]
) -> None:
    with studying(tmp_path, *LONG, *SLURM, environment=slurm.environment) as study:
        study.wait_for_step(1000)
        ((job, _),) = waiting_jobs(slurm)
        slurm.run("scancel", f"--signal={name}", job)
        wait_until(lambda: study.events("job_ended"), "the end of the first run")
        exit_code, wall = timed(study)
        assert exit_code == 0, study.said
        assert [line["outcome"] for line in study.events("job_ended")] == ["interrupted", "done"]
        ((step,)) = taken_up_at(study)
        assert step >= 1000  # no other checkpoint is written
        assert "Restarts=1" in slurm.run("scontrol", "show", "job", job)
        assert results_hash(study.records) == undisturbed
        add_row("SLURM", 1, wall, overhead_s(study, 1), f"scancel --signal={name}", True)


def test_a_node_that_goes_down_and_comes_back(
    slurm: SlurmNode, undisturbed: str, tmp_path: Path, add_row: Callable[..., None]
) -> None:
    with studying(tmp_path, *LONG, *SLURM, "safety.checkpoint_s=1", environment=slurm.environment) as study:
        study.wait_for_step(2000)
        ((job, _),) = waiting_jobs(slurm)
        slurm.run("scontrol", "update", f"NodeName={slurm.host}", "State=DOWN", "Reason=test")
        wait_until(lambda: waiting_jobs(slurm) == [(job, "PENDING")], "a job in the queue again")
        slurm.run("scontrol", "update", f"NodeName={slurm.host}", "State=RESUME")
        exit_code, wall = timed(study)
        assert exit_code == 0, study.said
        assert taken_up_at(study)[0] > 0
        assert results_hash(study.records) == undisturbed
        add_row("SLURM", 1, wall, overhead_s(study, 1), "node down, and up again", True)


def test_a_job_that_is_suspended_for_longer_than_the_timeout_does_not_hang(
    slurm: SlurmNode, undisturbed: str, tmp_path: Path, add_row: Callable[..., None]
) -> None:
    with studying(tmp_path, *LONG, *SLURM, "safety.job_timeout_s=4", environment=slurm.environment) as study:
        study.wait_for_step(1000)
        ((job, _),) = waiting_jobs(slurm)
        slurm.run("scontrol", "suspend", job)
        time.sleep(8.0)
        slurm.run("scontrol", "resume", job)
        exit_code, wall = timed(study)
        assert exit_code == 0, study.said
        assert [line["outcome"] for line in study.events("job_ended")] == ["done"]
        assert results_hash(study.records) == undisturbed
        add_row("SLURM", 1, wall, None, "suspended for twice the timeout, and resumed", True)


def test_a_parent_that_dies_and_a_later_one_that_collects(
    slurm: SlurmNode, undisturbed: str, tmp_path: Path, add_row: Callable[..., None]
) -> None:
    with studying(tmp_path, *LONG, *SLURM, "detach=true", environment=slurm.environment) as starter:
        assert starter.wait() == 0, starter.said
        assert "runs in the background" in starter.said
        owner = holder(study_lock(starter.records))
        assert owner is not None
        parent = psutil.Process(owner["pid"])
        try:
            starter.wait_for_step(1000)
        finally:
            parent.send_signal(signal.SIGKILL)
            with suppress(psutil.NoSuchProcess):
                parent.wait(30)
        wait_until(lambda: starter.events("job_ended"), "the end of a job that nobody waits for", 120)
        assert results_hash(starter.records) == undisturbed
        with studying(tmp_path, *LONG, *SLURM, environment=slurm.environment) as collector:
            exit_code, wall = timed(collector)
            assert exit_code == 0, collector.said
            assert "2 are already finished" in collector.said
        assert results_hash(starter.records) == undisturbed
        add_row("SLURM", 1, wall, None, "parent killed, a later one collects", True)


def test_a_later_parent_waits_for_jobs_of_a_dead_one(
    slurm: SlurmNode, undisturbed: str, tmp_path: Path, add_row: Callable[..., None]
) -> None:
    with studying(tmp_path, *LONG, *SLURM, environment=slurm.environment) as first:
        first.wait_for_step(1000)
        first.kill()
        with studying(tmp_path, *LONG, *SLURM, environment=slurm.environment) as second:
            exit_code, wall = timed(second)
            assert exit_code == 0, second.said
        assert taken_up_at(first) == []
        assert len(first.events("job_ran")) <= 2
        assert results_hash(first.records) == undisturbed
        add_row("SLURM", 1, wall, None, "parent killed, a later one at once", True)


def test_a_person_who_cancels_has_the_last_word(slurm: SlurmNode, undisturbed: str, tmp_path: Path) -> None:
    with studying(tmp_path, *LONG, *SLURM, environment=slurm.environment) as study:
        study.wait_for_step(1000)
        ((job, _),) = waiting_jobs(slurm)
        slurm.run("scancel", job)
        assert study.wait() == 1
        assert waiting_jobs(slurm) == []
        assert [line["outcome"] for line in study.events("job_ended")] == ["interrupted"]
    with studying(tmp_path, *LONG, *SLURM, environment=slurm.environment) as again:
        assert again.wait() == 0, again.said
        assert taken_up_at(again)[0] >= 1000
        assert results_hash(again.records) == undisturbed


def test_what_a_person_takes_out_of_the_queue_is_not_put_back(slurm: SlurmNode, tmp_path: Path) -> None:
    arguments = [*LONG, "cell=rnn,lstm,gru", *SLURM, "hydra.launcher.array_parallelism=1"]
    with studying(tmp_path, *arguments, environment=slurm.environment) as study:
        study.wait_for_step(500)
        slurm.run("scancel", "--user=root")
        assert study.wait() == 1
        assert "SLURM jobs were cancelled: " in study.said
        assert waiting_jobs(slurm) == []
        assert "without a result; the same command tries again" in study.said


def test_a_study_that_is_stopped_leaves_nothing_in_the_queue(slurm: SlurmNode, tmp_path: Path) -> None:
    arguments = [*LONG, "cell=rnn,lstm,gru", *SLURM, "hydra.launcher.array_parallelism=1"]
    with studying(tmp_path, *arguments, environment=slurm.environment) as study:
        study.wait_for_step(500)
        study.process.send_signal(signal.SIGTERM)
        assert study.wait() == 128 + signal.SIGTERM
        wait_until(lambda: waiting_jobs(slurm) == [], "an empty queue")
        assert "Stopped." in study.said
