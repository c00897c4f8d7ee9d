"""A mirror writes what MLflow lacks of the records, again and again, each fact once."""

from __future__ import annotations

import json
import math
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pytest
from mirror_faults import Scene
from mlflow.entities import Metric, Run

from lstm_bench.tracking import run_spec
from lstm_bench.tracking.run_spec import StudySummary

DERIVED = {"speed/sequences_per_s": 100.0, "memory/t50": 12.5}
AT_THE_END = ("t50", "sequences_per_s")


@pytest.fixture
def report(tmp_path):
    folder = tmp_path / "reports" / "small"
    (folder / "tables").mkdir(parents=True)
    (folder / "results.csv").write_text("a,b\n1,2\n")
    (folder / "tables" / "spans.csv").write_text("x\n")
    (folder / ".half.tmp").write_text("half a file")
    return folder


def table(scene: Scene, run: Run, name: str) -> dict[str, list]:
    """Return a table that MLflow has of a run: its rows, by what stands first in them."""
    assert json.loads(run.data.tags["mlflow.loggedArtifacts"]) == [{"path": name, "type": "table"}]
    with TemporaryDirectory() as folder:
        content = json.loads(Path(scene.client.download_artifacts(run.info.run_id, name, folder)).read_text())
    assert all(len(row) == len(content["columns"]) for row in content["data"])
    return {row[0]: row[1:] for row in content["data"]}


def first(scene: Scene) -> str:
    return scene.records.identities()[0]


def test_every_point_of_the_records_is_there_once(scene):
    scene.mirror().update()
    assert scene.whats_wrong() == []
    assert len(scene.runs()) == 2


def test_a_second_update_writes_nothing(scene):
    scene.mirror().update(StudySummary({first(scene): DERIVED}))
    before = [run.to_dictionary() for run in scene.runs()]
    again = scene.mirror()
    again.update(StudySummary({first(scene): DERIVED}))
    assert again._progress.written == set()
    assert [run.to_dictionary() for run in scene.runs()] == before


def test_a_run_that_another_writer_left_half_written_is_completed_without_a_point_twice(scene):
    scene.mirror().update()
    run, record = scene.run_of(first(scene)), scene.records.read_member(first(scene))
    curves = scene.records.read_table(record, "curves").to_pandas().head(40)
    scene.client.delete_run(run.info.run_id)
    left = scene.client.create_run(run.info.experiment_id, tags=dict(run.data.tags) | {"record": "none yet"})
    scene.client.log_param(left.info.run_id, "seed", str(record.seed))
    points = [Metric(row.metric, row.value, 1000, int(row.step)) for row in curves.itertuples()]
    scene.client.log_batch(left.info.run_id, points)
    scene.mirror().update()
    assert scene.whats_wrong() == []
    assert scene.run_of(first(scene)).info.run_id == left.info.run_id


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_no_number_is_not_written_twice(scene, value):
    record = replace(scene.records.read_member(first(scene)), status="learning")  # nothing follows its curves
    curves = pd.DataFrame({"step": [0, 10], "metric": ["eval/loss"] * 2, "value": [1.0, value]})
    scene.records.write_member(record, {"curves": curves})
    scene.mirror().update()
    scene.client.set_tag(scene.run_of(record.identity).info.run_id, "record", "not known")
    scene.mirror().update()
    history = scene.client.get_metric_history(scene.run_of(record.identity).info.run_id, "eval/loss")
    assert [point.step for point in history] == [0, 10]
    assert scene.whats_wrong() == []


def test_a_setting_that_was_another_in_an_earlier_invocation_stays_and_stops_nothing(scene):
    scene.mirror().update()
    (job,) = scene.plan.jobs
    scene.add_member(2)
    mirror = scene.mirror(jobs=[replace(job, kernel="another")])
    scene.client.set_tag(scene.run_of(first(scene)).info.run_id, "record", "not known")
    mirror.update()
    assert mirror.refused == {}
    kernels = {run.data.tags["identity"]: run.data.params["kernel"] for run in scene.runs()}
    assert sorted(kernels.values()) == ["another", job.kernel, job.kernel]


