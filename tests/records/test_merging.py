"""Records of several machines become one folder, whatever happens meanwhile, and nothing else does."""

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from lstm_bench.config.composing import Invocation, compose_study
from lstm_bench.merge import main
from lstm_bench.records import merging
from lstm_bench.records.locking import held, study_lock
from lstm_bench.records.plan import StudyPlan
from lstm_bench.records.schema import MemberRecord
from lstm_bench.records.store import StudyRecords
from lstm_bench.study.planning import plan_study

TINY = ("cell=rnn", "cell.hidden_size=4", "trainer.learning_rates=[0.1,0.2]", "trainer.tuning_seeds=1")


def plan_of(*overrides: str) -> StudyPlan:
    arguments = (*TINY, *overrides)
    return plan_study(compose_study(Invocation(arguments)), arguments)


def make(folder: Path, *overrides: str, statuses: str = "solved", shift: float = 0.0) -> StudyRecords:
    """Make the records of a study in which every member has a status, and a loss that its seed tells."""
    records, plan = StudyRecords(folder / "runs" / "s"), plan_of(*overrides)
    records.write_plan(plan)
    for job in plan.jobs:
        for identity, role, seed, rate in job.members():
            metrics = {"eval/loss": seed / 8 + shift, "train/train_s": float(len(folder.name))}
            record = MemberRecord(identity, job.job, role, seed, rate or 0.1, statuses, 8, None, 1.0, metrics)
            records.write_member(record, {}, {"weights.pt": identity.encode()})
    return records


def results(records: StudyRecords) -> dict[str, tuple[str, float]]:
    members = [records.read_checked(identity) for identity in records.identities()]
    return {member.identity: (member.status, member.metrics["eval/loss"]) for member in members}


def content(folder: Path) -> dict[str, str]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def merged(*folders: StudyRecords) -> int:
    return main([str(records.folder) for records in folders])


