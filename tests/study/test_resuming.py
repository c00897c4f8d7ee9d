"""A second invocation launches what is not finished, and nothing else."""

import pytest

from lstm_bench import cli

TINY = [
    "study=again", "cell=rnn", "task.n_symbols=1", "cell.hidden_size=4", "trainer.steps=4", "trainer.eval_every=2",
    "trainer.eval_size=8", "trainer.confirm_size=8", "trainer.seeds=1", "trainer.learning_rates=0.01", "tracking=off",
    "hydra/launcher=basic", "probe=off",
]  # fmt: skip


@pytest.fixture
def asked_of_hydra(tmp_path, monkeypatch):
    """What Hydra is asked for after one study of lag 2 ran to its end."""
    monkeypatch.chdir(tmp_path)
    assert cli.main([*TINY, "task.lag=2"]) == 0
    asked: list[str] = []
    monkeypatch.setattr(cli, "_launch", lambda arguments: asked.append(arguments[-1]) or 0)
    return asked


def test_a_finished_study_ends_well_without_launching_anything(asked_of_hydra, capsys):
    assert cli.main([*TINY, "task.lag=2"]) == 0
    assert asked_of_hydra == []
    assert "[1/1] copy rnn lag 2: 1 plateau" in capsys.readouterr().out


def test_only_jobs_with_members_to_train_are_launched(asked_of_hydra):
    assert cli.main([*TINY, "task.lag=4,2,3"]) == 1  # nothing ran: Hydra is not there
    assert asked_of_hydra == ["+job=0,2"]
