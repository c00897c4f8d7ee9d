"""How far a study is, by its records: what waits, runs, is done and failed, and how long it takes."""

import json
import platform
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lstm_bench.config.composing import Invocation, compose_study
from lstm_bench.records.atomic import write_text
from lstm_bench.records.locking import held, job_lock, study_lock
from lstm_bench.records.plan import JobPlan
from lstm_bench.records.schema import MemberRecord
from lstm_bench.records.store import StudyRecords
from lstm_bench.status import main
from lstm_bench.study.planning import plan_study
from lstm_bench.study.study_status import study_status

ARGUMENTS = ("cell=rnn", "task.lag=2,4,8", "cell.hidden_size=4", "trainer.seeds=2", "trainer.learning_rates=0.1")
HALF_WAY = {"phase": "report", "step": 50, "steps": 100, "active": 2, "ended": 0, "loss_share": 0.25}
NOBODY = 2**22 + 1  # a process id beyond the largest one


@pytest.fixture
def records(tmp_path: Path) -> StudyRecords:
    """A study of three jobs with two members each, of which none has begun."""
    records = StudyRecords(tmp_path / "runs" / "s")
    records.write_plan(plan_study(compose_study(Invocation(ARGUMENTS)), ARGUMENTS))
    return records


@pytest.fixture
def jobs(records: StudyRecords) -> list[JobPlan]:
    return records.read_plan().jobs


def write(records: StudyRecords, job: JobPlan, status: str, finished: datetime | None = None, error: str = "") -> None:
    """Give all members of a job a status."""
    for identity, role, seed, rate in job.members():
        record = MemberRecord(identity, job.job, role, seed, rate, status, error=error or None)
        at = (finished or datetime.now(UTC)).isoformat(timespec="seconds")
        records.write_member(replace(record, finished=at), {}, {})


def begin(records: StudyRecords, seconds_ago: float) -> datetime:
    """Write the beginning of an invocation into the journal."""
    at = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    line = {"at": at.isoformat(timespec="milliseconds"), "pid": 1, "event": "study_began"}
    with records.journal.path.open("a") as journal:
        journal.write(json.dumps(line) + "\n")
    return at


def note(lock: Path, **changes: object) -> None:
    """Leave the note of a lock's holder, as a process does that is killed, or one on another machine."""
    facts = {"pid": NOBODY, "host": platform.node(), "since": datetime.now(UTC).isoformat(), "command": "c"} | changes
    write_text(lock.with_name(f"{lock.name}.holder"), json.dumps(facts))


def states(records: StudyRecords) -> list[str]:
    return [part.state for part in study_status(records.folder).parts]


def test_jobs_are_waiting_running_and_done(records: StudyRecords, jobs: list[JobPlan]) -> None:
    write(records, jobs[0], "solved")
    with held(job_lock(records.folder, jobs[1].job), "a job"):
        status = study_status(records.folder)
    assert [part.state for part in status.parts] == ["done", "running", "waiting"]
    assert (status.members_done, status.members) == (2, 6)
    assert states(records) == ["done", "waiting", "waiting"]


def test_a_killed_process_leaves_a_note_and_runs_nothing(records: StudyRecords, jobs: list[JobPlan]) -> None:
    note(job_lock(records.folder, jobs[0].job))
    note(study_lock(records.folder))
    note(job_lock(records.folder, jobs[1].job), pid=1, since="2001-01-01T00:00:00+00:00")  # the id was given again
    assert states(records) == ["waiting"] * 3
    assert study_status(records.folder).owner is None


def test_what_runs_elsewhere_is_dated_by_its_last_sign(
    records: StudyRecords, jobs: list[JobPlan], capsys: pytest.CaptureFixture[str]
) -> None:
    records.write_progress(jobs[0].job, HALF_WAY)
    note(job_lock(records.folder, jobs[0].job), host="node7")
    first = study_status(records.folder).parts[0]
    assert (first.state, first.host, first.progress) == ("running", "node7", HALF_WAY)
    assert first.silent_s < 60
    assert main(["s", "--runs", str(records.folder.parent)]) == 0
    words = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "lag 2 on node7: training 50%, 2" in words


def test_a_failed_job_is_failed_until_it_is_tried_again(
    records: StudyRecords, jobs: list[JobPlan], capsys: pytest.CaptureFixture[str]
) -> None:
    begin(records, 60)
    records.journal.note("job_ended", job=jobs[1].job, number=1, outcome="failed", reason="ValueError: no such thing")
    records.journal.note("job_ended", job=jobs[2].job, number=2, outcome="interrupted", reason="stopped")
    assert states(records) == ["waiting", "failed", "waiting"]
    assert main([str(records.folder)]) == 0
    assert "Failed: copy rnn lag 4: ValueError: no such thing" in capsys.readouterr().out
    begin(records, 30)
    assert states(records) == ["waiting"] * 3


