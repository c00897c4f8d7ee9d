"""The import path and environment with which another Python process imports the same modules as this one."""

import os
import sys
from pathlib import Path


def import_path() -> tuple[str, ...]:
    """Return the folders of sys.path, with the working folder in place of ""."""
    return tuple(entry or str(Path.cwd()) for entry in sys.path)


def environment_with(path: tuple[str, ...]) -> dict[str, str]:
    """Return the environment of this process, with an import path for another one."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(path)}
