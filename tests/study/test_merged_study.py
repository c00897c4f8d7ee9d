"""Two machines run a lag each; the records of both are those of one machine that runs both."""

from pathlib import Path

import pytest

from lstm_bench import cli
from lstm_bench.merge import main
from lstm_bench.records.store import StudyRecords

TINY = [
    "study=shared", "cell=rnn", "task.n_symbols=1", "cell.hidden_size=4", "trainer.steps=4", "trainer.eval_every=2",
    "trainer.eval_size=8", "trainer.confirm_size=8", "trainer.seeds=1", "trainer.learning_rates=[0.01,0.02]",
    "trainer.tuning_seeds=1", "tracking=off", "hydra/launcher=basic", "probe=off", "speed=off", "report=off",
]  # fmt: skip


def test_the_command_of_the_whole_trains_nothing_after_a_merge(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here, there = (StudyRecords(tmp_path / machine / "runs" / "shared") for machine in ("here", "there"))
    assert cli.main([*TINY, "task.lag=2", f"output={tmp_path / 'here'}"]) == 0
    assert cli.main([*TINY, "task.lag=3", f"output={tmp_path / 'there'}"]) == 0
    assert main([str(here.folder), str(there.folder)]) == 0
    made = {identity: here.read_checked(identity) for identity in here.identities()}
    assert len(made) == 6
    capsys.readouterr()
    assert cli.main([*TINY, "task.lag=2,3", f"output={tmp_path / 'here'}"]) == 0
    assert "2 are already finished and are kept" in capsys.readouterr().out
    assert {identity: here.read_checked(identity) for identity in here.identities()} == made