def test_members_that_failed_say_so_without_a_journal(records: StudyRecords, jobs: list[JobPlan]) -> None:
    write(records, jobs[2], "out_of_memory", error="Traceback ...\nMemoryError")
    last = study_status(records.folder).parts[2]
    assert (last.state, last.reason) == ("failed", "MemoryError")
    with held(study_lock(records.folder), "the same command"):
        assert states(records) == ["waiting"] * 3


def test_the_time_left_is_that_of_the_work_of_this_invocation(records: StudyRecords, jobs: list[JobPlan]) -> None:
    began = begin(records, 1000)
    write(records, jobs[0], "solved", began - timedelta(hours=1))  # by an earlier invocation
    write(records, jobs[1], "solved", began + timedelta(minutes=5))
    records.write_progress(jobs[2].job, HALF_WAY)
    with held(job_lock(records.folder, jobs[2].job), "a job"):
        left = study_status(records.folder).seconds_left
    _, whole, half = (job.length for job in jobs)  # members, steps and sizes are equal
    assert left == pytest.approx(1000 * 0.5 * half / (whole + 0.5 * half), abs=2)


def test_work_before_a_checkpoint_was_done_earlier(records: StudyRecords, jobs: list[JobPlan]) -> None:
    began = begin(records, 600)
    for job in jobs[:2]:
        write(records, job, "solved", began - timedelta(hours=1))
    steps = jobs[2].steps
    records.journal.note("taken_up", job=jobs[2].job, part=jobs[2].job, role="report", step=steps // 4)
    records.write_progress(jobs[2].job, HALF_WAY | {"step": steps // 2, "steps": steps})
    with held(job_lock(records.folder, jobs[2].job), "a job"):
        left = study_status(records.folder).seconds_left
    assert left == pytest.approx(1200, abs=3)  # a quarter in 600 s, a half is left


def test_nobody_tells_how_long_a_study_takes_that_does_not_run(records: StudyRecords, jobs: list[JobPlan]) -> None:
    write(records, jobs[0], "solved", begin(records, 600) + timedelta(minutes=1))
    assert study_status(records.folder).seconds_left is None


def test_looking_writes_nothing(records: StudyRecords, jobs: list[JobPlan]) -> None:
    records.write_progress(jobs[0].job, HALF_WAY)
    note(job_lock(records.folder, jobs[0].job))

    def files() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in records.folder.parent.rglob("*")}

    before = files()
    assert main(["s", "--runs", str(records.folder.parent)]) == 0
    assert files() == before


def test_how_a_study_goes_on_is_said(records: StudyRecords, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(records.folder)]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[:4] == [
        "Study adhoc: has not ended; no process runs it",
        "Jobs:    3 waiting, 0 running, 0 done, 0 failed",
        "Members: 0 of 6 have a result, tuning included",
        f"To continue: {records.read_plan().command}",
    ]


def test_a_study_whose_members_are_done_says_how_it_is_collected(
    records: StudyRecords, jobs: list[JobPlan], capsys: pytest.CaptureFixture[str]
) -> None:
    for job in jobs:
        write(records, job, "solved")
    collect = f"To collect (speed, MLflow and the report): {records.read_plan().command}"
    assert main([str(records.folder)]) == 0
    assert collect in capsys.readouterr().out.splitlines()
    records.write_plan(replace(records.read_plan(), finished="2026-11-29T12:00:00+00:00"))
    assert main([str(records.folder)]) == 0
    assert "To collect" not in capsys.readouterr().out


@pytest.mark.parametrize(("name", "allowed"), [("other", "allowed: s"), ("other/s", "allowed: s")])
def test_a_folder_that_is_none_is_refused_in_a_line(
    name: str, allowed: str, records: StudyRecords, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([name, "--runs", str(records.folder.parent)]) == 2
    assert capsys.readouterr().err == f"study={name}: {allowed}\n"


def test_records_of_another_version_are_refused_in_a_line(
    records: StudyRecords, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = records.folder / "study.json"
    plan.write_text(plan.read_text().replace('"schema": 1', '"schema": 7'))
    assert main([str(records.folder)]) == 2
    assert capsys.readouterr().err == f"{plan}: schema=7: allowed: 1\n"
