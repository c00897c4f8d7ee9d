"""Open an MLflow store, and make it where there is none: one process at a time."""

import logging
from importlib import import_module
from pathlib import Path
from typing import Any

from mlflow.tracking import MlflowClient
from sqlalchemy.engine import make_url

from lstm_bench.records.locking import held

PATIENCE_S = 60.0  # with who makes the store; a store is made in 3 seconds
OPENING = "opening the MLflow store"


def open_store(uri: str) -> MlflowClient:
    """Return a client of a store that is there and of MLflow's present schema.

    Several processes that make or migrate one file at once would ruin each other's work, so they queue at a lock beside
    it. A server does this for its own store.

    Raises: HeldError where another process opens the file for longer than PATIENCE_S; whatever MLflow raises.
    """
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # its errors are raised, too, and told once
    file = _file(uri)
    if file is None:
        return MlflowClient(uri)
    import_module("mlflow.store.tracking.sqlalchemy_store")  # half a second, in which others would have to queue
    with held(file.with_name(f"{file.name}.lock"), OPENING, PATIENCE_S):
        if not file.exists():
            _make(file)
        return MlflowClient(uri)


def _make(file: Path) -> None:
    """Make a store under another name and then give it its own.

    MLflow makes its tables one by one, and cannot go on from half of them: a process that is killed meanwhile would
    leave a store that nobody can open.
    """
    from mlflow.store.tracking import DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f".{file.name}.made")
    fresh.unlink(missing_ok=True)
    make: Any = SqlAlchemyStore  # it carries no types
    make(f"sqlite:///{fresh}", DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH).engine.dispose()
    fresh.replace(file)


def _file(uri: str) -> Path | None:
    """Return the file of an SQLite store, None for any other."""
    if not uri.startswith("sqlite"):
        return None
    database = make_url(uri).database
    return Path(database).absolute() if database and database != ":memory:" else None
