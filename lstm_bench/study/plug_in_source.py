"""What a job's plug-ins are made of, so that a changed class never meets the results of the old one.

A class or function counts with the top-level package or module that its `_target_` names, and with the one that defines
it:

- installed: by the names and versions of its distributions,
- a package that is not installed: by the SHA-256 of all its .py files, with their paths inside the package,
- a module by itself: by the SHA-256 of its file; what it imports from other modules is not seen,
- without any source: not at all.

Files are read when asked, whatever version of them was imported.
"""

import hashlib
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import packages_distributions, version
from pathlib import Path
from types import ModuleType
from typing import Any

from lstm_bench.config.building import TARGET, import_target
from lstm_bench.config.schema import JobConfig

NOT_SEEN = {"lstm_bench", *sys.stdlib_module_names}  # ours counts with RESULTS_VERSION, Python not at all
INSTALLED = {"site-packages", "dist-packages"}


def plug_in_sources(job: JobConfig) -> dict[str, str]:
    """Return a version or hash of each top-level package or module that a job takes plug-ins from, by its name.

    Raises: ConfigError for a target that cannot be imported.
    """
    nodes = {"task": job.task, "cell": job.cell} | {f"probe.{name}": node for name, node in job.probe.items()}
    names = {name for key, node in nodes.items() for name in _top_level_names(key, node)}
    found = {name: _fingerprint(sys.modules[name]) for name in sorted(names)}
    return {name: fingerprint for name, fingerprint in found.items() if fingerprint is not None}


def _top_level_names(key: str, node: Any) -> set[str]:
    path = str(node[TARGET]) if isinstance(node, Mapping) and TARGET in node else ""
    if not path or _top(path) in NOT_SEEN:
        return set()
    defining = str(getattr(import_target(path, key), "__module__", ""))
    return {_top(path), _top(defining)} & sys.modules.keys() - NOT_SEEN


def _top(path: str) -> str:
    return path.partition(".")[0]


def _fingerprint(module: ModuleType) -> str | None:
    file = Path(getattr(module, "__file__", None) or "")
    folders = [Path(folder) for folder in getattr(module, "__path__", ())]
    if found := _installed_version(module.__name__, folders[0] if folders else file):
        return found
    if folders:
        return _sha256((str(source.relative_to(f)), source) for f in folders for source in f.rglob("*.py"))
    return _sha256([(file.name, file)]) if file.suffix == ".py" and file.is_file() else None


@cache
def _installed_version(name: str, place: Path) -> str | None:
    if not INSTALLED & set(place.parts):
        return None
    return ", ".join(f"{each} {version(each)}" for each in sorted(set(packages_distributions().get(name, ())))) or None


def _sha256(sources: Iterable[tuple[str, Path]]) -> str:
    each = (f"{name}\0{hashlib.sha256(source.read_bytes()).hexdigest()}" for name, source in sorted(sources))
    return hashlib.sha256("\n".join(each).encode()).hexdigest()
