"""A job is who it is by everything that changes its results: settings, and the source of what is plugged in."""

import importlib
import json
import sys
from dataclasses import fields, replace
from importlib.metadata import version
from pathlib import Path

import pytest
import torch

from lstm_bench.cli import main
from lstm_bench.config.schema import JobConfig, TrainerConfig
from lstm_bench.study.identity import NOT_IN_HASH, job_identity
from lstm_bench.study.plug_in_source import plug_in_sources

TASK = {"_target_": "lstm_bench.tasks.copy.CopyTask", "lag": 10}
RNN = {"_target_": "lstm_bench.cells.rnn.RNNCell", "hidden_size": 64}
PROBE = {"mine": {"_target_": "lstm_bench.probes.lyapunov.lyapunov", "at": ["final"]}}
BUILT_IN = JobConfig("copy", "rnn", TASK, RNN, TrainerConfig())
CELL = """
import torch


class Own(torch.nn.Module):
    def __init__(self, input_size: int, hidden_size: int, *, generator=None) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.weight = torch.nn.Parameter(torch.zeros(hidden_size, input_size))

    def initial_state(self, batch_size):
        return self.weight.new_zeros(batch_size, self.hidden_size)

    def step(self, x, state):
        h = torch.tanh(state + x @ self.weight.T)
        return h, h
"""
CHANGES = {
    "batch_size": 8, "steps": 400, "eval_every": 100, "eval_size": 8, "confirm_size": 8, "clip": 0.5,
    "learning_rates": [0.5], "tuning_seeds": 3, "tuning_share": 0.5, "seeds": 2, "study_seed": 1, "device": "cuda",
    "kernel": "torch", "stop_when_solved": False, "beta2": 0.9, "schedule": "cosine", "halving": False,
    "extend_rates": False,
}  # fmt: skip


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder on the import path, whose modules are forgotten afterwards."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.split(".")[0] in {"plugged", "plugged_too", "plugged_pkg"}:
            del sys.modules[name]


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    importlib.invalidate_caches()
    return path


def job(target: str) -> JobConfig:
    return replace(BUILT_IN, cell={"_target_": target, "hidden_size": 4})


def test_each_setting_of_the_trainer_is_in_the_identity_or_known_not_to_be():
    assert set(CHANGES) == {field.name for field in fields(TrainerConfig)}
    base = replace(BUILT_IN, trainer=TrainerConfig(learning_rates=[0.1, 0.2]))
    changed = {
        name: job_identity(replace(base, trainer=replace(base.trainer, **{name: value})))
        for name, value in CHANGES.items()
    }
    assert {name for name, identity in changed.items() if identity == job_identity(base)} == set(NOT_IN_HASH)


@pytest.mark.parametrize(
    ("change", "matters"),
    [
        ({"task": TASK | {"lag": 11}}, True),
        ({"cell": RNN | {"hidden_size": 65}}, True),
        ({"probe": PROBE}, True),
        ({"task_name": "other"}, False),
        ({"cell_name": "other"}, False),
        ({"matched": True}, False),
    ],
)
def test_what_is_built_is_in_the_identity_and_how_it_is_called_is_not(change, matters):
    assert (job_identity(replace(BUILT_IN, **change)) != job_identity(BUILT_IN)) is matters


def test_every_part_of_a_job_was_asked():
    assert {field.name for field in fields(JobConfig)} == {
        "task", "cell", "probe", "trainer", "task_name", "cell_name", "matched", "searched"
    }  # fmt: skip


def test_a_job_without_plug_ins_has_the_identity_it_always_had():
    assert plug_in_sources(replace(BUILT_IN, probe=PROBE)) == {}
    assert job_identity(BUILT_IN) == "595d0f0ddf59b4e0"


@pytest.mark.parametrize("role", ["cell", "task", "probe"])
def test_a_plug_in_whose_source_changes_changes_the_identity_without_being_imported_again(place, role):
    file = written(place / "plugged.py", CELL)
    node = {"_target_": "plugged.Own"}
    plugged = replace(BUILT_IN, **{role: {"mine": node} if role == "probe" else node})
    first = job_identity(plugged)
    file.write_text(CELL.replace("tanh", "sigmoid"))
    assert job_identity(plugged) != first
    file.write_text(CELL)
    assert job_identity(plugged) == first


