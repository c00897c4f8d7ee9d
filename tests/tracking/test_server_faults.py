"""An MLflow server that is away, dies or is slow: the study goes on, and a backfill makes good for all of it."""

from __future__ import annotations

import shutil

import pytest
from mirror_faults import Server, SlowProxy, empty_scene
from waiting import PROMPT_S, ended, ended_complete, no_mirror_waits, rested, wait_until


@pytest.fixture(scope="module")
def server(tmp_path_factory, empty_store):
    """A server that was never started, on a store that is made already."""
    folder = tmp_path_factory.mktemp("server")
    shutil.copy(empty_store, folder / "server.db")
    server = Server(folder)
    yield server
    server.kill()


@pytest.fixture(scope="module")
def away_at_the_start(server, tmp_path_factory):
    """A study that found no server."""
    scene = empty_scene(tmp_path_factory.mktemp("start"), "start", server.uri)
    with scene.background() as mirror:
        for seed in range(2):
            scene.add_member(seed)
        assert ended(mirror) < 2 * PROMPT_S  # MLflow's import is our own work
    assert mirror.unwritten == 2
    assert mirror.error is not None
    return scene


@pytest.fixture(scope="module")
def running(away_at_the_start, server):
    server.start()
    return server


@pytest.fixture
def study(tmp_path, request, running):
    """A study of four members without records."""
    return empty_scene(tmp_path, request.node.name.removeprefix("test_")[:60], running.uri)


def test_a_server_that_was_away_at_the_start(away_at_the_start, running):
    assert away_at_the_start.backfill() == 0
    assert away_at_the_start.whats_wrong() == []


def test_a_server_that_is_slow_but_answers_is_waited_for(study, running):
    study.add_member(0)
    with SlowProxy(running.uri, 0.1) as slow:
        study.uri = slow.uri
        with study.background() as mirror:
            ended_complete(mirror)
    assert (mirror.error, mirror.unwritten) == (None, 0)
    study.uri = running.uri
    assert study.whats_wrong() == []


def test_a_server_that_is_too_slow_holds_nobody_up(study, running):
    with SlowProxy(running.uri, 0.02) as slow:
        study.uri = slow.uri
        with study.background() as mirror:
            study.add_member(0)
            wait_until(lambda: study.runs() and study.runs()[0].info.status == "FINISHED")
            rested(mirror)
            slow.hold()
            study.add_member(1)
            assert ended(mirror) < PROMPT_S
        assert mirror.unwritten == 1
        assert isinstance(mirror.error, TimeoutError)
        slow.let_go()
        no_mirror_waits()
    study.uri = running.uri
    assert study.backfill() == 0
    assert study.whats_wrong() == []


def test_a_server_that_dies_in_the_middle_and_comes_back(study, running):
    """Two studies: one goes on until the server is back, the other ends before that."""
    late = empty_scene(study.folder, "late", running.uri)
    with late.background() as gives_up, study.background() as catches_up:
        for scene in (study, late):
            scene.add_member(0)
            scene.write_status(1, "running")
        wait_until(lambda: all(len(scene.runs()) == 2 for scene in (study, late)))
        running.kill()
        for seed in (1, 2):
            study.add_member(seed)
            late.add_member(seed)
        late.write_status(3, "interrupted")
        assert ended(gives_up) < PROMPT_S
        assert gives_up.unwritten >= 3
        assert gives_up.error is not None
        running.start()
        wait_until(lambda: len(study.runs()) == 3)
        ended_complete(catches_up)
    assert (catches_up.error, catches_up.unwritten) == (None, 0)
    assert study.whats_wrong() == []
    assert late.backfill() == 0
    assert late.whats_wrong() == []
