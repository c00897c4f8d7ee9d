"""The random id of a folder of records, which distinguishes studies in a store that several people share.

A study's name and its members' identities are the same for all who run the same experiment. The id lies in the folder
and moves with it. A copied folder differs from a moved one in that the original still exists with the same id.
"""

import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from lstm_bench.records.atomic import write_text
from lstm_bench.records.reading import RecordError, read_json

FILE = "folder_id.json"


@dataclass(frozen=True)
class FolderId:
    """The id of a study's folder, and the folder of all records, runs/, in which it was last seen."""

    id: str
    runs: str


FOLDER_ID = TypeAdapter(FolderId)


def folder_id(folder: Path, is_shared: bool) -> str:
    """Return the id of a study's folder, and give it one where it has none.

    Args:
        folder: the study's records; the caller holds a lock of theirs.
        is_shared: whether the id is for a store that the original of a copied folder may use, too; the copy then gets
            an id of its own. A store that was copied together with the records knows them by the id of the original.

    Raises: RecordError where the id cannot be read.
    """
    runs = str(folder.parent.resolve())
    recorded = _read(folder)
    if recorded is None:
        return _write(folder, FolderId(secrets.token_hex(8), runs))
    if recorded.runs == runs:
        return recorded.id
    if not _is_at(Path(recorded.runs) / folder.name, folder, recorded.id):
        return _write(folder, FolderId(recorded.id, runs))
    return _write(folder, FolderId(secrets.token_hex(8), runs)) if is_shared else recorded.id


def hand_on_folder_id(archived: Path, fresh: Path) -> None:
    """Give a study that starts anew the id of its archived records."""
    with suppress(RecordError):
        if (recorded := _read(archived)) is not None:
            _write(fresh, recorded)


def _is_at(place: Path, folder: Path, id_: str) -> bool:
    """Tell whether `place` has this id and is another folder than `folder`."""
    with suppress(RecordError, OSError):
        recorded = _read(place)
        return recorded is not None and recorded.id == id_ and not place.samefile(folder)
    return False


def _read(folder: Path) -> FolderId | None:
    path = folder / FILE
    return read_json(path, FOLDER_ID, has_schema=False) if path.exists() else None


def _write(folder: Path, id_: FolderId) -> str:
    write_text(folder / FILE, FOLDER_ID.dump_json(id_, indent=1).decode() + "\n")
    return id_.id
