"""Exit code 0 never follows a job that failed, whoever had its results in the end."""

from pathlib import Path

import pytest

from lstm_bench import cli
from lstm_bench.config.composing import Invocation, compose_study
from lstm_bench.records.schema import MemberRecord
from lstm_bench.records.store import StudyRecords
from lstm_bench.study.planning import plan_study
from lstm_bench.study.running import StudyRunner
from lstm_bench.study.stopping import Stop

SWEEP = ("study=s", "cell=rnn", "task.lag=2,1", "cell.hidden_size=4", "trainer.steps=0", "trainer.seeds=2", "probe=off",
         "tracking=off")  # fmt: skip
DONE = ("done", "")
HELD = ("failed", "this job is being run by process 7 on elsewhere")


@pytest.fixture
def ended(tmp_path, monkeypatch, capsys):
    """Run a study whose every member gets its result, by launches that end as given; return exit code and screen."""
    config = compose_study(Invocation((*SWEEP, f"output={tmp_path}")))
    records = StudyRecords(tmp_path / "runs" / "s")
    monkeypatch.setattr(StudyRunner, "_write_report", lambda _: Path("report.html"))

    def run(*launches):
        waiting = iter(launches)

        def launch(_, numbers):
            outcomes, exit_code = next(waiting)
            for job in records.read_plan().jobs:
                for identity, role, seed, rate in job.members():
                    records.write_member(MemberRecord(identity, job.job, role, seed, rate, "untrained"), {})
            for number, (outcome, reason) in zip(numbers, outcomes, strict=False):
                records.journal.note("job_ended", job="", number=number, outcome=outcome, reason=reason)
            return exit_code

        exit_code = StudyRunner(config, plan_study(config, SWEEP)).run(launch, Stop())
        return exit_code, capsys.readouterr().out

    return run


@pytest.mark.parametrize(
    ("launches", "exit_code"),
    [
        ([((DONE, DONE), 0)], 0),
        ([((DONE, HELD), 0)], 1),
        ([((("out_of_memory", "MemoryError"), DONE), 0)], 1),
        ([((("interrupted", "killed after its last record"), DONE), 0)], 0),  # told nowhere, and nothing is missing
        ([((DONE,), 1), ((DONE,), 0)], 0),  # a launcher that died is started again
        ([((HELD,), 1), ((DONE,), 0)], 1),
        ([((DONE, DONE), 1)], 1),  # its launcher failed at last, and nobody started it again
        ([((DONE,), 0)], 1),  # the other job's end could not be noted
    ],
)
def test_the_exit_code_says_whether_a_job_failed_though_every_member_has_a_result(ended, launches, exit_code):
    got, said = ended(*launches)
    assert got == exit_code
    assert ("failed" in said or "out of memory" in said) == (exit_code == 1)
    assert ("Every member has its result, but a job or its launcher failed" in said) == (exit_code == 1)


def test_the_same_command_after_that_ends_well(ended):
    assert ended(((HELD, DONE), 0))[0] == 1
    assert ended()[0] == 0


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError("no such glyph\nin a long story"), "ValueError: no such glyph"),
        (OSError(28, "No space left on device"), "[Errno 28] No space left on device"),
    ],
)
def test_a_report_that_fails_costs_the_report_alone(ended, monkeypatch, error, told):
    def fail(_):
        raise error

    monkeypatch.setattr(StudyRunner, "_write_report", fail)
    exit_code, said = ended(((DONE, DONE), 0))
    assert exit_code == 1
    assert f"\nNo report: {told}\n         to make it from the records: python -m lstm_bench.report s\n" in said


def test_a_launcher_that_runs_nothing_is_told_once_and_no_report_is_made_of_nothing(tmp_path, monkeypatch, capfd):
    """Hydra fails before it launches, as it does on a Python that is too new."""

    def fail(*_, **__):
        raise ValueError("badly formed help string\nof an option")

    monkeypatch.setattr("hydra.main", lambda **_: fail)
    assert cli.main([*SWEEP, f"output={tmp_path}", "speed=off"]) == 1
    out, err = capfd.readouterr()
    assert err.splitlines() == ["Launcher: ValueError: badly formed help string"]
    assert out.count("The launcher ended with 2 jobs not run.") == 1
    assert "No report: no member has a record.\n" in out
    assert not (tmp_path / "reports").exists()
