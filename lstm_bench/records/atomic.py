"""Write files atomically: a file exists completely or not at all."""

import os
from contextlib import suppress
from pathlib import Path


def write_bytes(path: Path, content: bytes, lasting: bool = True) -> None:
    """Write a file through a temporary one next to it, so that a reader never sees an incomplete file.

    Where `lasting`, the content is on the disk before the name is (fsync, then rename), and the name before this
    returns (fsync of the folder). A failed write leaves no temporary file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name[:100]}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            if lasting:
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    if lasting:
        sync_folder(path.parent)


def write_text(path: Path, content: str, lasting: bool = True) -> None:
    """Write UTF-8 text as `write_bytes` does; bytes of a path that are not UTF-8 become escapes."""
    write_bytes(path, content.encode(errors="backslashreplace"), lasting)


def sync_folder(folder: Path) -> None:
    """Flush the names in a folder to the disk; do nothing where the system cannot open folders (Windows)."""
    with suppress(PermissionError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
