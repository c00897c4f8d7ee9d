"""Open an MLflow store, one process at a time: create it if there is none, and update its paths if it was moved."""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mlflow.tracking import MlflowClient
from sqlalchemy.engine import make_url

from lstm_bench.records.locking import held

PATIENCE_S = 60.0  # with another process that creates the store, which takes 3 seconds
OPENING = "opening the MLflow store"
WRITER_S = 20.0  # patience with a writer of the database, as long as MLflow's own
NOTED = (("experiments", "artifact_location"), ("runs", "artifact_uri"))  # columns in which MLflow stores full paths


def open_store(uri: str, artifacts: Path | None = None) -> MlflowClient:
    """Return a client of a store that exists and has MLflow's present schema.

    Processes that create or migrate one file at the same time would destroy each other's work, so they queue at a lock
    next to it. A server does this for its own store.

    Args:
        uri: the store.
        artifacts: the folder of artifacts next to it, to which it is rebased; None where the store decides.

    Raises: HeldError where another process holds the lock for longer than PATIENCE_S; whatever MLflow raises.
    """
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # its errors are raised, too, and reported once
    file = _file(uri)
    if file is None:
        return MlflowClient(uri)
    import_module("mlflow.store.tracking.sqlalchemy_store")  # before the lock, since it takes half a second
    with held(file.with_name(f"{file.name}.lock"), OPENING, PATIENCE_S):
        if not file.exists():
            _create(file)
        client = MlflowClient(uri)
        if artifacts is not None:
            rebase(file, artifacts)
        return client


def _create(file: Path) -> None:
    """Create a store under a temporary name, then rename it.

    MLflow creates its tables one by one and cannot continue from half of them: a process that is killed in between
    would leave a store that nothing can open.
    """
    from mlflow.store.tracking import DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f".{file.name}.made")
    fresh.unlink(missing_ok=True)
    create: Any = SqlAlchemyStore  # it carries no types
    create(f"sqlite:///{fresh}", DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH).engine.dispose()
    fresh.replace(file)


def rebase(file: Path, artifacts: Path) -> None:
    """Point a store's experiments and runs to the folder of artifacts next to it, where it was moved or copied.

    Experiments whose files lie elsewhere, in no folder of this name, stay as they are.

    Args:
        file: the database.
        artifacts: the folder in which each experiment has one by its name.

    Raises: sqlite3.OperationalError where the database stays locked.
    """
    with closing(sqlite3.connect(file, timeout=WRITER_S)) as store:
        former = set(_former_folders(store, artifacts))
        with store:
            for old in former:
                for table, column in NOTED:
                    store.execute(
                        f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?",
                        (artifacts.as_uri(), len(old) + 1, len(old) + 1, f"{old}/"),
                    )


def _former_folders(store: sqlite3.Connection, artifacts: Path) -> Iterator[str]:
    """Yield the address of each other folder of artifacts that an experiment of ours is in."""
    for name, location in store.execute("SELECT name, artifact_location FROM experiments"):
        end = f"/{artifacts.name}/{quote(name)}"
        if location and location.startswith("file:") and location.endswith(end):
            folder = location.removesuffix(f"/{quote(name)}")
            if folder != artifacts.as_uri():
                yield folder


def _file(uri: str) -> Path | None:
    """Return the file of an SQLite store, None for any other."""
    if not uri.startswith("sqlite"):
        return None
    database = make_url(uri).database
    return Path(database).absolute() if database and database != ":memory:" else None
