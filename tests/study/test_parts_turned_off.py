"""speed=off and report=off leave out the measurement of speed and the report, say so, and can be made up for later."""

import pytest

from lstm_bench import cli
from lstm_bench.config.composing import Invocation, compose_study
from lstm_bench.records.speed import OURS, STOCK, MachineLimit
from lstm_bench.records.store import StudyRecords
from lstm_bench.study import speed_study
from lstm_bench.study.identity import job_identity

TINY = [
    "study=less", "cell=rnn", "task.lag=1", "task.n_symbols=1", "cell.hidden_size=4", "trainer.steps=2",
    "trainer.eval_every=2", "trainer.eval_size=8", "trainer.confirm_size=8", "trainer.seeds=2",
    "trainer.learning_rates=0.01", "probe=off", "tracking=off", "hydra/launcher=basic",
]  # fmt: skip
NO_SPEED = "Speed:   not measured (speed=off); the same command without speed=off measures it."
NO_REPORT = "Report:  not written (report=off); to write it: python -m lstm_bench.report "


@pytest.mark.usefixtures("one_figure")
def test_a_later_run_without_the_options_measures_speed_and_writes_the_report_of_the_same_records(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    records, report = StudyRecords(tmp_path / "runs" / "less"), tmp_path / "reports" / "less" / "report.md"
    assert cli.main([*TINY, "speed=off", "report=off"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert (lines.count(NO_SPEED), lines.count(f"{NO_REPORT}less")) == (1, 1)
    assert (records.read_speed(), report.exists()) == ([], False)
    finished = {identity: records.read_member(identity).finished for identity in records.identities()}
    assert len(finished) == 2

    assert cli.main([*TINY, "speed=off"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert (lines.count(NO_SPEED), lines.count(f"{NO_REPORT}less")) == (1, 0)
    assert "Speed was not measured." in report.read_text()

    assert cli.main(TINY) == 0
    lines = capsys.readouterr().out.splitlines()
    assert (lines.count(NO_SPEED), lines.count(f"{NO_REPORT}less")) == (0, 0)
    assert {row.implementation for row in records.read_speed()} == {OURS, STOCK}
    assert "Speed was not measured." not in report.read_text()
    assert {identity: records.read_member(identity).finished for identity in records.identities()} == finished


def test_the_options_are_no_part_of_an_identity():
    (whole,) = compose_study(Invocation(tuple(TINY))).jobs
    (less,) = compose_study(Invocation((*TINY, "speed=off", "report=off"))).jobs
    assert job_identity(less) == job_identity(whole)


@pytest.mark.usefixtures("one_figure")
def test_a_study_of_claims_writes_no_report_and_prints_its_verdicts(tmp_path, capsys):
    claims = ["measure=claims", "study=verdicts", "+studies.first='cell=rnn'", f"output={tmp_path}"]
    tiny = [override for override in TINY if not override.startswith(("study=", "cell=rnn"))]
    assert cli.main([*claims, *tiny, "speed=off", "report=off"]) == 0
    printed = capsys.readouterr().out
    assert [line for line in printed.splitlines() if line.startswith(NO_REPORT)] == [
        f"{NO_REPORT}first", f"{NO_REPORT}verdicts",
    ]  # fmt: skip
    assert "not tested" in printed
    assert not (tmp_path / "reports").exists()

    assert cli.main([*claims, *tiny, "speed=off"]) == 0
    assert "1 of 1: first is in the records." not in capsys.readouterr().out
    assert all((tmp_path / "reports" / name / "report.html").is_file() for name in ("first", "verdicts"))

    assert cli.main([*claims, *tiny, "speed=off"]) == 0
    assert "1 of 1: first is in the records." in capsys.readouterr().out


def test_a_study_of_speed_writes_no_report_and_keeps_its_measurements(tmp_path, monkeypatch, capsys):
    limit = MachineLimit(1e9, 1e9, "a guess")
    monkeypatch.setattr(speed_study, "run_benchmark", lambda *_: (limit, []))
    monkeypatch.chdir(tmp_path)
    assert cli.main([*TINY, "measure=speed", "report=off"]) == 0
    assert f"{NO_REPORT}less\n" in capsys.readouterr().out
    assert StudyRecords(tmp_path / "runs" / "less").read_benchmark() == (limit, [])
    assert not (tmp_path / "reports").exists()


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("speed=none", "speed=none: allowed: default, off"),
        ("report=none", "report=none: allowed: default, off"),
        ("speed.enabled=1", "speed.enabled=1: allowed: a valid boolean"),
        ("report.enabled=no", "report.enabled=no: allowed: a valid boolean"),
        ("report.format=pdf", "report.format=pdf: allowed: the keys enabled"),
    ],
)
def test_a_value_that_is_not_allowed_is_refused_by_name(override, line, capsys):
    assert cli.main([override]) == 2
    assert capsys.readouterr().err == f"{line}\n"


def test_a_study_of_speed_cannot_leave_out_speed(capsys):
    assert cli.main(["measure=speed", "speed=off"]) == 2
    assert capsys.readouterr().err == "speed.enabled=False: allowed: true, as this study measures nothing but speed\n"


def test_the_help_names_both_options(capsys):
    assert cli.main(["--help"]) == 0
    assert {"speed=off", "report=off"} <= set(capsys.readouterr().out.split())
