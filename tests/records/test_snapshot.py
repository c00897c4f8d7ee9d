"""A snapshot holds the records of a plan's members as they were when they were read."""

from pathlib import Path

import pytest

from lstm_bench.records.plan import JobPlan
from lstm_bench.records.schema import MemberRecord
from lstm_bench.records.snapshot import Snapshot
from lstm_bench.records.store import StudyRecords

JOB = JobPlan(
    job="j", task="copy", variant="arjovsky", lag=1, length=3, cell="rnn", hidden_size=4, n_parameters=1,
    n_parameters_core=1, flops=1.0, kernel="", score="", criterion="", description="", solved_rule="", solved_share=1.0,
    baselines={}, units={}, learning_rates=[0.1, 0.2], tuning_seeds=[0], seeds=[0, 1], steps=4, batch_size=2, config={},
)  # fmt: skip


@pytest.fixture
def records(tmp_path: Path) -> StudyRecords:
    return StudyRecords(tmp_path / "s")


def write(records: StudyRecords, *statuses: str) -> list[str]:
    """Give a status to the first members of the job; return the identities of all."""
    for member, status in zip(JOB.members(), statuses, strict=False):
        record = MemberRecord(member.identity, JOB.job, member.role, member.seed, member.rate, status)
        records.write_member(record, {}, {"weights.pt": b"w"})
    return [member.identity for member in JOB.members()]


def test_it_tells_results_from_members_without_one(records: StudyRecords) -> None:
    identities = write(records, "plateau", "running", "solved")
    snapshot = Snapshot(records, [JOB])
    assert [snapshot.has_result(identity) for identity in identities] == [True, False, True, False]
    assert snapshot.finished_seeds(JOB) == [0]
    assert not snapshot.is_whole(JOB)


def test_what_is_written_later_is_seen_when_it_is_refreshed(records: StudyRecords) -> None:
    write(records, "plateau", "solved", "solved")
    snapshot = Snapshot(records, [JOB])
    write(records, "plateau", "solved", "solved", "diverged")
    assert not snapshot.is_whole(JOB)
    snapshot.refresh([JOB])
    assert snapshot.is_whole(JOB)
    assert snapshot.finished_seeds(JOB) == [0, 1]


def test_a_record_that_cannot_be_read_is_a_problem_and_no_result(records: StudyRecords) -> None:
    identity = write(records, "solved")[0]
    path = records.member_folder(identity) / "record.json"
    path.write_text("{")
    snapshot = Snapshot(records, [JOB])
    assert not snapshot.has_result(identity)
    assert snapshot.problems[identity].startswith(f"{path}: cannot be read: ")


def test_damaged_files_are_a_problem_where_they_are_checked(records: StudyRecords) -> None:
    identity = write(records, "solved")[0]
    (records.member_folder(identity) / "weights.pt").write_bytes(b"v")
    snapshot = Snapshot(records, [JOB])
    assert snapshot.has_result(identity)
    snapshot.read(JOB, check_files=True)
    assert not snapshot.has_result(identity)
    assert "weights.pt: damaged" in snapshot.problems[identity]


def test_a_status_that_is_written_through_it_is_on_disk_too(records: StudyRecords) -> None:
    identity = write(records, "running")[0]
    snapshot = Snapshot(records, [JOB])
    snapshot.write_status(MemberRecord(identity, JOB.job, "tuning", 0, 0.1, "failed", error="why"))
    assert snapshot.members[identity].status == records.read_member(identity).status == "failed"
