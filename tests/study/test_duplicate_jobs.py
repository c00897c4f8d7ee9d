"""Two jobs that train the same members, or have one name, are refused before anything is written."""

import shutil

import pytest

from lstm_bench.cli import main
from lstm_bench.conf_folder import conf_dir
from lstm_bench.config.composing import Invocation, compose_study
from lstm_bench.config.errors import ConfigError
from lstm_bench.study.matching import compared
from lstm_bench.study.planning import plan_study

DUPLICATES = [
    ("trainer.kernel=auto,torch", "trainer.kernel=auto,torch"),
    ("trainer.seeds=3,5", "trainer.seeds=3,5"),
    ("trainer.seeds=3,[0,1,2]", "trainer.seeds=3,[0,1,2]"),
    ("trainer.seeds=2,3 trainer.kernel=auto,torch task.lag=2,3", "trainer.kernel=auto,torch trainer.seeds=2,3"),
    ("trainer.learning_rates=0.01,[0.01]", "trainer.learning_rates=0.01,[0.01]"),
    ("cell=rnn,my_rnn", "cell=rnn,my_rnn"),
    ("task=copy,my_copy", "task=copy,my_copy"),
    ("probe=off,default", "probe=off,gradient_flow+"),
    ("+probe.gradient_flow.lag=20,30", "probe.gradient_flow.lag=20,30"),
    ("sweeps=[{cell:rnn},{cell:rnn,trainer.seeds:9}]", "trainer.seeds=5,9"),
    ("sweeps=[{cell:rnn},{cell:lstm},{cell:my_rnn}]", "cell=rnn,my_rnn"),
    (
        "sweeps=[{cell:lstm,cell.forget_bias:3},{cell:my_lstm,cell.forget_bias:3.0}]",
        "cell=lstm,my_lstm cell.forget_bias=3,3.0",
    ),
    ("cell=lstm,rnn comparison=both trainer.kernel=auto,torch", "trainer.kernel=auto,torch"),
    ("cell=rnn,my_rnn comparison=parameters", "cell=rnn,my_rnn"),
]


@pytest.fixture
def my_conf(tmp_path, monkeypatch):
    """A folder with yamls of a person's own that are copies of ours, and an empty one to work in."""
    for group, name in (("cell", "rnn"), ("cell", "lstm"), ("task", "copy")):
        copy = tmp_path / "conf" / group / f"my_{name}.yaml"
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(conf_dir() / group / f"{name}.yaml", copy)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "conf"


def refused(overrides: str, config_dir=None) -> str:
    config = compose_study(Invocation(tuple(overrides.split(" ")), config_dir))
    with pytest.raises(ConfigError) as error:
        plan_study(compared(config), [])
    return str(error.value)


@pytest.mark.parametrize(("overrides", "named"), DUPLICATES, ids=[overrides for overrides, _ in DUPLICATES])
def test_jobs_of_the_same_members_are_refused_by_what_differs(overrides, named, my_conf):
    message = refused(f"study=mine {overrides}", my_conf)
    differing, _, way_out = message.partition(": the same members twice: allowed: ")
    assert differing.startswith(named) if named.endswith("+") else differing == named
    assert "study=NAME output=FOLDER" in way_out
    assert "python -m lstm_bench.report runs/mine FOLDER/runs/NAME" in way_out
    assert "\n" not in message


def test_the_door_refuses_them_with_exit_code_2_and_leaves_nothing(my_conf, capsys):
    assert main(["+experiment=smoke", "trainer.kernel=auto,torch"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("trainer.kernel=auto,torch: the same members twice: allowed: ")
    assert captured.err.count("\n") == 1
    assert list((my_conf.parent / "here").iterdir()) == []


def test_so_does_a_study_of_claims_in_each_of_its_parts(my_conf, capsys):
    assert main(["study=all", "measure=claims", "+studies.one='cell=rnn'", "trainer.seeds=2,3"]) == 2
    assert capsys.readouterr().err.startswith("trainer.seeds=2,3: the same members twice: allowed: ")
    assert list((my_conf.parent / "here").iterdir()) == []


def test_hidden_sizes_that_a_number_of_parameters_makes_one_are_refused():
    sweep = "task=adding cell=rnn,lstm cell.hidden_size=16,32 comparison=parameters parameters=70000"
    expected = "cell.hidden_size=16,32: comparison=parameters gives each hidden_size=262: allowed: one of these"
    assert refused(sweep) == expected


NAMELESS = """
from lstm_bench.tasks.copy import CopyTask


class Nameless(CopyTask):
    def __init__(self, lag: int, n_symbols: int = 3, weight: float = 1.0) -> None:
        super().__init__(lag, n_symbols)

    @property
    def variant(self) -> str:
        return "always the same"
"""


def test_tasks_that_a_report_would_pool_are_refused(tmp_path, monkeypatch):
    (tmp_path / "nameless_task.py").write_text(NAMELESS)
    monkeypatch.syspath_prepend(str(tmp_path))
    message = refused("cell=rnn task._target_=nameless_task.Nameless ~task.dialect +task.weight=1.0,2.0")
    assert message.startswith("task.weight=1.0,2.0: one name for both, rnn on copy: allowed: one of these per study")


@pytest.mark.parametrize(
    "overrides",
    [
        "cell=rnn,lstm trainer.clip=0,1 task.lag=2,3 comparison=both",
        "cell=lstm,lstm_pytorch",
        "sweeps=[{cell:rnn},{cell:'rnn,lstm'}]",  # a job of two sweeps is one job
    ],
)
def test_jobs_of_their_own_are_planned(overrides):
    jobs = plan_study(compared(compose_study(Invocation(tuple(overrides.split(" "))))), []).jobs
    assert len({job.job for job in jobs}) == len(jobs) > 1
