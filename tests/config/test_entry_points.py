"""Cells and tasks that an installed package registers are named like those of a yaml file."""

from pathlib import Path

import pytest
from hydra.core.config_store import ConfigStore
from hydra.core.singleton import Singleton

from lstm_bench.config.composing import Invocation, compose_study
from lstm_bench.config.errors import ConfigError
from lstm_bench.config.listing import listing
from lstm_bench.config.objects import build_job

OFFERED = """\
[lstm_bench.cells]
offered_cell = lstm_bench.cells.rnn:RNNCell
lstm = lstm_bench.cells.rnn : RNNCell
[lstm_bench.tasks]
offered_task = lstm_bench.tasks.copy:CopyTask
"""


@pytest.fixture(autouse=True)
def _package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a package that has nothing but entry points."""
    metadata = tmp_path / "offering-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: offering\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(OFFERED)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(Singleton._instances, ConfigStore, _copied_store())


def _copied_store() -> ConfigStore:
    store = ConfigStore()
    store.repo = {
        name: dict(node) if isinstance(node, dict) else node for name, node in ConfigStore.instance().repo.items()
    }
    return store


def test_a_study_names_them_and_sets_what_their_constructors_take() -> None:
    study = compose_study(Invocation(("cell=offered_cell,gru", "task=offered_task", "task.lag=5", "+task.n_symbols=2")))
    offered, gru = study.jobs
    assert offered.cell == {"_target_": "lstm_bench.cells.rnn.RNNCell", "hidden_size": 64}
    assert offered.task == {"_target_": "lstm_bench.tasks.copy.CopyTask", "lag": 5, "n_symbols": 2}
    assert (offered.cell_name, gru.cell_name) == ("offered_cell", "gru")
    task, cell = build_job(offered)
    assert (task.length, cell.hidden_size) == (9, 64)


def test_a_yaml_file_of_the_same_name_comes_first() -> None:
    (job,) = compose_study(Invocation(("cell=lstm",))).jobs
    assert job.cell["_target_"] == "lstm_bench.cells.lstm.LSTMCell"


def test_a_yaml_file_of_ones_own_comes_before_an_offer_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "cell").mkdir()
    (tmp_path / "cell" / "offered_cell.yaml").write_text("_target_: lstm_bench.cells.gru.GRUCell\nhidden_size: 4\n")
    cells = [compose_study(Invocation(("cell=offered_cell",), folder)).jobs[0].cell for folder in (tmp_path, None)]
    assert [cell["hidden_size"] for cell in cells] == [4, 64]


def test_a_key_that_their_yaml_would_have_is_pointed_to() -> None:
    with pytest.raises(
        ConfigError, match=r"cell\.init=pytorch: allowed: the keys hidden_size; or \+cell\.init=pytorch"
    ):
        compose_study(Invocation(("cell=offered_cell", "cell.init=pytorch")))


def test_they_are_listed_and_allowed() -> None:
    assert "  offered_task  lstm_bench.tasks.copy.CopyTask, of an installed package" in listing()
    with pytest.raises(ConfigError, match=r"cell=offred: allowed: .*offered_cell"):
        compose_study(Invocation(("cell=offred",)))
