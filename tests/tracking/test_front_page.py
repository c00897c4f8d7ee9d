"""Who opens a study in MLflow finds what came out, its picture, and views that are grouped and sorted for them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from mirror_faults import Scene
from test_mirror_updates import table

from lstm_bench.tracking.run_spec import StudySummary

FINDING = "On copy lstm holds a memory for 30 steps, rnn < 8."
TABLE = {"columns": ["cell", "T50"], "data": [["lstm", 30], ["rnn", "< 8"]]}
SVG = '<svg width="604.8pt" height="302.4pt" viewBox="0 0 604.8 302.4"><g width="5" height="5"/></svg>'


@pytest.fixture
def at_the_end(tmp_path):
    report = tmp_path / "reports" / "small"
    (report / "figures").mkdir(parents=True)
    (report / "results.csv").write_text("a,b\n1,2\n")
    (report / "report.html").write_text("<p>report</p>")
    (report / "figures" / "solve_rates.svg").write_text(SVG)
    return StudySummary({}, {}, report, [FINDING], TABLE)


def tags(scene: Scene, name: str = "small") -> dict[str, str]:
    return dict(scene.client.get_experiment_by_name(name).tags)


def description(scene: Scene, name: str = "small") -> str:
    return tags(scene, name)["mlflow.note.content"]


def test_a_study_that_trains_says_so_and_how_to_group(scene):
    scene.mirror().update()
    text = description(scene)
    assert text.splitlines()[0] == "small: not ended yet."
    assert "*Group by* `cell` and `lag`" in text
    assert description(scene, "small tuning").startswith("Runs that chose the learning rates of small")
    assert description(scene, "small report").startswith("Reports of small")


def test_an_ended_study_shows_its_finding_first_then_its_picture_and_where_the_report_is(scene, at_the_end):
    scene.mirror().update()
    scene.mirror().update(at_the_end)
    text, (summary,) = description(scene), scene.runs("summary")
    run, experiment = summary.info.run_id, summary.info.experiment_id
    assert text.splitlines()[0] == FINDING.replace("<", "&lt;")
    assert f"](get-artifact?path=picture.svg&run_uuid={run})" in text
    assert f"](#/experiments/{experiment}/runs/{run}/artifacts/report.html?" in text
    files = {file.path for file in scene.client.list_artifacts(run)}
    assert {"picture.svg", "report.html", "comparison.json"} <= files
    assert len(text) < 5000  # MLflow takes no more


def test_the_picture_is_that_of_the_report_at_a_width_that_the_page_has(scene, at_the_end, tmp_path):
    scene.mirror().update(at_the_end)
    (summary,) = scene.runs("summary")
    picture = Path(scene.client.download_artifacts(summary.info.run_id, "picture.svg", str(tmp_path)))
    assert picture.read_text() == SVG.replace('width="604.8pt" height="302.4pt"', 'width="700" height="350"')


def test_the_cells_side_by_side_are_a_table_that_mlflow_renders(scene, at_the_end):
    scene.mirror().update(at_the_end)
    (summary,) = scene.runs("summary")
    assert table(scene, summary, "comparison.json") == {"lstm": [30], "rnn": ["< 8"]}


def test_a_study_without_a_report_tells_its_finding_too(scene):
    scene.mirror().update(StudySummary(headline=[FINDING]))
    assert description(scene).splitlines()[0] == FINDING.replace("<", "&lt;")
    assert "get-artifact" not in description(scene)


def test_a_description_that_a_person_has_changed_stays(scene, at_the_end):
    scene.mirror().update()
    experiment = scene.client.get_experiment_by_name("small").experiment_id
    theirs = description(scene).replace("not ended yet", "runs on my laptop")
    scene.client.set_experiment_tag(experiment, "mlflow.note.content", theirs)
    scene.mirror().update(at_the_end)
    assert description(scene) == theirs


def test_a_second_end_writes_nothing(scene, at_the_end):
    scene.mirror().update(at_the_end)
    before = tags(scene), [run.to_dictionary() for run in scene.runs()]
    again = scene.mirror()
    again.update(at_the_end)
    assert again._progress.written == set()
    assert (tags(scene), [run.to_dictionary() for run in scene.runs()]) == before


def test_a_report_of_an_earlier_version_gets_its_picture_and_its_table(scene, at_the_end):
    scene.mirror().update(StudySummary({}, {}, at_the_end.report))
    (earlier,) = scene.runs("summary")
    for tag in ("mlflow.lstm_bench.picture.svg", "mlflow.note.content"):
        scene.client.delete_tag(earlier.info.run_id, tag)
    scene.mirror().update(at_the_end)
    (summary,) = scene.runs("summary")
    assert summary.info.run_id == earlier.info.run_id
    assert set(table(scene, summary, "comparison.json")) == {"lstm", "rnn"}
    assert f"picture.svg&run_uuid={summary.info.run_id}" in description(scene)


def test_links_open_views_that_are_there_and_show_all_runs_in_order_with_what_is_compared(scene):
    scene.mirror().update()
    views = {key: json.loads(value) for key, value in tags(scene).items() if key.startswith("mlflow.sharedViewState.")}
    assert {view["name"] for view in views.values()} == {"By cell and lag", "Every run"}
    linked = re.findall(r"\(#/experiments/\d+/runs\?([^)]+)\)", description(scene))
    assert {f"mlflow.sharedViewState.{key}" for link in linked for key in parse_qs(link)["viewStateShareKey"]} == set(
        views
    )
    (run, *_) = scene.runs("report")
    for view in views.values():
        state = json.loads(view["state"])
        assert state.items() <= view.items()  # for versions of MLflow without an envelope
        assert (state["runsHiddenMode"], state["orderByKey"]) == ("SHOW_ALL", "tags.`mlflow.runName`")
        shown = {column for column in state["selectedColumns"] if column.startswith("metrics.`compare/")}
        assert {f"metrics.`{name}`" for name in run.data.metrics if name.startswith("compare/")} <= shown
    by = json.loads(views["mlflow.sharedViewState.by_cell_and_lag"]["state"])["groupBy"]["groupByKeys"]
    assert {(key["mode"], key["groupByData"]) for key in by} == {("param", "cell"), ("param", "lag")}
    assert all(len(value) < 5000 for value in tags(scene).values())


def test_a_view_that_a_person_has_changed_stays(scene):
    scene.mirror().update()
    experiment, key = scene.client.get_experiment_by_name("small").experiment_id, "mlflow.sharedViewState.every_run"
    scene.client.set_experiment_tag(experiment, key, "theirs")
    scene.mirror().update()
    assert tags(scene)[key] == "theirs"
