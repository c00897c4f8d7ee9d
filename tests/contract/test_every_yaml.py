"""Every yaml of conf/ composes and builds, and every experiment runs whole in small."""

import json
import struct
from dataclasses import replace
from functools import cache
from itertools import product

import pytest
import torch

from lstm_bench.analysis.frames import load_study
from lstm_bench.cli import main
from lstm_bench.conf_folder import conf_dir
from lstm_bench.config.composing import Invocation, compose_study
from lstm_bench.config.objects import check_job
from lstm_bench.config.schema import JobConfig, StudyConfig
from lstm_bench.engine.kernel_dispatch import kernel_type
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


MNIST_PIXELS = 28 * 28


@pytest.fixture(scope="module")
def mnist_folder(tmp_path_factory):
    """Return a folder with files like MNIST's, of two images each: all that its yaml leaves to the user."""
    folder = tmp_path_factory.mktemp("mnist")
    for part in ("train", "t10k"):
        header = struct.pack(">HBBIII", 0, 8, 3, 2, 28, 28)
        (folder / f"{part}-images-idx3-ubyte").write_bytes(header + bytes(2 * MNIST_PIXELS))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">HBBI", 0, 8, 1, 2) + bytes([3, 7]))
    return folder


def names(group: str, folder: str = "") -> list[str]:
    paths = (conf_dir() / group / folder).glob("*.yaml")
    return sorted(path.relative_to(conf_dir() / group).with_suffix("").as_posix() for path in paths)


@cache
def composed(*overrides: str) -> StudyConfig:
    """Return a study, composed once for all tests."""
    return compose_study(Invocation(overrides))


def whole(experiment: str) -> StudyConfig:
    """Return an experiment with all its cells and tasks; where a search finds the lags, at one lag, which is sooner."""
    finds_lags = "lag: auto" in (conf_dir() / "experiment" / f"{experiment}.yaml").read_text()
    return composed(f"+experiment={experiment}", *(["task.lag=5"] if finds_lags else []))


def job_of(cell: str, *task: str) -> JobConfig:
    """Return the job of a task and a cell, from a composition of each; of both where the cell follows the task."""
    if "${" in (conf_dir() / "cell" / f"{cell}.yaml").read_text():
        return composed(*task, f"cell={cell}").jobs[0]
    (of_task,), (of_cell,) = composed(*task).jobs, composed(f"cell={cell}").jobs
    return replace(of_task, cell_name=cell, cell=of_cell.cell)


CELLS = [*names("cell"), *names("cell", "zoo")]
FOLLOWERS = [cell for cell in names("cell") if "${task." in (conf_dir() / "cell" / f"{cell}.yaml").read_text()]


@pytest.mark.parametrize(
    ("task", "cell"),
    [
        *(("copy", cell) for cell in CELLS),
        *product([task for task in names("task") if task != "copy"], ["lstm", "rnn", *FOLLOWERS]),
    ],
)
def test_every_cell_builds_and_every_task_takes_one(task, cell, mnist_folder):
    job = job_of(cell, f"task={task}", *([f"task.file={mnist_folder}"] if task == "mnist" else []))
    assert (job.task_name, job.cell_name) == (task, cell)
    built_task, built_cell = check_job(job)
    assert built_cell.input_size == built_task.input_size
    assert built_cell.hidden_size == job.cell["hidden_size"]
    assert kernel_type(built_cell, torch.device("cpu")).name


@pytest.mark.parametrize("group", ["trainer", "tracking", "speed", "report"])
def test_every_other_option_composes(group):
    for name in names(group):
        assert composed(f"{group}={name}").jobs


def test_every_part_of_the_claims_study_composes_and_names_an_experiment():
    claims = whole("claims")
    assert claims.measure == "claims"
    parts = [composed(*overrides.split()) for overrides in claims.studies.values()]
    assert all(part.experiment and part.measure == "training" and part.jobs for part in parts)


def few_cells(experiment: str) -> str:
    """Return the first and the last of an experiment's cells: that each of them builds is tested above.

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
        assert 0 < cost["limit_s"] < cost["training_s"] + cost["tuning_s"] < cost["jobs_s"] < cost["available_s"]
    assert (report / "report.html").stat().st_size > 10_000
