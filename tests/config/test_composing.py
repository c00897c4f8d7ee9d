from pathlib import Path

import pytest

from lstm_bench.conf_folder import conf_dir
from lstm_bench.config import job_composer
from lstm_bench.config.composing import Invocation, compose_study
from lstm_bench.config.errors import ConfigError
from lstm_bench.config.hydra_arguments import launch_arguments
from lstm_bench.config.listing import listing
from lstm_bench.config.schema import TrainerConfig

EXPERIMENTS = sorted(path.stem for path in (conf_dir() / "experiment").glob("*.yaml"))


def compose(*overrides: str, config_dir: Path | None = None):
    return compose_study(Invocation(overrides, config_dir))


def test_an_experiment_sweeps_cells_and_lags_without_a_flag():
    study = compose("+experiment=smoke")
    assert study.study == study.experiment == "smoke"
    assert [(job.task["lag"], job.cell_name) for job in study.jobs] == [
        (lag, cell) for lag in (6, 1) for cell in ("lstm", "rnn")
    ]


def test_the_command_line_wins_over_the_experiment():
    study = compose("+experiment=smoke", "cell=lstm", "task.lag=10,20", "trainer.seeds=10", "cell.hidden_size=8")
    assert [(job.task["lag"], job.cell_name) for job in study.jobs] == [(10, "lstm"), (20, "lstm")]
    assert study.jobs[0].trainer.seed_list == list(range(10))


def test_commas_sweep_without_an_experiment():
    assert len(compose("cell=rnn,lstm", "task.lag=2,3,4").jobs) == 6


def test_a_users_own_folder_adds_cells_and_experiments(tmp_path):
    (tmp_path / "cell").mkdir()
    (tmp_path / "cell" / "mine.yaml").write_text("# My own\n_target_: my.Cell\nhidden_size: 3\n")
    study = compose("cell=mine", config_dir=tmp_path)
    assert (study.jobs[0].cell_name, study.jobs[0].cell) == ("mine", {"_target_": "my.Cell", "hidden_size": 3})
    assert "mine My own" in [" ".join(line.split()) for line in listing(conf_dir(), tmp_path).splitlines()]


def test_chrono_follows_the_lag():
    assert [job.cell["chrono"] for job in compose("cell=lstm_chrono", "task.lag=7,9").jobs] == [7, 9]


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_is_listed_with_its_duration(name):
    line = next(line for line in listing(conf_dir()).splitlines() if line.split()[:1] == [name])
    assert "minutes" in line or "seconds" in line


def test_a_tuning_budget_is_a_whole_number_of_evaluations():
    assert TrainerConfig(steps=5000, eval_every=200, tuning_share=0.4).tuning_steps == 2000
    assert TrainerConfig(steps=100, eval_every=60, tuning_share=0.1).tuning_steps == 60


def test_hydra_launches_jobs_of_the_plan_with_the_launcher_that_was_asked_for(tmp_path):
    (tmp_path / "cell").mkdir()
    (tmp_path / "cell" / "mine.yaml").write_text("# My own\n_target_: my.Cell\nhidden_size: 3\ndepth: 1\n")
    asked = ("+experiment=smoke", "hydra.launcher.n_jobs=2", "cell=mine,lstm", "cell.hidden_size=3,4", "output=/tmp/x")
    arguments = launch_arguments(compose(*asked, config_dir=tmp_path), [0, 5, 7])
    assert arguments[-4:] == ['study="smoke"', 'output="/tmp/x"', "hydra.sweeper.params=null", "+job=0,5,7"]
    assert {"+experiment=smoke", "hydra.launcher.n_jobs=2", "cell=mine"} < set(arguments)
    assert [argument for argument in arguments if "," in argument] == ["+job=0,5,7"]


def test_a_setting_that_only_the_swept_cells_have_can_be_given(tmp_path):
    (tmp_path / "cell").mkdir()
    for name in ("deep", "deeper"):
        (tmp_path / "cell" / f"{name}.yaml").write_text(f"# {name}\n_target_: my.Cell\nhidden_size: 3\ndepth: 1\n")
    jobs = compose("cell=deep,deeper", "cell.depth=4", config_dir=tmp_path).jobs
    assert [(job.cell_name, job.cell["depth"]) for job in jobs] == [("deep", 4), ("deeper", 4)]


@pytest.mark.parametrize(
    "overrides",
    [
        (
            *("+experiment=hochreiter1997", "budget=null", "cell=rnn,lstm_1997", "cell.hidden_size=4,8"),
            "sweeps=[{task:adding,task.dialect:hochreiter,task.lag:50},{task:temporal_order,task.lag:40}]",
        ),
        ("+experiment=length_generalisation", "budget=full", "cell=rnn,gru"),
        (
            *("+experiment=initialisation", "task.lag=4,2", "cell=lstm_forget_0,rnn_identity"),
            *("trainer.learning_rates=[0.1,0.2]", "study=mine"),
        ),
        ("task=adding,copy", "cell=lstm_chrono", "task.lag=8,16", "trainer.steps=400", "+cell.unknown=3"),
    ],
)
def test_jobs_that_share_a_composition_are_what_hydra_composes_one_by_one(overrides, monkeypatch):
    shared = outcome_of(overrides)
    monkeypatch.setattr(job_composer, "_is_plain_value", lambda override: False)
    assert outcome_of(overrides) == shared


def outcome_of(overrides):
    """Return the study, or the error that refuses it."""
    try:
        return compose_study(Invocation(overrides))
    except ConfigError as error:
        return str(error)