def test_where_a_plug_in_stands_is_no_part_of_the_identity(place):
    written(place / "a" / "plugged.py", CELL)
    written(place / "b" / "plugged.py", CELL)
    identities = []
    for folder in ("a", "b"):
        sys.path.insert(0, str(place / folder))
        identities.append(job_identity(job("plugged.Own")))
        assert sys.modules.pop("plugged").__file__ == str(place / folder / "plugged.py")
        sys.path.remove(str(place / folder))
    assert identities[0] == identities[1]


def test_a_class_imported_from_another_module_counts_with_both(place):
    defining = written(place / "plugged.py", CELL)
    naming = written(place / "plugged_too.py", "from plugged import Own\n")
    identities = [job_identity(job("plugged_too.Own"))]
    for file in (defining, naming):
        file.write_text(file.read_text() + "# changed\n")
        identities.append(job_identity(job("plugged_too.Own")))
    assert len(set(identities)) == 3


@pytest.mark.parametrize("with_init", [True, False])
def test_a_package_counts_with_all_its_source_and_nothing_else(place, with_init):
    root = place / "plugged_pkg"
    written(root / "cells" / "own.py", CELL)
    helper = written(root / "helper.py", "A = 1\n")
    if with_init:
        written(root / "__init__.py", "")
    plugged = job("plugged_pkg.cells.own.Own")
    first = job_identity(plugged)
    written(root / "notes.txt", "no source")
    assert job_identity(plugged) == first
    helper.write_text("A = 2\n")
    changed = job_identity(plugged)
    helper.rename(root / "renamed.py")
    renamed = job_identity(plugged)
    written(root / "cells" / "own.py", CELL.replace("tanh", "sigmoid"))
    assert len({first, changed, renamed, job_identity(plugged)}) == 4


def test_an_installed_class_counts_with_the_version_of_its_distribution():
    assert plug_in_sources(job("torch.nn.RNNCell")) == {"torch": f"torch {torch.__version__}"}


def test_a_cell_of_ours_counts_with_the_library_that_it_stands_on():
    lem = {"_target_": "lstm_bench.cells.zoo.ZooCell", "name": "lem", "hidden_size": 64}
    sources = plug_in_sources(replace(BUILT_IN, cell=lem))
    assert list(sources) == ["torchrecurrent"]
    assert sources["torchrecurrent"].startswith(f"torchrecurrent {version('torchrecurrent')}")
    assert plug_in_sources(BUILT_IN) == {}


def test_a_class_without_a_source_does_not_count(place):
    assert plug_in_sources(job("builtins.dict")) == {}
    module = type(sys)("plugged")
    module.Own = type("Own", (), {"__module__": "plugged"})
    sys.modules["plugged"] = module
    assert plug_in_sources(job("plugged.Own")) == {}


def test_a_study_with_a_changed_plug_in_trains_anew(place, monkeypatch, capsys):
    tiny = [
        "study=own", "cell=rnn", "cell._target_=plugged.Own", "cell.hidden_size=4", "~cell.init",
        "~cell.nonlinearity", "task.lag=1",
        "trainer.steps=0", "trainer.eval_size=8", "trainer.confirm_size=8", "trainer.seeds=1", "probe=off",
        "tracking=off", "hydra/launcher=basic", "report=off",
    ]  # fmt: skip
    file = written(place / "plugged.py", CELL)
    monkeypatch.chdir(place)
    trained = []
    for text in (CELL, CELL, CELL.replace("tanh", "sigmoid")):
        file.write_text(text)
        sys.modules.pop("plugged", None)
        assert main(tiny) == 0
        trained.append(len(list(place.glob("runs/own/members/*/record.json"))))
    assert trained == [1, 1, 2]
    plan = json.loads((place / "runs" / "own" / "study.json").read_text())
    assert [planned["cell"] for planned in plan["jobs"]] == ["rnn"]
