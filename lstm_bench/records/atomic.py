"""Files that are there whole or not at all."""

import os
from contextlib import suppress
from pathlib import Path


def write_bytes(path: Path, content: bytes, lasting: bool = True) -> None:
    """Write a file through a temporary one beside it, so that no reader ever sees half of it.

    The content is on the disk before the name is (fsync, then rename), and the name before this returns (fsync of the
    folder), unless the file is not meant to outlast the process. What cannot be written leaves no temporary file.
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
    """Write UTF-8 text in the same way."""
    write_bytes(path, content.encode(), lasting)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk; where a system cannot open folders (Windows), its own journal must do."""
    with suppress(PermissionError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
