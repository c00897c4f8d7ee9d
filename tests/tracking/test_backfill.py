"""python -m lstm_bench.tracking.backfill writes what MLflow lacks of the records, and says so in a line."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
import threading
from dataclasses import replace

import pytest
from mirror_faults import free_port, locked
from waiting import wait_until

from lstm_bench.records.locking import held, job_lock
from lstm_bench.tracking import backfill
from lstm_bench.tracking.backfill import main
from lstm_bench.tracking.background import mirror_lock


def test_it_says_how_many_runs_there_are_and_how_many_it_wrote(scene, monkeypatch, capfd):
    name = scene.plan.study
    command = [sys.executable, "-m", "lstm_bench.tracking.backfill", name]
    done = subprocess.run(command, cwd=scene.folder, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == (f"{name}: 2 runs in MLflow, 2 written now\n", "")
    monkeypatch.chdir(scene.folder)
    assert main([name]) == 0
    assert capfd.readouterr() == (f"{name}: 2 runs in MLflow, 0 written now\n", "")
    assert scene.whats_wrong() == []


def test_the_former_command_does_the_same_and_names_the_new_one(scene, monkeypatch, capfd):
    monkeypatch.chdir(scene.folder)
    monkeypatch.setattr(sys, "argv", ["python -m lstm_bench.sync", scene.plan.study])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("lstm_bench.sync", run_name="__main__")
    assert ended.value.code == 0
    printed = capfd.readouterr()
    assert printed.out == f"{scene.plan.study}: 2 runs in MLflow, 2 written now\n"
    assert printed.err == "python -m lstm_bench.sync is now python -m lstm_bench.tracking.backfill\n"
    assert scene.whats_wrong() == []


def test_a_study_may_be_named_by_its_path(scene, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert main([str(scene.records.folder)]) == 0
    assert scene.whats_wrong() == []


def test_what_the_end_of_a_study_tells_is_written_too(scene, capsys):
    report = scene.folder / "reports" / scene.plan.study
    report.mkdir(parents=True)
    (report / "results.csv").write_text("a\n1\n")
    assert scene.backfill() == 0
    assert "3 runs in MLflow, 3 written now" in capsys.readouterr().out
    (summary,) = scene.runs("summary")
    assert summary.data.metrics["compare/solved lstm"] == 1.0
    assert summary.info.status == "FINISHED"
    speed = scene.records.read_speed()[0]
    shown = [run.data.metrics["compare/sequences_per_s"] for run in scene.runs("report")]
    assert shown == [speed.sequences_per_s] * 2


def test_a_study_that_was_stopped_has_no_end(scene):
    scene.records.write_plan(replace(scene.plan, finished=None))
    (scene.folder / "reports" / scene.plan.study).mkdir(parents=True)
    (scene.folder / "reports" / scene.plan.study / "results.csv").write_text("a\n1\n")
    assert scene.backfill() == 0
    assert scene.runs("summary") == []
    assert not any(
        key in ("compare/sequences_per_s", "speed/ms_per_time_step") for run in scene.runs() for key in run.data.metrics
    )


def test_a_member_that_a_dead_process_left_running_is_killed(scene):
    identity = scene.write_status(5, "running").identity
    with held(job_lock(scene.records.folder, scene.job.job), "a job"):
        assert scene.backfill() == 0
        assert scene.run_of(identity).info.status == "RUNNING"
    scene.write_status(5, "running", steps=1)
    assert scene.backfill() == 0
    assert scene.run_of(identity).info.status == "KILLED"


def test_a_study_whose_own_mirror_is_at_work_is_refused_by_name(scene, capsys):
    with scene.background():
        wait_until(lambda: len(scene.runs()) == 2)
        assert scene.backfill() == 2
    output = capsys.readouterr().err
    assert output.startswith(f"study={scene.plan.study}: mirrored by process {os.getpid()} on ")
    assert output.count("\n") == 1


@pytest.mark.parametrize("changes", [{"measure": "speed"}, {"measure": "claims", "jobs": [], "studies": ["a"]}])
def test_a_study_that_trains_nothing_is_refused(scene, capsys, changes):
    scene.records.write_plan(replace(scene.plan, **changes))
    assert scene.backfill() == 2
    assert f"a study of {changes['measure']}: allowed: studies that train" in capsys.readouterr().err


def test_an_unknown_study_is_told_beside_those_there_are(scene, capsys):
    runs = ["--runs", str(scene.folder / "runs")]
    assert main(["nobody", scene.plan.study, *runs]) == 2
    output = capsys.readouterr()
    assert output.err.startswith("study=nobody: allowed: ")
    assert scene.plan.study in output.err
    assert f"{scene.plan.study}: 2 runs in MLflow" in output.out


def test_a_server_that_is_away_is_told_in_a_line(scene, capsys):
    scene.uri = f"http://127.0.0.1:{free_port()}"
    assert scene.backfill() == 1
    output = capsys.readouterr().err
    assert output.startswith(f"study={scene.plan.study}: not all written to MLflow: ")
    assert output.count("\n") == 1


def test_a_locked_database_is_tried_again(scene):
    code = []
    backfilling = threading.Thread(target=lambda: code.append(scene.backfill()))
    with locked(scene.uri):
        backfilling.start()
        backfilling.join(6.5)  # the first try has failed by then
        assert backfilling.is_alive()
    backfilling.join(60)
    assert code == [0]
    assert scene.whats_wrong() == []


def test_a_database_that_stays_locked_is_told(scene, capsys, monkeypatch):
    monkeypatch.setattr(backfill, "PATIENCE_S", 0.0)
    with locked(scene.uri):
        assert scene.backfill() == 1
    assert "not all written to MLflow: (sqlite3.OperationalError) database is locked" in capsys.readouterr().err


def test_a_member_that_cannot_be_written_is_told(scene, capsys):
    identity = scene.records.identities()[0]
    (scene.records.member_folder(identity) / "curves.parquet").write_bytes(b"PAR1")
    assert scene.backfill() == 1
    assert f"not all written to MLflow: 1 member, the first {identity}: " in capsys.readouterr().err


def test_nobody_is_locked_out_afterwards(scene):
    assert scene.backfill() == 0
    with held(mirror_lock(scene.records.folder), "the next"):
        pass
