"""The mirror beside a study: nothing that happens to the database reaches the study, and nothing is lost."""

from __future__ import annotations

import time

import pytest
from mirror_faults import free_port, killed_writers, locked, many_on_a_fresh_store, small_scene
from waiting import PROMPT_S, ended, ended_complete, no_mirror_waits, patient, rested, wait_until

from lstm_bench.records.locking import HeldError, held, is_held
from lstm_bench.tracking.background import mirror_lock
from lstm_bench.tracking.run_spec import StudySummary


@pytest.fixture(autouse=True)
def no_mirror_left():
    """Wait for the threads of a test: one that waits for a lock goes on after its study."""
    yield
    no_mirror_waits()


def test_an_undisturbed_mirror_is_complete_when_it_is_closed(scene):
    with scene.background() as mirror:
        ended_complete(mirror)
    assert (mirror.error, mirror.unwritten) == (None, 0)
    assert mirror.seconds > 0
    assert scene.whats_wrong() == []


def test_members_are_mirrored_as_they_appear(scene):
    with scene.background() as mirror:
        wait_until(lambda: len(scene.runs()) == 2)
        scene.add_member(3)
        wait_until(lambda: len(scene.runs()) == 3)
        ended_complete(mirror)
    assert scene.whats_wrong() == []


def test_a_mirror_leaves_the_store_alone_until_it_may_begin(scene):
    looks = []
    with scene.background(lambda: looks.append(len(scene.runs())) or len(looks) > 3) as mirror:
        wait_until(lambda: len(scene.runs()) == 2)
        assert looks == [0, 0, 0, 0]
        ended_complete(mirror)
    assert scene.whats_wrong() == []


def test_a_mirror_that_never_may_begin_writes_all_at_the_end(scene):
    with scene.background(lambda: False) as mirror:
        ended_complete(mirror)
    assert (mirror.error, mirror.unwritten) == (None, 0)
    assert scene.whats_wrong() == []


def test_a_store_that_is_not_there_is_made_while_the_study_waits(scene):
    (scene.folder / "mlflow.db").unlink()
    with scene.background() as mirror:
        ended_complete(mirror)
    assert (mirror.error, mirror.unwritten) == (None, 0)
    assert scene.whats_wrong() == []


def test_a_mirror_at_rest_looks_at_nothing_and_lets_others_write(scene):
    identity = scene.records.identities()[0]
    with scene.background() as mirror:
        rested(mirror)
        assert not is_held(mirror_lock(scene.records.folder))
        scene.add_member(3)
        time.sleep(2.5)
        assert len(scene.runs()) == 2
        ended_complete(mirror, StudySummary({identity: {"memory/t50": 3.0}}))
    assert (mirror.error, mirror.unwritten) == (None, 0)
    assert scene.run_of(identity).data.metrics["compare/t50"] == 3.0
    assert scene.whats_wrong() == []


def test_a_database_that_is_locked_all_the_time_holds_nobody_up(scene):
    with locked(scene.uri):
        with scene.background() as mirror:
            scene.add_member(3)
            assert ended(mirror) < 2 * PROMPT_S  # MLflow's import is our own work
        assert mirror.unwritten == 3
        assert mirror.error is not None
    no_mirror_waits()
    assert scene.backfill() == 0
    assert scene.whats_wrong() == []


def test_a_database_that_is_locked_in_the_middle_is_caught_up_with(scene):
    with scene.background() as mirror:
        wait_until(lambda: len(scene.runs()) == 2)
        with locked(scene.uri):
            scene.add_member(3)
            time.sleep(3.0)
        wait_until(lambda: len(scene.runs()) == 3)
        ended_complete(mirror)
    assert (mirror.error, mirror.unwritten) == (None, 0)
    assert scene.whats_wrong() == []


def test_a_database_that_is_locked_at_the_end_is_left_after_the_patience(scene):
    with scene.background() as mirror:
        wait_until(lambda: len(scene.runs()) == 2)
        rested(mirror)
        with locked(scene.uri):
            scene.add_member(3)
            assert ended(mirror) < PROMPT_S
            assert mirror.unwritten == 1
            assert mirror.error is not None
    no_mirror_waits()
    assert scene.backfill() == 0
    assert scene.whats_wrong() == []


def test_a_deadline_is_kept_though_there_is_progress(scene):
    (scene.folder / "mlflow.db").unlink()  # making a store takes seconds
    with patient(), scene.background() as mirror:
        ended(mirror, deadline_s=0.3)  # it would be level otherwise
        assert mirror.unwritten == 2
        assert mirror.error is not None


def test_a_server_that_is_not_there_holds_nobody_up(scene):
    scene.uri = f"http://127.0.0.1:{free_port()}"
    with scene.background() as mirror:
        wait_until(lambda: mirror.error is not None)
        assert ended(mirror) < PROMPT_S
    assert mirror.unwritten == 2
    assert "Max retries exceeded" in str(mirror.error)


def test_a_mirror_waits_for_who_has_its_study(scene):
    with held(mirror_lock(scene.records.folder), "backfill"), scene.background() as mirror:
        assert ended(mirror) < PROMPT_S
    assert isinstance(mirror.error, HeldError)
    assert mirror.unwritten == 2


def test_a_member_that_cannot_be_written_is_told_and_counted(scene):
    identity = scene.records.identities()[0]
    (scene.records.member_folder(identity) / "curves.parquet").write_bytes(b"PAR1")
    with scene.background() as mirror:
        ended_complete(mirror)
    assert mirror.unwritten == 1
    assert "curves.parquet: damaged" in str(mirror.error)


def test_a_study_that_fails_leaves_its_members_mirrored(scene):
    with pytest.raises(RuntimeError, match="the study broke"), patient(), scene.background():
        wait_until(lambda: len(scene.runs()) == 2)
        scene.write_status(3, "interrupted")
        raise RuntimeError("the study broke")
    assert scene.whats_wrong() == []


def test_writers_that_are_killed_at_random_moments_lose_nothing(scene):
    for seed in range(2, 6):
        scene.add_member(seed)
    assert killed_writers(scene, times=6, within_s=0.5) == []


def test_eight_processes_on_a_fresh_store_are_all_whole(tmp_path):
    assert many_on_a_fresh_store(tmp_path, processes=8) == []


def test_a_writer_that_is_killed_while_it_makes_the_store_spoils_it_for_nobody(tmp_path):
    assert killed_writers(small_scene(tmp_path, "fresh"), times=4, within_s=2.0) == []
