"""Before a study goes on, its records are made true: who runs, who is whole, what is set aside."""

from dataclasses import replace
from pathlib import Path

import pytest

from lstm_bench.config.composing import Invocation, compose_study
from lstm_bench.records.job_parts import dealt
from lstm_bench.records.locking import held, job_lock
from lstm_bench.records.plan import JobPlan
from lstm_bench.records.schema import JobOutcome, MemberRecord
from lstm_bench.records.snapshot import Snapshot
from lstm_bench.records.store import StudyRecords
from lstm_bench.study.planning import plan_study
from lstm_bench.study.recovery import finalise_members, reconcile
from lstm_bench.study.reuse import archive_study, attempt_of, reuse_members

ARGUMENTS = (
    "cell=rnn",
    "task.lag=2,1",
    "cell.hidden_size=4",
    "trainer.seeds=3",
    "trainer.learning_rates=[0.1,0.2]",
    "trainer.tuning_seeds=2",
)


@pytest.fixture
def records(tmp_path: Path) -> StudyRecords:
    """A study of two jobs with three reported and four tuning members each, of which none has begun."""
    records = StudyRecords(tmp_path / "runs" / "s")
    records.write_plan(plan_study(compose_study(Invocation(ARGUMENTS)), ARGUMENTS))
    return records


@pytest.fixture
def jobs(records: StudyRecords) -> list[JobPlan]:
    return records.read_plan().jobs


def write(records: StudyRecords, job: JobPlan, number: int, status: str) -> str:
    """Give a status to a member of a job, counted from the first that tunes; return its identity."""
    identity, role, seed, rate = job.members()[number]
    records.write_member(MemberRecord(identity, job.job, role, seed, rate, status), {}, {"weights.pt": b"w"})
    return identity


def statuses(records: StudyRecords) -> dict[str, str]:
    return {identity: records.read_member(identity).status for identity in records.identities()}


def test_the_members_of_a_job_are_those_that_tune_it_and_those_reported(jobs: list[JobPlan]) -> None:
    assert [(m.role, m.seed, m.rate) for m in jobs[0].members()] == [
        ("tuning", 0, 0.1), ("tuning", 1, 0.1), ("tuning", 0, 0.2), ("tuning", 1, 0.2),
        ("report", 0, None), ("report", 1, None), ("report", 2, None),
    ]  # fmt: skip
    assert len({m.identity for job in jobs for m in job.members()}) == 14


def test_who_was_left_running_is_interrupted_and_who_is_finished_stays(
    records: StudyRecords, jobs: list[JobPlan]
) -> None:
    running, solved = write(records, jobs[0], 0, "running"), write(records, jobs[0], 4, "solved")
    other = write(records, jobs[1], 5, "running")
    reconciled = reconcile(records, dealt(jobs, None))
    assert (reconciled.left_running, reconciled.damaged) == (2, [])
    assert statuses(records) == {running: "interrupted", other: "interrupted", solved: "solved"}
    assert "its process died" in str(records.read_member(running).error)
    assert [line["members"] for line in records.journal.read()[0] if line["event"] == "reconciled"] == [2]
    assert reconcile(records, dealt(jobs, None)).left_running == 0


def test_a_job_that_somebody_still_runs_is_left_alone(records: StudyRecords, jobs: list[JobPlan]) -> None:
    alive, dead = write(records, jobs[0], 0, "running"), write(records, jobs[1], 0, "running")
    with held(job_lock(records.folder, jobs[0].job), "a job"):
        assert reconcile(records, dealt(jobs, None), patience_s=0.1).left_running == 1
    assert statuses(records) == {alive: "running", dead: "interrupted"}


def test_a_damaged_member_is_set_aside_named_and_waits_again(records: StudyRecords, jobs: list[JobPlan]) -> None:
    identity = write(records, jobs[0], 4, "solved")
    (records.member_folder(identity) / "weights.pt").write_bytes(b"v")
    (damaged,) = reconcile(records, dealt(jobs, None)).damaged
    assert damaged.startswith(f"{records.member_folder(identity) / 'weights.pt'}: damaged")
    assert f"{records.folder}/damaged/{identity}.1" in damaged
    assert not records.has_member(identity)


def test_a_record_that_cannot_be_read_is_set_aside_too(records: StudyRecords, jobs: list[JobPlan]) -> None:
    flipped, torn = write(records, jobs[0], 4, "solved"), write(records, jobs[0], 5, "running")
    path = records.member_folder(flipped) / "record.json"
    path.write_bytes(path.read_bytes().replace(b'"seed": 0', b'"seed": 1'))
    (records.member_folder(torn) / "record.json").write_text("{")
    assert len(reconcile(records, dealt(jobs, None)).damaged) == 2
    assert records.identities() == []


@pytest.mark.parametrize("status", ["failed", "out_of_memory"])
def test_a_job_that_failed_fails_all_that_had_no_result(
    records: StudyRecords, jobs: list[JobPlan], status: str
) -> None:
    tuning, solved = write(records, jobs[0], 1, "running"), write(records, jobs[0], 4, "solved")
    assert finalise_members(Snapshot(records, jobs), jobs[0], JobOutcome(status, "a traceback\nValueError: why")) == [
        tuning
    ]
    waiting = {member.identity: status for member in jobs[0].reported() if member.identity != solved}
    assert statuses(records) == {tuning: status, solved: "solved"} | waiting
    assert {records.read_member(identity).error for identity in waiting} == {"a traceback\nValueError: why"}


def test_an_interrupted_job_says_nothing_of_members_that_never_began(
    records: StudyRecords, jobs: list[JobPlan]
) -> None:
    running = write(records, jobs[0], 5, "running")
    finalise_members(Snapshot(records, jobs), jobs[0], JobOutcome("interrupted", "stopped"))
    assert statuses(records) == {running: "interrupted"}


def test_starting_anew_keeps_the_old_beside_and_counts(records: StudyRecords, jobs: list[JobPlan]) -> None:
    identity, plan = write(records, jobs[0], 4, "solved"), records.read_plan()
    for attempt in (1, 2):
        assert attempt_of(records, resume=True) == attempt - 1
        assert attempt_of(records, resume=False) == attempt
        aside = archive_study(records)
        assert aside == records.folder.with_name(f"s.before-{attempt}")
        assert not records.folder.exists()
        records.write_plan(replace(plan, attempt=attempt))
    assert StudyRecords(records.folder.with_name("s.before-1")).has_result(identity)
    assert reuse_members(records, jobs, Snapshot(records, jobs)) == 0  # else it would not be anew


def test_there_is_nothing_to_keep_where_nothing_was(tmp_path: Path) -> None:
    records = StudyRecords(tmp_path / "none")
    assert archive_study(records) is None
    assert attempt_of(records, resume=False) == 0


def test_a_damaged_member_of_another_study_is_not_taken_over(records: StudyRecords, jobs: list[JobPlan]) -> None:
    other = StudyRecords(records.folder.with_name("other"))
    other.write_plan(replace(records.read_plan(), study="other"))
    whole, damaged = write(other, jobs[0], 4, "solved"), write(other, jobs[0], 5, "solved")
    write(other, jobs[0], 6, "interrupted")
    (other.member_folder(damaged) / "weights.pt").write_bytes(b"v")
    assert reuse_members(records, jobs, Snapshot(records, jobs)) == 1
    assert records.identities() == [whole]
