"""MLflow away, dead, locked or slow while a study is mirrored; a backfill must make good for all of it."""

from __future__ import annotations

import functools
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from random import Random
from typing import Any

from faults import Fault, expect
from jobs import HERE

sys.path[:0] = [str(HERE.parent / "tracking"), str(HERE.parent / "analysis")]

from mirror_faults import (  # noqa: E402
    Scene,
    Server,
    SlowProxy,
    empty_scene,
    killed_writers,
    locked,
    many_on_a_fresh_store,
    small_scene,
)
from waiting import PROMPT_S, ended, no_mirror_waits, rested, wait_until  # noqa: E402

IMPORT_S = 5.0  # of MLflow, where the mirror has not come to it before it is closed


def server_killed(_: Random, folder: Path, when: str) -> str:
    """Have no server at the start, in the middle or at the end of a study; then backfill with one that is back."""
    server = Server(folder)
    try:
        if when != "at the start":
            server.start()
        scene = empty_scene(folder, "study", server.uri)
        with scene.background() as mirror:
            _mirrored(scene, when, server)
            expect(ended(mirror) < PROMPT_S + IMPORT_S, "the study waited for the server")
            expect(mirror.error is not None, "no error says that MLflow is incomplete")
        no_mirror_waits()
        server.start()
        _expect_complete_after_backfill(scene)
    finally:
        server.kill()
    return ""


def _mirrored(scene: Scene, when: str, server: Server) -> None:
    """Record three members, and kill the server at its time."""
    for seed in range(3):
        scene.add_member(seed)
        if when == "in the middle" and seed == 0:
            wait_until(scene.runs)
            server.kill()
    if when == "at the end":
        wait_until(lambda: len(scene.runs()) == 3)
        server.kill()
        scene.add_member(3)


def _expect_complete_after_backfill(scene: Scene) -> None:
    expect(scene.backfill() == 0, "the backfill says that MLflow is incomplete")
    expect(not scene.whats_wrong(), f"MLflow shows {scene.whats_wrong()}")


def database_locked(_: Random, folder: Path, when: str) -> str:
    """Have another process lock the database at the start, in the middle or at the end of a study."""
    scene = small_scene(folder, "study")
    expect(scene.backfill() == 0, "no store to begin with")
    early: AbstractContextManager[Any] = locked(scene.uri) if when == "at the start" else nullcontext()
    late: AbstractContextManager[Any] = nullcontext() if when == "at the start" else locked(scene.uri)
    with early, scene.background() as mirror:
        if when == "in the middle":
            wait_until(lambda: len(scene.runs()) == 2)
        elif when == "at the end":
            rested(mirror)
        with late:
            scene.add_member(3)
            expect(ended(mirror) < PROMPT_S + IMPORT_S, "the study waited for the lock")
    no_mirror_waits()
    _expect_complete_after_backfill(scene)
    return ""


def server_slow(random: Random, folder: Path) -> str:
    """Have a server that takes its time over each request."""
    server, delay_s = Server(folder), random.choice((0.1, 1.0, 6.0))
    try:
        server.start()
        scene = empty_scene(folder, "study", server.uri)
        with SlowProxy(server.uri, delay_s) as slow:
            scene.uri = slow.uri
            with scene.background() as mirror:
                scene.add_member(0)
                expect(ended(mirror) < PROMPT_S + IMPORT_S, "the study waited for the server")
            no_mirror_waits()
        scene.uri = server.uri
        _expect_complete_after_backfill(scene)
    finally:
        server.kill()
    return f"{delay_s:g} s a request"


def eight_on_a_fresh_store(_: Random, folder: Path) -> str:
    """Have eight processes mirror a study each into a store that none of them finds there."""
    wrong = many_on_a_fresh_store(folder)
    expect(not wrong, str(wrong))
    return ""


def writers_killed(random: Random, folder: Path) -> str:
    """Kill five writers of one store, each at a random moment of its work."""
    wrong = killed_writers(small_scene(folder, "study"), 5, within_s=3.0, seed=random.randrange(2**31))
    expect(not wrong, str(wrong))
    return ""


TIMES = ("at the start", "in the middle", "at the end")
FAULTS = [
    *[Fault(f"MLflow server gone {when}", 1, 0, functools.partial(server_killed, when=when)) for when in TIMES],
    *[Fault(f"MLflow database locked {when}", 1, 0, functools.partial(database_locked, when=when)) for when in TIMES],
    Fault("MLflow server slow", 1, 0, server_slow),
    Fault("8 processes on a fresh MLflow store", 10, 0, eight_on_a_fresh_store),
    Fault("5 writers of MLflow killed", 2, 0, writers_killed),
]
