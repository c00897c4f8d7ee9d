"""A whole study in small: what the report says is what MLflow holds, and a second run adds nothing."""

import json
import math
import shutil
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from lstm_bench.cli import main
from lstm_bench.report import figure_files
from lstm_bench.speed import study_cells

TINY = [
    "study=tiny",
    "sweeps=[{cell:rnn,task.lag:1},{cell:lstm,task.lag:'2,1'}]",
    "task.n_symbols=1",
    "cell.hidden_size=6",
    "trainer.steps=40",
    "trainer.eval_every=10",
    "trainer.eval_size=50",
    "trainer.confirm_size=50",
    "trainer.seeds=2",
    "trainer.learning_rates=[0.01,0.05]",
    "trainer.tuning_seeds=1",
    "hydra/launcher=basic",
]


def write_blank_figure(figure, folder, name, theme, dpi):
    """Write a figure's two files without anything on them: what is drawn is tested where it is drawn."""
    folder.mkdir(parents=True, exist_ok=True)
    for ending in ("svg", "png"):
        (folder / f"{name}.{ending}").touch()
    return "<svg></svg>"


@pytest.fixture(scope="module", autouse=True)
def blank_figures():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figure_files, "write_figure", write_blank_figure)
        yield


@pytest.fixture(scope="module")
def study(tmp_path_factory, empty_store, blank_figures):
    folder = tmp_path_factory.mktemp("study")
    shutil.copy(empty_store, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(study_cells, "ROUND_S", 1e-3)
        with redirect_stdout(StringIO()) as printed:
            assert main(TINY) == 0
        (folder / "printed.txt").write_text(printed.getvalue())
    return folder


@pytest.fixture(scope="module")
def client(study):
    return MlflowClient(f"sqlite:///{study / 'mlflow.db'}")


def runs(client, name, role):
    (experiment,) = [e for e in client.search_experiments() if e.name == name]
    return client.search_runs([experiment.experiment_id], f"tags.role = '{role}'")


def test_every_member_is_one_flat_run(client):
    reported, tuning = runs(client, "tiny", "report"), runs(client, "tiny tuning", "tuning")
    assert len(reported) == 3 * 2
    assert len(tuning) == 3 * 2 * 1
    assert not any("mlflow.parentRunId" in run.data.tags for run in reported + tuning)
    assert {(run.data.params["cell"], run.data.params["lag"]) for run in reported} == {
        ("rnn", "1"),
        ("lstm", "1"),
        ("lstm", "2"),
    }
    assert {run.info.status for run in reported} == {"FINISHED"}


def key_of(run):
    return run.data.params["cell"], int(run.data.params["lag"]), int(run.data.params["seed"])


def test_every_row_of_the_results_stands_in_the_table_of_its_run_and_shown_ones_agree(study, client, tmp_path):
    results = pd.read_csv(study / "reports" / "tiny" / "results.csv")
    assert len(results) > 100
    reported = {key_of(run): run for run in runs(client, "tiny", "report")}
    tables = {}
    for key, run in reported.items():
        file = client.download_artifacts(run.info.run_id, "measured.json", str(tmp_path))
        tables[key] = {metric: (value, unit) for metric, value, unit in json.loads(Path(file).read_text())["data"]}
    for row in results.itertuples():
        key = row.cell, row.lag, row.seed
        value, unit = tables[key].pop(row.metric)
        assert math.isclose(value, row.value, rel_tol=1e-9), (key, row.metric)
        assert unit == row.unit, row.metric
        assert math.isclose(reported[key].data.metrics.get(row.metric, row.value), row.value, rel_tol=1e-9)
    assert not any(tables.values())


def test_few_numbers_are_metrics_and_those_that_are_compared_come_first(client):
    names = sorted({name for run in runs(client, "tiny", "report") for name in run.data.metrics})
    compared = [name for name in names if name.startswith("compare/")]
    assert names[: len(compared)] == compared  # MLflow sorts sections and charts by name
    assert {"score", "solved", "parameters", "sequences_per_s"} <= {name.removeprefix("compare/") for name in compared}
    assert len(names) < 30


@pytest.mark.parametrize(
    "metric",
    [
        *("compare/score", "compare/solved", "compare/parameters", "compare/sequences_per_s"),
        *("eval/loss", "train/loss", "grad/norm", "grad/decay_initial", "train/steps"),
    ],
)
def test_every_member_has_what_the_study_is_about(client, metric):
    assert all(metric in run.data.metrics for run in runs(client, "tiny", "report"))


def test_curves_keep_their_steps(client):
    run = next(r for r in runs(client, "tiny", "report") if r.data.metrics["train/steps"] == 40)
    history = client.get_metric_history(run.info.run_id, "eval/loss")
    assert [point.step for point in sorted(history, key=lambda p: p.step)] == [0, 10, 20, 30, 40]


def test_the_summary_run_holds_the_report(client):
    (summary,) = runs(client, "tiny report", "summary")
    assert runs(client, "tiny", "summary") == []  # no group of its own in charts
    files = {artifact.path for artifact in client.list_artifacts(summary.info.run_id)}
    assert {"report.html", "comparison.json"} <= files
    (experiment,) = [e for e in client.search_experiments() if e.name == "tiny"]
    assert experiment.tags["mlflow.note.content"].startswith("On copy (arjovsky, 1 symbol) ")


def test_the_link_to_the_charts_is_printed(study, client):
    (experiment,) = [e for e in client.search_experiments() if e.name == "tiny"]
    page = f"{experiment.experiment_id}/runs?workflowType=machine_learning&compareRunsMode=CHART"
    assert (
        f"         http://127.0.0.1:5000/#/experiments/{page}&viewStateShareKey=by_cell_and_lag\n"
        in (study / "printed.txt").read_text()
    )
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"


def test_a_second_run_skips_what_is_finished_and_doubles_nothing(study, client, monkeypatch, capsys):
    weights = {p: p.stat().st_mtime_ns for p in study.glob("runs/tiny/members/*/weights.pt")}
    monkeypatch.chdir(study)
    assert main(TINY) == 0
    assert "6 are already finished and are kept" in capsys.readouterr().out
    assert {p: p.stat().st_mtime_ns for p in study.glob("runs/tiny/members/*/weights.pt")} == weights
    assert len(runs(client, "tiny", "report")) == 6
