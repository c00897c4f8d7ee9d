"""A second invocation launches what is not finished, and nothing else."""

import json
import shutil

import pytest

from lstm_bench import cli
from lstm_bench.records.store import StudyRecords

TINY = [
    "study=again", "cell=rnn", "task.n_symbols=1", "cell.hidden_size=4", "trainer.steps=4", "trainer.eval_every=2",
    "trainer.eval_size=8", "trainer.confirm_size=8", "trainer.seeds=1", "trainer.learning_rates=0.01", "tracking=off",
    "hydra/launcher=basic", "probe=off", "speed=off", "report=off",
]  # fmt: skip


@pytest.fixture
def asked_of_hydra(tmp_path, monkeypatch):
    """What Hydra is asked for after one study of lag 2 ran to its end."""
    monkeypatch.chdir(tmp_path)
    assert cli.main([*TINY, "task.lag=2"]) == 0
    asked: list[str] = []
    monkeypatch.setattr(cli, "_launch", lambda arguments, _: asked.append(arguments[-1]) or 0)
    return asked


def test_a_finished_study_ends_well_without_launching_anything(asked_of_hydra, capsys):
    assert cli.main([*TINY, "task.lag=2"]) == 0
    assert asked_of_hydra == []
    assert "[1/1] copy rnn lag 2: 1 plateau" in capsys.readouterr().out


def test_only_jobs_with_members_to_train_are_launched(asked_of_hydra):
    assert cli.main([*TINY, "task.lag=4,2,3"]) == 1  # nothing ran: Hydra is not there
    assert asked_of_hydra == ["+job=0,2"]


def test_tuning_records_that_are_gone_are_made_again_and_what_was_reported_stays(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tuned = [*TINY, "task.lag=2", "trainer.learning_rates=[0.01,0.02]", "trainer.tuning_seeds=1"]
    assert cli.main(tuned) == 0
    records = {path: json.loads(path.read_text()) for path in tmp_path.glob("runs/again/members/*/record.json")}
    assert sorted(record["role"] for record in records.values()) == ["report", "tuning", "tuning"]
    for path, record in records.items():
        if record["role"] == "tuning":
            shutil.rmtree(path.parent)
    assert cli.main(tuned) == 0
    for path, before in records.items():
        after = json.loads(path.read_text())
        assert (after["files"], after["optimiser"]) == (before["files"], before["optimiser"])
        assert (after == before) == (before["role"] == "report")


def test_checkpoints_left_by_a_process_that_died_after_its_last_record_do_not_count(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main([*TINY, "task.lag=2"]) == 0
    (job,) = StudyRecords(tmp_path / "runs" / "again").read_plan().jobs
    left = StudyRecords(tmp_path / "runs" / "again").checkpoints(job.job, "report")
    left.write(3, b"left")
    capsys.readouterr()
    assert cli.main([*TINY, "task.lag=2"]) == 0
    assert "from a checkpoint" not in capsys.readouterr().out
