"""Installed distributions, read from the files on the import path at each call."""

import hashlib
import re
import sys
from collections import defaultdict
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

FOLDERS = {"site-packages", "dist-packages"}
REQUIREMENT = re.compile(r"[A-Za-z0-9._-]+")


def is_installed(place: Path) -> bool:
    """Tell whether a file or folder is where distributions are installed."""
    return bool(FOLDERS & set(place.parts))


def distributions_of(name: str) -> list[str]:
    """Return the distributions that a top-level package or module comes from, none where it is unknown."""
    return sorted(set(_distributions(_state_of_path()).get(name, ())))


def required_names(name: str) -> set[str]:
    """Return the top-level packages and modules that a distribution requires, without those of its extras."""
    lines = [line for line in distribution(name).requires or () if "extra" not in line.partition(";")[2]]
    required = {_canonical(match[0]) for line in lines if (match := REQUIREMENT.match(line))}
    brought = _names(_state_of_path())
    return {name for package in required for name in brought.get(package, (package.replace("-", "_"),))}


def version_of(name: str) -> str:
    """Return a distribution's name and version: "torch 2.10.0"."""
    return f"{name} {distribution(name).version}"


def content_of(name: str) -> str:
    """Return a distribution's name and version, and the SHA-256 of what its installer recorded of its files.

    It is the same wherever a wheel is installed, and changes where changed source is installed under its old version.
    """
    record = distribution(name).read_text("RECORD") or ""
    files = sorted(line for line in record.splitlines() if ",sha256=" in line and _is_content(line.split(",")[0]))
    return f"{version_of(name)} {hashlib.sha256(repr(files).encode()).hexdigest()}" if files else version_of(name)


def _is_content(file: str) -> bool:
    """Tell whether a file is neither metadata nor a script nor a pointer to an editable distribution."""
    return ".dist-info/" not in file and not file.startswith(("..", "__editable__")) and not file.endswith(".pth")


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _state_of_path() -> tuple[tuple[str, int], ...]:
    """Return the folders of the import path with their modification times, which installing or removing changes."""
    return tuple((entry, Path(entry).stat().st_mtime_ns) for entry in sys.path if Path(entry).is_dir())


@lru_cache(maxsize=1)  # it takes 0.2 s
def _distributions(_: object) -> Mapping[str, list[str]]:
    return packages_distributions()


@lru_cache(maxsize=1)
def _names(state: object) -> Mapping[str, list[str]]:
    """Return the top-level names that each distribution brings, by its canonical name."""
    names = defaultdict(list)
    for name, distributions in _distributions(state).items():
        for package in set(distributions):
            names[_canonical(package)].append(name)
    return names
