"""The sources of a job's plug-ins, hashed, so that results of changed source are never taken for those of the old.

These top-level packages and modules count for a class or function:

- the one that its `_target_` names, the one that defines it and those of its base classes;
- those that its settings name in the same way ("torch.nn.GRUCell");
- all that the source of these imports, directly or indirectly; see `imported_names`.

Each of them counts

- not installed (an editable install is not): a package by the SHA-256 of all its .py files and compiled modules, with
  their paths inside the package, a module by itself by that of its file;
- installed: by the names and versions of its distributions and of those that they require, and by the SHA-256s that
  their installers recorded.

Not counted, as for the package's own cells, are Python and its standard library, lstm_bench (RESULTS_VERSION stands for
its source), and the distributions whose versions the receipt records, torch and numpy among them, unless `_target_`
names one of these. Files that are read in other ways than by an import (weights, tables) do not count either.

A cell of the package that is built on the library of an extra counts with that library; see LIBRARIES.

Files are read from the disk, whatever version of them was imported. The result does not depend on what else was
imported in this process, or in which order.
"""

import hashlib
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from lstm_bench.config.building import TARGET
from lstm_bench.config.importing import import_target
from lstm_bench.config.schema import JobConfig
from lstm_bench.study.environment import PACKAGES
from lstm_bench.study.import_path import ImportPath, Location
from lstm_bench.study.imported_names import imported_names, top_level
from lstm_bench.study.installed import content_of, distributions_of, required_names, version_of

OURS = "lstm_bench"
RECORDED = set(PACKAGES)
LIBRARIES = {"lstm_bench.cells.zoo": "torchrecurrent"}  # of an extra, by the module of ours that is built on it
DOTTED = re.compile(r"[^\W\d]\w*(\.\w+)+")
Import = tuple[str, Location | None]  # a top-level name, and its location if the import gives it


def plug_in_sources(job: JobConfig) -> dict[str, str]:
    """Return versions or a hash of each top-level package or module that a job's plug-ins are made of, by its name.

    Raises: ConfigError for a target that cannot be imported.
    """
    nodes = {"task": job.task, "cell": job.cell} | {f"probe.{name}": node for name, node in job.probe.items()}
    plug_ins = {key: node for key, node in nodes.items() if _is_plug_in(node)}
    targets = [(str(node[TARGET]), import_target(node[TARGET], key)) for key, node in plug_ins.items()]
    named = {top_level(name) for path, target in targets for name in (path, _defining(target))}
    used = {name for node in plug_ins.values() for name in _named_in(node)}
    used |= {name for path, target in targets for name in _bound(path, target)}
    used |= {library for node in nodes.values() if (library := _library_of(node)) is not None}
    return _sources(named, used)


def _library_of(node: Any) -> str | None:
    return LIBRARIES.get(str(node[TARGET]).rpartition(".")[0]) if isinstance(node, Mapping) and TARGET in node else None


def _is_plug_in(node: Any) -> bool:
    return isinstance(node, Mapping) and TARGET in node and top_level(str(node[TARGET])) != OURS


def _defining(target: object) -> str:
    return str(getattr(target, "__module__", ""))


def _named_in(setting: Any) -> Iterator[str]:
    """Yield the top-level names of all strings in a setting that look like import paths."""
    if isinstance(setting, str) and DOTTED.fullmatch(setting):
        yield top_level(setting)
    elif isinstance(setting, Mapping | list):
        for value in setting.values() if isinstance(setting, Mapping) else setting:
            yield from _named_in(value)


def _bound(path: str, target: object) -> Iterator[str]:
    """Yield the top-level names of base classes, and of all values that the imported modules of a plug-in hold.

    A module that was imported under a name put together at run time leaves no other trace.
    """
    defining = {path.rpartition(".")[0], *map(_defining, getattr(target, "__mro__", (target,)))}
    import_path = ImportPath()
    for module in (sys.modules[name] for name in sorted(defining & sys.modules.keys())):
        yield top_level(module.__name__)
        place = import_path.find(top_level(module.__name__))
        if place is not None and not place.is_installed and not place.is_standard:
            yield from [top_level(_home(value)) for key, value in vars(module).items() if not key.startswith("__")]


def _home(value: object) -> str:
    """Return the name of a module, or of the one that defines a class, a function or an object's class."""
    if issubclass(type(value), ModuleType):
        return str(vars(value).get("__name__"))
    return _defining(value if type(value) is FunctionType or issubclass(type(value), type) else type(value))


def _sources(named: set[str], used: set[str]) -> dict[str, str]:
    """Return versions or a hash of these top-level names and of all that they import, by name."""
    path = ImportPath()
    waiting = [(name, path.find(name)) for name in named | used]
    sources = {OURS: ""}
    while waiting:
        name, place = waiting.pop()
        if name not in sources and place is not None and not place.is_standard:
            sources[name], imported = _made_of(name, place, name in named)
            waiting += [(new, location or path.find(new)) for new, location in imported if new not in sources]
    return {name: source for name, source in sources.items() if source}


def _made_of(name: str, place: Location, is_named: bool) -> tuple[str, list[Import]]:
    """Return versions or a hash of a top-level package or module, and what it imports."""
    distributions = distributions_of(name) if place.is_installed else []
    if RECORDED & {name, *distributions}:
        return ", ".join(map(version_of, distributions)) if is_named else "", []
    source = place.uninstalled if distributions else place
    contents = [(inside, file, file.read_bytes()) for inside, file in sorted(source.files())]
    versions = [content_of(distribution) for distribution in distributions]
    if contents:
        versions.append(_sha256((inside, content) for inside, _, content in contents))
    imported: list[Import] = [
        (required, None) for distribution in distributions for required in required_names(distribution)
    ]
    imported += [
        _import(name, file, imported_name) for _, file, content in contents for imported_name in imported_names(content)
    ]
    return ", ".join(versions), imported


def _import(name: str, file: Path, imported: str) -> Import:
    """Return a name that a file imports; for a name such as "helper.py", with the file in the same folder."""
    if not imported.endswith(".py"):
        return imported, None
    sibling = file.parent / imported
    return f"{name}/{imported}", Location((sibling,)) if sibling.is_file() else None


def _sha256(contents: Iterable[tuple[str, bytes]]) -> str:
    lines = (f"{inside}\0{hashlib.sha256(content).hexdigest()}" for inside, content in contents)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
