"""The summary names every job that has something missing, with its reason."""

from dataclasses import replace
from pathlib import Path

from lstm_bench.config.composing import Invocation, compose_study
from lstm_bench.records.schema import MemberRecord
from lstm_bench.records.snapshot import Snapshot
from lstm_bench.records.store import StudyRecords
from lstm_bench.study.messages import probe_lines, summarise_failures
from lstm_bench.study.planning import plan_study

ARGUMENTS = ("cell=rnn", "task.lag=2,1", "cell.hidden_size=4", "trainer.seeds=4", "trainer.learning_rates=0.1")


def test_tuning_records_that_are_gone_are_told_where_nothing_else_is(tmp_path: Path) -> None:
    records = StudyRecords(tmp_path / "s")
    tuned = (*ARGUMENTS[:-1], "trainer.learning_rates=[0.1,0.2]", "trainer.tuning_seeds=1")
    jobs = plan_study(compose_study(Invocation(tuned)), tuned).jobs
    for job in jobs:
        for member in job.reported():
            records.write_status(MemberRecord(member.identity, job.job, "report", member.seed, 0.1, "solved"))
    assert summarise_failures(Snapshot(records, jobs), jobs) == (
        [f"No record: 2 members that tuned copy rnn lag {lag}" for lag in (2, 1)], 4
    )  # fmt: skip


def test_every_job_is_named_once_a_reason_and_what_has_a_result_is_not(tmp_path: Path) -> None:
    records = StudyRecords(tmp_path / "s")
    first, second = plan_study(compose_study(Invocation(ARGUMENTS)), ARGUMENTS).jobs
    failed = MemberRecord("", "", "report", 0, None, "failed", error="Traceback ...\n  x\nValueError: why")
    diverged = replace(failed, status="diverged", error="cell rnn: its loss is nan at step 12")
    for job, seed, record in (
        (first, 0, failed), (first, 2, failed), (first, 1, replace(failed, status="solved", error=None)),
        (second, 0, diverged), (second, 1, replace(diverged, error="cell rnn: its loss is nan at step 900")),
        (second, 2, replace(failed, status="out_of_memory", error="no memory")),
    ):  # fmt: skip
        identity = job.reported()[seed].identity
        records.write_status(replace(record, identity=identity, job=job.job, seed=seed))
    summary = summarise_failures(Snapshot(records, [first, second]), [first, second])
    assert summary.lines == [
        "Failed: copy rnn lag 2 (seeds 0, 2): ValueError: why",
        "Never ran: copy rnn lag 2 (seed 3): its job ended before",
        "Diverged: copy rnn lag 1 (seeds 0, 1): cell rnn: its loss is nan",
        "Out of memory: copy rnn lag 1 (seed 2): no memory",
        "Never ran: copy rnn lag 1 (seed 3): its job ended before",
    ]
    assert summary.without_result == 5


def test_a_probe_that_failed_on_every_member_of_a_cell_is_told_once_with_its_reason(tmp_path: Path) -> None:
    records = StudyRecords(tmp_path / "s")
    jobs = plan_study(compose_study(Invocation(ARGUMENTS)), ARGUMENTS).jobs
    everywhere = {
        "lyapunov initial": "lyapunov: no number",
        "lyapunov final": "lyapunov: no number",
        "mine final": "no\n  number: ",
    }
    for job in jobs:
        for seed, member in enumerate(job.reported()):
            here = {"jacobian final": "jacobian: not finite"} if seed else {}
            status, errors = (
                ("solved", everywhere | here) if seed < 3 else ("diverged", {"boundary final": "not finite"})
            )
            record = MemberRecord(member.identity, job.job, "report", seed, 0.1, status, probe_errors=errors)
            records.write_status(record)
    assert probe_lines(Snapshot(records, jobs), jobs) == [
        "Probes lyapunov, mine failed for all 6 members of copy rnn: no number"
    ]
    assert probe_lines(Snapshot(records, []), jobs) == []
