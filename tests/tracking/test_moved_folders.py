"""A folder that was moved or copied keeps its files in view; a location that is not here is told, not made again."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from mirror_faults import Scene
from mlflow.tracking._tracking_service import utils

from lstm_bench.tracking import backfill
from lstm_bench.tracking.file_location import unreachable
from lstm_bench.tracking.mirror import Mirror
from lstm_bench.tracking.progress import Progress
from lstm_bench.tracking.run_spec import StudySummary


def elsewhere(scene: Scene, name: str) -> Path:
    return scene.folder.with_name(f"{scene.folder.name} {name}")


def at(scene: Scene, folder: Path) -> Scene:
    """Return the study in another folder, as a process of its own finds it: MLflow keeps where files of a run go."""
    utils._artifact_repos_cache.clear()
    return Scene(folder, scene.plan, f"sqlite:///{folder / 'mlflow.db'}")


def files_of(scene: Scene) -> set[str]:
    """Return the places of all files that MLflow shows."""
    locations = {run.info.artifact_uri for run in scene.runs()}
    return {location.partition("/mlartifacts/")[0] for location in locations}


def test_a_moved_folder_keeps_its_files_in_view(scene):
    scene.mirror().update()
    moved = at(scene, scene.folder.rename(elsewhere(scene, "moved")))
    moved.add_member(3)
    assert moved.backfill() == 0
    assert not scene.folder.exists()
    assert files_of(moved) == {moved.folder.as_uri()}
    assert moved.whats_wrong() == []
    scene.folder.mkdir()  # pytest's own


def test_a_copied_folder_leaves_the_original_alone(scene):
    scene.mirror().update()
    before = sorted(scene.folder.rglob("mlartifacts/**/*"))
    copy = at(scene, shutil.copytree(scene.folder, elsewhere(scene, "copy")))
    copy.add_member(3)
    assert copy.backfill() == 0
    assert files_of(copy) == {copy.folder.as_uri()}
    assert copy.whats_wrong() == scene.whats_wrong() == []
    assert sorted(scene.folder.rglob("mlartifacts/**/*")) == before
    assert files_of(scene) == {scene.folder.as_uri()}


def test_files_that_somebody_keeps_elsewhere_stay_there(scene):
    experiment = scene.client.create_experiment("theirs", artifact_location="file:///elsewhere/theirs")
    scene.mirror().update()
    assert scene.client.get_experiment(experiment).artifact_location == "file:///elsewhere/theirs"


@pytest.fixture
def kept_elsewhere(scene, tmp_path):
    """A study in a store of its own whose files lie in a folder that can go away."""
    folder = tmp_path / "disk" / "files"
    folder.parent.mkdir()
    for name in ("small", "small tuning", "small report"):
        scene.client.create_experiment(name, artifact_location=(folder / name).as_uri())
    return folder


def mirror(scene: Scene) -> Mirror:
    return Mirror(scene.plan, scene.records, scene.uri, None, Progress())


def test_a_location_that_has_gone_is_told_and_not_made_again(scene, kept_elsewhere, capsys):
    ours = mirror(scene)
    ours.update()
    assert ours.refused == {}
    away = kept_elsewhere.rename(kept_elsewhere.with_name("away"))
    scene.add_member(3)
    told = mirror(scene)
    for _ in range(2):
        told.update()
        assert len(told.refused) == told.unwritten() == 3
    line = f"experiment=small: its files cannot be stored in {kept_elsewhere}/small from here: allowed: that folder"
    assert {str(error).partition(" (")[0] for error in told.refused.values()} == {line}
    assert not kept_elsewhere.exists()
    assert scene.run_of(scene.records.identities()[2]).info.status == "FINISHED"  # with all points
    kept_elsewhere.symlink_to(away)
    mended = mirror(scene)
    mended.update()
    assert mended.refused == {}
    assert scene.whats_wrong() == []


def test_a_location_that_cannot_be_written_holds_no_points_up(scene, kept_elsewhere):
    kept_elsewhere.write_text("a file in place of the folder")
    told = mirror(scene)
    told.update()
    assert len(told.refused) == 2
    assert "its files cannot be stored" in str(next(iter(told.refused.values())))
    assert {run.info.status for run in scene.runs()} == {"FINISHED"}
    kept_elsewhere.unlink()
    told.update()
    assert told.refused == {}
    assert scene.whats_wrong() == []


def test_what_is_known_at_the_end_is_shown_of_all_members_where_no_file_can_be_written(scene, kept_elsewhere):
    kept_elsewhere.write_text("a file in place of the folder")
    identities = scene.records.identities()
    at_the_end = StudySummary({identity: {"memory/t50": 3.0} for identity in identities})
    ending = mirror(scene)
    ending.update(at_the_end)
    assert sorted(ending.refused) == sorted(identities)
    assert ending.unwritten(at_the_end) == 2
    assert [run.data.metrics["compare/t50"] for run in scene.runs("report")] == [3.0, 3.0]
    kept_elsewhere.unlink()
    ending.update(at_the_end)
    assert (ending.refused, ending.unwritten(at_the_end)) == ({}, 0)
    for run in scene.runs("report"):
        rows = json.loads((kept_elsewhere / "small" / run.info.run_id / "artifacts" / "measured.json").read_text())
        assert ["memory/t50", 3.0, "steps"] in rows["data"]


@pytest.mark.parametrize(
    ("location", "has_files", "is_away"),
    [
        ("{}/a/b/c", False, True),
        ("file://{}/a/b", False, False),
        ("file://{}/a/b", True, True),
        ("{}", True, False),
        ("mlflow-artifacts:/3", True, False),
        ("s3://bucket/3", True, False),
    ],
)
def test_a_location_is_away_where_it_or_what_it_lies_in_is_missing(location, has_files, is_away, tmp_path):
    assert bool(unreachable(location.format(tmp_path), has_files)) == is_away


def test_a_backfill_makes_no_store_where_one_has_moved_away(scene, capsys, tmp_path):
    gone = tmp_path / "gone"
    scene.records.write_plan(replace(scene.plan, tracking_uri=f"sqlite:///{gone}/mlflow.db"))
    assert backfill.main([str(scene.records.folder)]) == 2
    assert capsys.readouterr().err == (
        f"study=small: its store sqlite:///{gone}/mlflow.db: no folder {gone}: allowed: --uri URI, where it has moved\n"
    )
    assert not gone.exists()
    assert backfill.main([str(scene.records.folder), "--uri", scene.uri]) == 0
