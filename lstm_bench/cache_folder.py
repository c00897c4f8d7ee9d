"""Folders for files that can be made again: one in the user's cache, and a temporary one as a fallback."""

import os
import tempfile
from pathlib import Path


def cache_folders() -> tuple[Path, Path]:
    """Return the folder in the user's cache, and the one to use where that cannot be written to."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111 (Path raises without a home)
    user = os.getuid() if hasattr(os, "getuid") else 0
    return Path(home) / "lstm_bench", Path(tempfile.gettempdir()) / f"lstm_bench-{user}"


def make_own_folder(folder: Path) -> None:
    """Make a folder for this user alone, unless it exists.

    Raises: OSError for a folder that belongs to another user, or that cannot be made.
    """
    if not folder.is_absolute():
        raise NotADirectoryError(f"{folder} is no absolute path")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if hasattr(os, "getuid") and folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to another user")