def test_a_member_that_is_taken_up_again_keeps_its_run(scene):
    shown, mirror = [], scene.mirror()
    for status in ("running", "interrupted", "running"):
        identity = scene.write_status(5, status).identity
        mirror.update()
        shown.append(scene.run_of(identity).info)
    scene.add_member(5)
    mirror.update()
    shown.append(scene.run_of(identity).info)
    assert [info.status for info in shown] == ["RUNNING", "KILLED", "RUNNING", "FINISHED"]
    assert len({info.run_id for info in shown}) == 1
    assert scene.run_of(identity).data.tags["status"] == "solved"
    assert scene.whats_wrong() == []


@pytest.mark.parametrize("status", ["failed", "out_of_memory"])
def test_a_member_without_a_result_tells_its_reason(scene, status):
    text = "Traceback (most recent call last):\n  File 'x'\nMemoryError: no room for <T = 64>" + "!" * 1000 + "\n"
    identity = scene.write_status(7, status, error=text).identity
    scene.mirror().update()
    run = scene.run_of(identity)
    assert run.info.status == "FAILED"
    assert run.data.tags["reason"] == ("MemoryError: no room for <T = 64>" + "!" * 1000)[:500]
    assert "learning_rate" not in run.data.params
    assert run.data.params["lag"] == "2"


def test_a_reason_goes_when_the_member_goes_on(scene):
    mirror = scene.mirror()
    identity = scene.write_status(7, "failed", error="no luck").identity
    mirror.update()
    scene.add_member(7)
    mirror.update()
    assert "reason" not in scene.run_of(identity).data.tags
    assert scene.run_of(identity).data.params["learning_rate"] == "0.01"


def test_a_run_that_nobody_writes_any_more_is_ended(scene):
    scene.mirror().update()
    experiment = scene.runs()[0].info.experiment_id
    tags = {"study": "small", "role": "report"}
    for identity, attempt in (("gone", "0"), (first(scene), "0"), ("later", "1")):
        named = tags | {"identity": identity, "attempt": attempt, "name": f"{identity} {attempt}"}
        scene.client.create_run(experiment, tags=named)
    other = scene.client.create_run(experiment, tags={"study": "another", "role": "report"})
    scene.mirror().update()
    status = {run.data.tags["name"]: run.info.status for run in scene.runs() if "name" in run.data.tags}
    assert status == {"gone 0": "KILLED", f"{first(scene)} 0": "KILLED", "later 1": "RUNNING"}
    assert scene.client.get_run(other.info.run_id).info.status == "RUNNING"


def test_of_two_runs_of_one_member_the_older_is_written(scene):
    identity = scene.write_status(5, "running").identity
    scene.mirror().update()
    older = scene.run_of(identity)
    younger = scene.client.create_run(
        older.info.experiment_id, start_time=older.info.start_time + 5, tags=older.data.tags
    )
    scene.add_member(5)
    scene.mirror().update()
    assert scene.client.get_run(older.info.run_id).info.status == "FINISHED"
    assert scene.client.get_run(younger.info.run_id).info.status == "KILLED"


def test_a_study_that_starts_anew_has_runs_of_its_own(scene):
    scene.mirror().update()
    before = {run.info.run_id: run.to_dictionary() for run in scene.runs()}
    scene.mirror(attempt=1).update()
    after = {run.info.run_id: run.to_dictionary() for run in scene.runs()}
    assert len(after) == 4
    assert {key: after[key] for key in before} == before


def test_runs_of_a_version_that_knew_no_attempts_are_found(scene):
    scene.mirror().update()
    for run in scene.runs():
        for tag in ("attempt", "record"):
            scene.client.delete_tag(run.info.run_id, tag)
    scene.mirror().update()
    assert scene.whats_wrong() == []