def test_lags_and_seeds_of_several_machines_become_one_study(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = make(tmp_path / "a", "task.lag=2"), make(tmp_path / "b", "task.lag=2,4", "trainer.seeds=[5,6]")
    c = make(tmp_path / "c", "task.lag=8", "trainer.seeds=1")
    expected = results(a) | results(b) | results(c)
    before = [content(records.folder) for records in (b, c)]
    assert merged(a, b, c) == 0
    assert results(a) == expected
    assert len(expected) == (2 + 5) + (2 + 2 + 2) + (2 + 1)  # the tuning members at lag 2 are the same
    plan = a.read_plan()
    assert [(job.lag, job.seeds) for job in plan.jobs] == [(2, [0, 1, 2, 3, 4, 5, 6]), (4, [5, 6]), (8, [0])]
    assert [content(records.folder) for records in (b, c)] == before
    out = capsys.readouterr().out.splitlines()
    assert out[0] == f"{b.folder}: 6 results copied, 2 already there"
    assert out[2].startswith(f"{a.folder}: 16 of 16 members have a result; ")


def test_a_second_merge_changes_no_member_and_no_plan(tmp_path: Path) -> None:
    a, b = make(tmp_path / "a", "task.lag=2"), make(tmp_path / "b", "task.lag=4")
    assert merged(a, b) == 0
    before = content(a.folder)
    assert merged(a, b) == 0
    after = content(a.folder)
    assert before.pop("journal.jsonl") != after.pop("journal.jsonl")
    assert after == before
    assert [line["members"] for line in a.journal.read()[0]] == [7, 0]


@pytest.mark.parametrize("copies", [0, 1, 6])
def test_a_merge_that_is_killed_is_completed_by_the_next(
    copies: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b, whole = make(tmp_path / "a", "task.lag=2"), make(tmp_path / "b", "task.lag=4"), tmp_path / "whole"
    shutil.copytree(tmp_path / "a", whole)
    assert merged(StudyRecords(whole / "runs" / "s"), b) == 0
    done, copy_result = [0], merging.copy_result

    def killed(*arguments: object) -> bool:
        if done[0] == copies:
            (a.folder / ".taken.killed" / "half").mkdir(parents=True)
            raise KeyboardInterrupt
        done[0] += 1
        return copy_result(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(merging, "copy_result", killed)
        with pytest.raises(KeyboardInterrupt):
            merged(a, b)
    assert len(results(a)) == 7 + copies
    assert merged(a, b) == 0
    found, expected = content(a.folder), content(whole / "runs" / "s")
    assert (found.pop("journal.jsonl"), expected.pop("journal.jsonl")) != ("", "")
    assert found == expected
    assert not list(a.folder.glob(".taken.*"))


def test_a_result_takes_the_place_of_a_failure_and_never_the_reverse(tmp_path: Path) -> None:
    a = make(tmp_path / "a", "task.lag=2,4", statuses="failed")
    b, c = make(tmp_path / "b", "task.lag=2"), make(tmp_path / "c", "task.lag=2,4,8", statuses="out_of_memory")
    assert merged(a, b, c) == 0
    by_lag = {job.lag: {a.read_member(m.identity).status for m in job.members()} for job in a.read_plan().jobs}
    assert by_lag == {2: {"solved"}, 4: {"failed"}, 8: {"out_of_memory"}}


def test_what_runs_elsewhere_is_not_taken(tmp_path: Path) -> None:
    a, b = make(tmp_path / "a", "task.lag=2"), make(tmp_path / "b", "task.lag=4", statuses="running")
    assert merged(a, b) == 0
    assert {a.read_member(identity).status for identity in a.identities()} == {"solved"}
    assert [job.lag for job in a.read_plan().jobs] == [2, 4]


def test_the_same_member_with_other_times_is_the_same(tmp_path: Path) -> None:
    a, b = make(tmp_path / "a", "task.lag=2"), make(tmp_path / "longer", "task.lag=2")
    assert merged(a, b) == 0


@pytest.mark.parametrize(
    ("there", "shift", "told"),
    [
        (("task.lag=2", "study=other"), 0, "study=other: allowed: adhoc, as in the first folder"),
        (("task.lag=2", "trainer.steps=400"), 0, "copy rnn lag 2: trainer.steps=400: allowed: "),
        (("task.lag=4", "trainer.clip=9"), 0, "copy rnn: trainer.clip=9"),
        (("task.lag=4", "cell.hidden_size=8"), 0, "copy rnn: cell.hidden_size=8: allowed: 4, as in the first folder"),
        (("task.lag=4", "measure=speed"), 0, "measure=speed: allowed: training, as in the first folder"),
        (("task.lag=auto", "span.max_lag=4"), 0, "task.lag=auto: searches of other cells or settings"),
        (("task.lag=2",), 0.5, "(copy rnn lag 2 tuning seed 0): the result differs from "),
    ],
)
def test_what_does_not_belong_together_is_refused_in_a_line(
    there: tuple[str, ...], shift: float, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = make(tmp_path / "a", "task.lag=2"), make(tmp_path / "b", *there, shift=shift)
    before = content(tmp_path / "a" / "runs" / "s")
    assert merged(a, b) == 2
    error = capsys.readouterr().err
    assert error.startswith(str(b.folder))
    assert error.count("\n") == 1
    assert told in error
    assert content(a.folder) == before


def test_folders_that_are_none_or_the_same_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a = make(tmp_path / "a", "task.lag=2")
    assert main([str(a.folder), str(tmp_path / "b" / "s")]) == 2
    assert capsys.readouterr().err == f"study=s: no records at {tmp_path / 'b' / 's'}\n"
    assert main([str(a.folder), str(a.folder)]) == 2
    assert capsys.readouterr().err == f"{a.folder}: named twice: allowed: each folder once\n"


def test_records_of_another_version_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = make(tmp_path / "a", "task.lag=2"), make(tmp_path / "b", "task.lag=4")
    plan = b.folder / "study.json"
    plan.write_text(plan.read_text().replace('"schema": 1', '"schema": 2'))
    assert merged(a, b) == 2
    assert capsys.readouterr().err == f"{plan}: schema=2: allowed: 1\n"


def test_a_job_of_another_version_of_ours_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = make(tmp_path / "a", "task.lag=2"), make(tmp_path / "b", "task.lag=2")
    plan = b.read_plan()
    b.write_plan(replace(plan, jobs=[replace(plan.jobs[0], job="0123456789abcdef")]))
    assert merged(a, b) == 2
    assert "copy rnn lag 2: another version of lstm_bench or of a plug-in" in capsys.readouterr().err


def test_a_study_that_runs_takes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = make(tmp_path / "a", "task.lag=2"), make(tmp_path / "b", "task.lag=4")
    with held(study_lock(a.folder), "a study"):
        assert merged(a, b) == 2
    assert "study=s: run by process " in capsys.readouterr().err
    assert len(results(a)) == 7


def test_damage_costs_its_member_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = make(tmp_path / "a", "task.lag=2"), make(tmp_path / "b", "task.lag=2,4")
    lost = b.read_plan().jobs[1].members()[0].identity
    (b.member_folder(lost) / "weights.pt").write_bytes(b"flipped")
    mended = a.identities()[0]
    (a.member_folder(mended) / "record.json").write_text("{")
    assert merged(a, b) == 1
    assert capsys.readouterr().err.startswith(f"Not merged: {b.member_folder(lost)}")
    assert results(a) == {key: value for key, value in results_of_readable(b).items() if key != lost}
    assert a.was_quarantined(mended)


def results_of_readable(records: StudyRecords) -> dict[str, tuple[str, float]]:
    members = [records.read_member(identity) for identity in records.identities()]
    return {member.identity: (member.status, member.metrics["eval/loss"]) for member in members}
