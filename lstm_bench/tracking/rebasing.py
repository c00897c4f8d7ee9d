"""Keep the store in an output folder at one with where that folder lies: MLflow notes absolute paths of files."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

PATIENCE_S = 20.0  # with a writer of the database, as long as MLflow's own
NOTED = (("experiments", "artifact_location"), ("runs", "artifact_uri"))


def rebase(file: Path, artifacts: Path) -> None:
    """Point a store's experiments and runs to the folder of artifacts beside it, where it was moved or copied.

    Experiments whose files lie elsewhere, in no folder of this name, stay as they are.

    Args:
        file: the database.
        artifacts: the folder in which each experiment has one by its name.

    Raises: sqlite3.OperationalError where the database stays locked.
    """
    with closing(sqlite3.connect(file, timeout=PATIENCE_S)) as store:
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
