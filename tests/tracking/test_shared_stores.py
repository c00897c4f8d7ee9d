"""Two people with one store and one study name: each has runs of their own, whatever becomes of the folders."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from mirror_faults import Scene

from lstm_bench.records.folder_id import folder_id
from lstm_bench.records.store import StudyRecords
from lstm_bench.study.reuse import archive_study
from lstm_bench.tracking import backfill
from lstm_bench.tracking.mirror import Mirror
from lstm_bench.tracking.progress import Progress
from lstm_bench.tracking.run_spec import StudySummary


@pytest.fixture
def store(tmp_path, empty_store):
    """A store that lies beside nobody's records."""
    file = tmp_path / "store" / "shared.db"
    file.parent.mkdir()
    shutil.copy(empty_store, file)
    return f"sqlite:///{file}"


@pytest.fixture
def person(tmp_path, ended_study, store):
    """One who ran the study of two members in an output folder of that name."""

    def run(name: str) -> Scene:
        shutil.copytree(ended_study.folder, tmp_path / name)
        return Scene(tmp_path / name, ended_study.plan, store)

    return run


def mirror(scene: Scene, **changes) -> Mirror:
    return Mirror(replace(scene.plan, **changes), scene.records, scene.uri, None, Progress())


def content(scene: Scene, folder: str) -> list[dict]:
    """Return all runs of a folder of records, whole."""
    shown = [run.to_dictionary() for run in scene.runs() if run.data.tags.get("folder") == folder]
    return sorted(shown, key=lambda run: run["info"]["run_id"])


def id_of(scene: Scene) -> str:
    return json.loads((scene.records.folder / "folder_id.json").read_text())["id"]


def forget_folders(scene: Scene) -> None:
    """Make the runs those of a version that knew no folders."""
    for run in scene.runs():
        scene.client.delete_tag(run.info.run_id, "folder")


def report_of(scene: Scene) -> Path:
    report = scene.folder / "reports" / scene.plan.study
    report.mkdir(parents=True)
    (report / "results.csv").write_text("the same of both")
    return report


def test_a_second_person_has_runs_of_their_own(person):
    anna, boris = person("anna"), person("boris")
    anna.write_status(5, "running")
    mirror(anna).update(StudySummary({}, {}, report_of(anna)))
    before = content(anna, id_of(anna))
    theirs = mirror(boris, attempt=1)
    theirs.update(StudySummary({}, {}, report_of(boris)))
    assert theirs.n_others == len(before) == 4
    assert content(anna, id_of(anna)) == before
    assert [run["info"]["status"] for run in before].count("RUNNING") == 1
    assert len(content(boris, id_of(boris))) == 3
    again = mirror(anna)
    again.update()
    assert (again.n_others, again._progress.written) == (3, set())


def test_a_name_that_is_in_use_is_told_in_a_line(person, capsys):
    anna, boris = person("anna"), person("boris")
    for scene in (anna, boris):
        assert backfill.main(["small", "--runs", str(scene.folder / "runs"), "--uri", scene.uri]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "small: 2 runs in MLflow, 2 written now",
        "small: 2 runs in MLflow, 2 written now",
        "small: 2 runs of other folders of records are also stored under this name and left unchanged; "
        "study=ANOTHER_NAME keeps them apart in charts",
    ]


def test_a_moved_folder_keeps_its_runs(person):
    anna = person("anna")
    mirror(anna).update()
    moved = Scene(anna.folder.rename(anna.folder.with_name("moved")), anna.plan, anna.uri)
    again = mirror(moved)
    again.update()
    assert (again.n_others, again._progress.written) == (0, set())
    assert json.loads((moved.records.folder / "folder_id.json").read_text())["runs"] == str(moved.folder / "runs")


def test_a_copy_that_goes_on_has_runs_of_its_own(person, tmp_path):
    anna = person("anna")
    anna.write_status(5, "running")
    mirror(anna).update()
    before = content(anna, id_of(anna))
    copy = Scene(shutil.copytree(anna.folder, tmp_path / "copy"), anna.plan, anna.uri)
    mirror(copy).update()
    assert id_of(copy) != id_of(anna)
    assert content(anna, id_of(anna)) == before
    assert len(content(copy, id_of(copy))) == 3


def test_a_copy_together_with_its_store_knows_its_runs(scene, tmp_path):
    scene.mirror().update()
    folder = shutil.copytree(scene.folder, tmp_path.with_name(f"{tmp_path.name}_copy"))
    copy = Scene(folder, scene.plan, f"sqlite:///{folder / 'mlflow.db'}")
    again = copy.mirror()
    again.update()
    assert (again.n_others, again._progress.written, len(copy.runs())) == (0, set(), 2)


def test_a_folder_seen_at_two_places_is_no_copy(person, tmp_path):
    anna = person("anna")
    first = folder_id(anna.records.folder, is_shared=True)
    (tmp_path / "link").symlink_to(anna.folder)
    assert folder_id(tmp_path / "link" / "runs" / anna.plan.study, is_shared=True) == first


def test_a_study_that_starts_anew_keeps_its_id_and_ends_what_it_left_running(person):
    anna = person("anna")
    anna.write_status(5, "running")
    mirror(anna).update()
    before = id_of(anna)
    archive = archive_study(anna.records)
    assert id_of(anna) == before == folder_id(archive, is_shared=True)
    anna.records.write_plan(anna.plan)
    mirror(anna, attempt=1).update()
    assert [run.info.status for run in anna.runs()].count("KILLED") == 1


def test_runs_of_a_version_that_knew_no_folders_are_adopted_by_who_has_their_record(person):
    anna, boris = person("anna"), person("boris")
    record = boris.records.read_member(boris.records.identities()[0])
    boris.records.write_status(replace(record, train_s=record.train_s + 1))
    mirror(anna).update(StudySummary({}, {}, report_of(anna)))
    forget_folders(anna)
    theirs = mirror(boris)
    theirs.update()
    assert len(content(boris, id_of(boris))) == 2  # one has the record of both, which is adopted, and one is made
    assert theirs.n_others == 2
    assert sorted(run.data.tags["identity"] for run in boris.runs("report")) == sorted(
        [*boris.records.identities(), record.identity]
    )


def test_an_unreadable_id_is_told_by_its_file(person):
    anna = person("anna")
    path = anna.records.folder / "folder_id.json"
    path.write_text("{")
    with pytest.raises(Exception, match=f"^{path}: cannot be read"):
        mirror(anna).update()
    path.unlink()
    mirror(anna).update()
    assert len(StudyRecords(anna.records.folder).identities()) == len(anna.runs())