def test_members_of_other_settings_are_left_out(scene):
    record = scene.records.read_member(first(scene))
    scene.records.write_status(replace(record, identity="stranger", job="another job", files={}))
    mirror = scene.mirror()
    mirror.update()
    assert len(scene.runs()) == mirror.recorded() == 2


def test_a_damaged_member_holds_nobody_up(scene):
    (scene.records.member_folder(first(scene)) / "curves.parquet").write_bytes(b"PAR1")
    mirror = scene.mirror()
    mirror.update()
    assert list(mirror.refused) == [first(scene)]
    assert mirror.unwritten() == 1
    statuses = {run.data.tags["identity"]: run.info.status for run in scene.runs()}
    assert statuses.pop(first(scene)) == "RUNNING"
    assert set(statuses.values()) == {"FINISHED"}


def test_what_is_known_at_the_end_is_written_where_it_is_new(scene):
    for t50 in (12.5, 12.5, 13.0):
        time.sleep(0.002)  # MLflow's moments are milliseconds
        scene.mirror().update(StudySummary({first(scene): DERIVED | {"memory/t50": t50}}))
    run = scene.run_of(first(scene))
    histories = {name: scene.client.get_metric_history(run.info.run_id, f"compare/{name}") for name in AT_THE_END}
    assert [point.value for point in histories["t50"]] == [12.5, 13.0]
    assert [point.value for point in histories["sequences_per_s"]] == [100.0]
    numbers = table(scene, run, "measured.json")
    assert (numbers["memory/t50"], numbers["speed/sequences_per_s"]) == ([13.0, "steps"], [100.0, "sequences/s"])


def test_a_report_is_one_run_for_each_content(scene, report):
    at_the_end = StudySummary({}, {"memory/t50 lstm[x]": 3.0}, report)
    scene.mirror().update(at_the_end)
    (report / "receipt.json").write_text("another moment")
    scene.mirror().update(at_the_end)
    (summary,) = scene.runs("summary")
    assert summary.info.status == "FINISHED"
    assert summary.data.metrics == {"memory/t50 lstm x ": 3.0}
    (report / "results.csv").write_text("a,b\n1,3\n")
    scene.mirror().update(at_the_end)
    assert len(scene.runs("summary")) == 2


def test_a_report_that_was_left_half_written_is_completed(scene, report):
    scene.mirror().update(StudySummary({}, {}, report))
    (summary,) = scene.runs("summary")
    (
        scene.folder / "mlartifacts" / "small report" / summary.info.run_id / "artifacts" / "tables" / "spans.csv"
    ).unlink()
    scene.client.update_run(summary.info.run_id, "RUNNING")
    scene.mirror().update(StudySummary({}, {}, report))
    (summary,) = scene.runs("summary")
    assert summary.info.status == "FINISHED"
    assert [file.path for file in scene.client.list_artifacts(summary.info.run_id, "tables")] == ["tables/spans.csv"]
    assert {file.path for file in scene.client.list_artifacts(summary.info.run_id)} == {"results.csv", "tables"}


def test_a_refused_batch_is_never_taken_for_written(scene, monkeypatch):
    monkeypatch.setenv("MLFLOW_ENABLE_ASYNC_LOGGING", "true")
    monkeypatch.setattr(run_spec, "LONGEST_TEXT", 10**5)
    plan = scene.plan
    (job,) = plan.jobs
    config = job.config | {"cell": job.config["cell"] | {"note": "x" * 7000}}  # MLflow takes 6000 letters
    monkeypatch.setenv("MLFLOW_TRUNCATE_LONG_VALUES", "false")
    mirror = scene.mirror(jobs=[replace(job, config=config)])
    mirror.update()
    assert len(mirror.refused) == mirror.unwritten() == 2
