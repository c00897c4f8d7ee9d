"""The name of a study is any that its rule allows, and one with a time in it is the same in every process."""

import shlex

import pytest

from lstm_bench.cli import main
from lstm_bench.config.composing import Invocation, compose_study
from lstm_bench.config.hydra_arguments import launch_arguments, with_resolved
from lstm_bench.records.store import StudyRecords

LEAST = [
    *("+experiment=smoke", "cell=rnn", "task.lag=1", "trainer.seeds=1", "trainer.steps=1", "trainer.eval_every=1"),
    *("trainer.learning_rates=0.01", "hydra/launcher=basic", "probe=off", "tracking=off", "speed=off", "report=off"),
]


@pytest.mark.parametrize("name", ["42", "2025_11_28", "1e3", "null", "true", "nan", "0x1f", "a-b"])
def test_a_name_that_looks_like_another_value_is_a_name(name):
    assert compose_study(Invocation((f"study={name}",))).study == name


def test_a_time_in_the_name_is_resolved_once():
    study = compose_study(Invocation(("study=exp_${now:%f}", "output=out_${now:%f}", "task.lag=3,4")))
    assert study.study.startswith("exp_")
    assert study.resolved == {"study": study.study, "output": str(study.output)}
    assert f'study="{study.study}"' in launch_arguments(study, [0])
    assert compose_study(Invocation(("study=plain",))).resolved == {}


def test_an_argument_with_an_interpolation_gives_way_to_what_it_came_to():
    arguments = ["task.lag=1", "+study=a_${now:%f}", "cell=rnn"]
    assert with_resolved(arguments, {"study": "a_7"}) == ["task.lag=1", "cell=rnn", "study=a_7"]
    assert with_resolved(arguments, {}) == arguments


def test_a_study_named_by_the_time_trains_and_its_command_goes_on_with_it(tmp_path, capsys):
    assert main([*LEAST, "study=exp_${now:%f}", f"output={tmp_path}"]) == 0
    (folder,) = (tmp_path / "runs").glob("exp_*")
    command = shlex.split(StudyRecords(folder).read_plan().command)
    assert f"study={folder.name}" in command
    capsys.readouterr()
    assert main(command[3:]) == 0
    assert "1 are already finished" in capsys.readouterr().out
    assert list((tmp_path / "runs").glob("exp_*")) == [folder]
