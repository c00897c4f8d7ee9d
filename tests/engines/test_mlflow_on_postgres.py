"""Eight studies written to one MLflow server at once, while its database is started again; and who is refused."""

import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from mirror_faults import Scene, small_scene
from mlflow.tracking import MlflowClient
from mlflow_on_postgres import MlflowOnPostgres, programs

from lstm_bench import cli
from lstm_bench.tracking import backfill

pytestmark = pytest.mark.engines
WRITERS, MEMBERS = 8, 4
TINY = [
    "cell=rnn", "task.lag=2", "task.n_symbols=1", "cell.hidden_size=4", "trainer.steps=4", "trainer.eval_every=2",
    "trainer.eval_size=8", "trainer.confirm_size=8", "trainer.seeds=1", "trainer.learning_rates=0.01", "probe=off",
    "speed=off", "report=off", "hydra/launcher=basic",
]  # fmt: skip


@pytest.fixture(scope="module")
def database() -> Iterator[MlflowOnPostgres]:
    pytest.importorskip("psycopg2")
    if programs() is None or os.geteuid() != 0:
        pytest.skip("needs root, and PostgreSQL: apt-get install postgresql")
    with tempfile.TemporaryDirectory(prefix="lstm_bench_engines_") as folder:
        running = MlflowOnPostgres(Path(folder))
        try:
            running.make_database()
            yield running
        finally:
            running.stop()


@pytest.fixture(scope="module")
def with_users(database: MlflowOnPostgres) -> str:
    """The address of a server that asks for a password."""
    pytest.importorskip("flask_wtf")
    return database.start_server(has_users=True)


def write(scene: Scene, barrier: Barrier) -> None:
    """Write a study in a process of its own, when all processes have imported MLflow."""
    barrier.wait()
    sys.exit(scene.backfill())


def test_eight_writers_and_a_restart_of_the_database(
    database: MlflowOnPostgres, tmp_path: Path, add_row: Callable[..., None]
) -> None:
    scenes = [small_scene(tmp_path / str(number), f"study{number}", MEMBERS) for number in range(WRITERS)]
    uri = database.start_server()
    for scene in scenes:
        scene.uri = uri
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(WRITERS + 1)
    writers = [context.Process(target=write, args=(scene, barrier)) for scene in scenes]
    for writer in writers:
        writer.start()
    barrier.wait()
    begun = time.monotonic()
    wait_for_runs(scenes)
    database.stop_database()
    time.sleep(2.0)
    database.start_database()
    for writer in writers:
        writer.join()
    assert all(writer.exitcode in (0, 1) for writer in writers)
    assert any(writer.exitcode == 1 for writer in writers)  # else the restart came too late
    for scene in scenes:
        assert scene.backfill() == 0
    wrong = [f"{scene.plan.study}: {what}" for scene in scenes for what in scene.whats_wrong()]
    add_row("MLflow on PostgreSQL", WRITERS, time.monotonic() - begun, None, "8 writers, database restarted", not wrong)
    assert wrong == []


def wait_for_runs(scenes: list[Scene]) -> None:
    """Wait until one of the studies is being written."""
    until = time.monotonic() + 120
    while not any(scene.runs() for scene in scenes):
        assert time.monotonic() < until
        time.sleep(0.1)


def test_a_study_speaks_to_a_server_with_users(
    database: MlflowOnPostgres, with_users: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "admin")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", database.password)
    assert cli.main([*TINY, "study=ours", f"tracking.uri={with_users}", f"output={tmp_path}"]) in (0, 1)
    assert backfill.main(["ours", "--runs", str(tmp_path / "runs")]) == 0  # it may have been too slow for the study
    client = MlflowClient(with_users)
    experiments = [e.experiment_id for e in client.search_experiments() if e.name.split()[0] == "ours"]
    assert [run.info.status for run in client.search_runs(experiments)] == ["FINISHED"]


@pytest.mark.parametrize(("user", "password"), [("admin", "wrong"), ("nobody", "nothing")])
def test_a_wrong_password_is_refused_before_anything_begins(
    user: str, password: str, with_users: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", user)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", password)
    assert cli.main([*TINY, f"tracking.uri={with_users}", f"output={tmp_path}"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"tracking.uri={with_users}: the server refuses the user (401): allowed: ")
    assert said.count("\n") == 1
    assert password not in said
    assert list(tmp_path.iterdir()) == []
