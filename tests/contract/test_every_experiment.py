"""Every experiment of conf/ runs whole in small."""

import json

import pytest
from choices import names, whole

from lstm_bench.analysis.frames import load_study
from lstm_bench.cli import main
from lstm_bench.config.composing import Invocation, compose_study
from lstm_bench.records.store import StudyRecords
from lstm_bench.report.__main__ import main as make_report
from lstm_bench.study.job_run import run_job
from lstm_bench.study.planning import job_config, plan_study

TINY = [
    "trainer.steps=4",
    "trainer.eval_every=2",
    "trainer.eval_size=8",
    "trainer.confirm_size=8",
    "trainer.seeds=1",
    "trainer.batch_size=2",
    "trainer.learning_rates=[0.01,0.02]",
    "trainer.tuning_seeds=1",
    "cell.hidden_size=4",
    "comparison=hidden",  # of four units each, no two cells have as many parameters
    "parameters=null",
    "tracking=off",
    "hydra/launcher=basic",
    "speed.rounds=2",
    "speed.turn_s=0.01",
]


def few_cells(experiment: str) -> str:
    """Return the first and the last of an experiment's cells: test_every_yaml.py builds each of them.

    Of a benchmark it is one cell, which several implementations train: tests/speed/ has benchmarks of two.
    """
    study = whole(experiment)
    cells = list(dict.fromkeys(job.cell_name for job in study.jobs))
    return f"cell={','.join(dict.fromkeys((cells[0], cells[-1])))}" if study.measure != "speed" else f"cell={cells[0]}"


def small(experiment: str) -> tuple[str, ...]:
    """Return the overrides that make an experiment small: one lag, few cells, few steps."""
    return (f"+experiment={experiment}", "task.lag=5", few_cells(experiment), *TINY)


RUN_WHOLE = (
    "hochreiter1997", "claims", "anatomy", "length_generalisation", "smoke", "sensitivity", "speed", "forget_gate",
    "zoo",
)  # fmt: skip
WITH_SPEED = ("smoke", "speed")  # speed is measured alike for every task
RENDERED = ("smoke", "speed", "anatomy", "sensitivity")  # the others have the figures of these or of tests/report/


def test_the_experiments_that_run_whole_measure_everything_on_every_task():
    """What is reported follows from what a study measures and from its tasks."""
    every = [whole(name) for name in names("experiment")]
    run = [whole(name) for name in RUN_WHOLE]
    assert {study.measure for study in run} == {study.measure for study in every}
    assert {job.task_name for study in run for job in study.jobs} == {
        job.task_name for study in every for job in study.jobs
    }


@pytest.mark.parametrize("experiment", [name for name in names("experiment") if name not in RUN_WHOLE])
def test_every_job_of_every_experiment_trains_in_small(experiment, tmp_path):
    records, plan = StudyRecords(tmp_path / "small"), plan_study(compose_study(Invocation(small(experiment))), [])
    records.write_plan(plan)
    for job in plan.jobs:
        assert run_job(job_config(job), records, 30.0) == ("done", "")
    assert set(load_study(records.folder).members["status"]) <= {"learning", "plateau", "solved", "untrained"}


@pytest.mark.parametrize("experiment", RUN_WHOLE)
def test_an_experiment_runs_whole_in_small(experiment, tmp_path, monkeypatch, request, only_figures):
    if experiment != "smoke":
        request.getfixturevalue("plain_figures" if experiment in RENDERED else "unrendered_figures")
    study = whole(experiment)
    if len({job.task_name for job in study.jobs}) > 2:  # each has all figures anew
        only_figures("solve_rates", "published")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")  # a speed study starts as many processes as there are cores
    overrides, name = small(experiment), study.study
    if study.measure == "claims":  # the reports of its parts are those of other kinds
        assert main([*overrides, "speed=off", "report=off"]) == 0
        assert make_report([name]) == 0
    else:
        speed = [] if experiment in WITH_SPEED else ["speed=off"]
        assert main([*overrides, *speed]) == 0
    report = tmp_path / "reports" / name
    receipt = json.loads((report / "receipt.json").read_text())
    assert receipt["command"].startswith(f"python -m lstm_bench +experiment={experiment}")
    if experiment == "smoke":
        cost = receipt["cost"]
        trained = cost["training_s"] + cost["tuning_s"] + cost["evaluation_s"]
        assert receipt["training_s"] == pytest.approx(trained, rel=1e-6)
        assert 0 < cost["limit_s"] < cost["training_s"] + cost["tuning_s"] < cost["jobs_s"] < cost["available_s"]
    assert (report / "report.html").stat().st_size > 10_000
