"""Find top-level packages and modules on the import path, from the files on disk: nothing is imported.

The result does not depend on what was imported before, so all processes with the same import path find the same.
"""

import os
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.machinery import BYTECODE_SUFFIXES, EXTENSION_SUFFIXES, SOURCE_SUFFIXES
from pathlib import Path
from zipimport import zipimporter

from lstm_bench.study.installed import is_installed

SUFFIXES = (*EXTENSION_SUFFIXES, *SOURCE_SUFFIXES, *BYTECODE_SUFFIXES)  # in the order of the import system
STANDARD_LIBRARY = [Path(sysconfig.get_path(kind)) for kind in ("stdlib", "platstdlib")]


@dataclass(frozen=True)
class Location:
    """The folders of a package, or the file of a single module; for a module in a zip archive, that archive."""

    places: tuple[Path, ...]

    @property
    def is_installed(self) -> bool:
        """Whether any of it is where distributions are installed."""
        return any(map(is_installed, self.places))

    @property
    def is_standard(self) -> bool:
        """Whether it belongs to Python's standard library."""
        return not self.is_installed and any(
            place.is_relative_to(folder) for place in self.places for folder in STANDARD_LIBRARY
        )

    @property
    def uninstalled(self) -> "Location":
        """The part that is not where distributions are installed."""
        return Location(tuple(place for place in self.places if not is_installed(place)))

    def files(self) -> Iterator[tuple[str, Path]]:
        """Yield all files that can be imported, each with its path inside the package."""
        for place in self.places:
            if place.is_file():
                yield place.name, place
            for file in _importable(place):
                yield str(file.relative_to(place)), file


class ImportPath:
    """The folders and archives of sys.path, with their content when this object is created."""

    def __init__(self) -> None:
        roots = [Path(entry).absolute() for entry in dict.fromkeys(sys.path)]
        self._content = {root: _content(root) for root in roots}

    def find(self, name: str) -> Location | None:
        """Return the location of a top-level package or module, None where it has no file."""
        if name in sys.builtin_module_names:
            return None
        portions = list[Path]()
        for root, content in self._content.items():
            if name in content and any((root / name / f"__init__{suffix}").is_file() for suffix in SUFFIXES):
                return Location((root / name,))
            if module := next((file for suffix in SUFFIXES if (file := f"{name}{suffix}") in content), None):
                return Location((root / module,))
            if not content and zipfile.is_zipfile(root) and zipimporter(str(root)).find_spec(name):
                return Location((root,))
            if name in content and (root / name).is_dir():
                portions.append(root / name)
        return Location(tuple(portions)) if portions else _editable(name)


def _content(root: Path) -> set[str]:
    with suppress(OSError):
        return set(os.listdir(root))  # noqa: PTH208  (names alone)
    return set()


def _editable(name: str) -> Location | None:
    """Return the location of an editable distribution whose installer added a finder, not a folder, or None."""
    for finder in sys.meta_path:
        finder_type = finder if isinstance(finder, type) else type(finder)
        spec = finder.find_spec(name, None) if "editable" in finder_type.__module__ else None
        if spec is not None and spec.submodule_search_locations is not None:
            return Location(tuple(map(Path, spec.submodule_search_locations)))
        if spec is not None and spec.origin is not None:
            return Location((Path(spec.origin),))
    return None


def _importable(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder that can be imported; through links, too, but never twice into one folder."""
    walked = set[Path]()
    for place, folders, files in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if name != "__pycache__"]
        if (real := Path(place).resolve()) in walked:
            folders.clear()
            continue
        walked.add(real)
        paths = (Path(place) / file for file in files if file.endswith(SUFFIXES))
        yield from (path for path in paths if path.is_file())  # an editor's lock is a link to nowhere
