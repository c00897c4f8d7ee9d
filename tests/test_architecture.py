"""The arrows of the house: who may import whom, read from the source of every module."""

import ast
import functools
import sys
from collections.abc import Iterator, Set
from pathlib import Path

import pytest

import lstm_bench

PACKAGE = Path(lstm_bench.__file__).parent
LEFT_WING = {"cells", "tasks", "engine", "probes"}
RIGHT_WING = {"records", "analysis", "claims", "parts of pages", "anatomy", "report"}
EVERYWHERE = {  # ranges, cores, yaml files, the cache, processes, clocks, lags, letters, what a number is, version
    *("checks", "cores", "conf_folder", "cache_folder", "matplotlib_start", "python_process", "awake_clock", "metrics"),
    *("lag_grid", "text_encoding", "python_version", "__init__"),
}
PAGE_PARTS, ANATOMY_COMMANDS, BACKFILL = "parts of pages", "commands of anatomy", "command of tracking"
FLOORS = {  # modules of a room that stand on another floor than the rest of it
    "lstm_bench.report.compact_svg": PAGE_PARTS,
    "lstm_bench.report.document": PAGE_PARTS,
    "lstm_bench.report.figure_files": PAGE_PARTS,
    "lstm_bench.report.fonts": PAGE_PARTS,
    "lstm_bench.report.html": PAGE_PARTS,
    "lstm_bench.report.interactive": PAGE_PARTS,
    "lstm_bench.report.markdown": PAGE_PARTS,
    "lstm_bench.report.markdown_text": PAGE_PARTS,
    "lstm_bench.report.panels": PAGE_PARTS,
    "lstm_bench.report.style": PAGE_PARTS,
    "lstm_bench.report.text_table": PAGE_PARTS,
    "lstm_bench.report.typography": PAGE_PARTS,
    "lstm_bench.anatomy.__main__": ANATOMY_COMMANDS,
    "lstm_bench.anatomy.commands": ANATOMY_COMMANDS,
    "lstm_bench.anatomy.dissection": ANATOMY_COMMANDS,
    "lstm_bench.anatomy.gates": ANATOMY_COMMANDS,
    "lstm_bench.anatomy.options": ANATOMY_COMMANDS,
    "lstm_bench.anatomy.page": ANATOMY_COMMANDS,
    "lstm_bench.anatomy.step": ANATOMY_COMMANDS,
    "lstm_bench.tracking.backfill": BACKFILL,
}

# Rooms of the package that a room may import, beside itself and EVERYWHERE. `study` is the only room that sees both
# wings; `cli`, and the commands `check` and those of `anatomy` and `tracking`, which run no study, are the roof. A page
# of a study has the walk of `anatomy` in it, and both are made of the same parts: so three rooms have two floors.
ALLOWED_ROOMS = {
    "__init__": set(),
    "checks": set(),
    "metrics": set(),
    "lag_grid": set(),
    "cores": set(),
    "conf_folder": set(),
    "cache_folder": set(),
    "matplotlib_start": set(),
    "python_process": set(),
    "awake_clock": set(),
    "text_encoding": set(),
    "python_version": set(),
    "cells": set(),
    "tasks": set(),
    "engine": {"cells", "tasks"},
    "probes": {"engine", "cells", "tasks"},
    "config": {"probes", "engine", "cells", "tasks", "literature"},
    "launchers": set(),
    "records": set(),
    "literature": set(),
    "tracking": {"records"},
    "analysis": {"records", "literature"},
    "claims": {"analysis", "records"},
    PAGE_PARTS: set(),
    "anatomy": {PAGE_PARTS, "analysis", "records"},
    "report": {PAGE_PARTS, "anatomy", "claims", "analysis", "records", "literature"},
    "speed": {"config", "engine", "cells", "tasks", "records"},
    "check": {"config", "engine", "cells"},
    "study": LEFT_WING | {"speed", "config", "records", "tracking", "analysis", "claims", "report"},
    "cli": LEFT_WING | {"config", "launchers", "records", "tracking", "analysis", "claims", "report", "study"},
    ANATOMY_COMMANDS: {"anatomy", PAGE_PARTS, "config", "cells", "records", "analysis", "report"},
    BACKFILL: {"records", "tracking", "analysis", "report", "study"},
    "sync": {BACKFILL, "tracking"},  # its former name
    "status": {"records", "analysis", "report", "study"},
    "merge": {"records", "analysis", "report"},
    "__main__": {"cli"},
}

SETTINGS = {"hydra", "omegaconf", "pydantic"}
FRAMES = {"pandas", "seaborn", "matplotlib"}
FORBIDDEN_PACKAGES = {
    "engine": SETTINGS | FRAMES | {"mlflow"},
    "probes": SETTINGS | FRAMES | {"mlflow"},
    "records": {"torch", "mlflow", "hydra", "omegaconf"},
    "literature": {"torch", "mlflow", "hydra", "omegaconf", "pandas"},
    "tracking": {"torch", "hydra", "omegaconf"},
    "analysis": {"torch", "mlflow", "hydra", "omegaconf"},
    "claims": {"torch", "mlflow", "hydra", "omegaconf"},
    PAGE_PARTS: {"torch", "mlflow", "hydra", "omegaconf"},
    "anatomy": {"torch", "mlflow", "hydra", "omegaconf"},
    "report": {"torch", "mlflow", "hydra", "omegaconf"},
    "config": {"mlflow"},
    "launchers": FRAMES | {"torch", "mlflow"},
    "speed": FRAMES | {"mlflow"},
    "check": FRAMES | {"mlflow"},
    "study": {"mlflow"},
    "cli": {"mlflow"},
    ANATOMY_COMMANDS: {"mlflow", "hydra", "omegaconf"},
    BACKFILL: {"mlflow", "torch", "hydra", "omegaconf"},
    "sync": {"mlflow", "torch", "hydra", "omegaconf"},
    "status": {"mlflow", "torch", "hydra", "omegaconf"},
    "merge": {"mlflow", "torch", "hydra", "omegaconf"},
}
GROUND_FLOOR_PACKAGES = {"torch"}  # and the standard library: all that cells, tasks and checks may import
READERS_OF_DATA = {"lstm_bench.tasks.digits": {"sklearn"}, "lstm_bench.tasks.mnist_files": {"numpy"}}  # and these, late
OPTIONAL_PACKAGES = {"lstm_bench.cells.zoo": {"torchrecurrent"}}  # of an extra, imported when they are used


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imported(source: str, module: str, is_package: bool) -> set[str]:
    """Return every absolute dotted name that the source imports, wherever in the file it does."""
    return {name for node in ast.walk(ast.parse(source)) for name in _names(node, module, is_package)}


def _names(node: ast.AST, module: str, is_package: bool) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            package = module.split(".")[: None if is_package and node.level == 1 else -(node.level - is_package)]
            base = ".".join([*package, *filter(None, [node.module])])
        yield from (f"{base}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in {"import_module", "__import__"}:
        yield from (arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant))


@functools.cache
def imports_of(module: str) -> frozenset[str]:
    path = MODULES[module]
    return frozenset(imported(path.read_text(encoding="utf-8"), module, path.name == "__init__.py"))


def room(dotted: str) -> str:
    """Return the room, or its floor, of a name inside the package; a name of the package itself is in `__init__`."""
    floor = next((floor for module, floor in FLOORS.items() if f"{dotted}.".startswith(f"{module}.")), None)
    if floor:
        return floor
    second = [*dotted.split("."), ""][1]
    is_room = (PACKAGE / second).is_dir() or (PACKAGE / f"{second}.py").is_file()
    return second if second and is_room else "__init__"


def rooms_of(names: Set[str]) -> set[str]:
    return {room(name) for name in names if name.split(".")[0] == "lstm_bench"}


def packages_of(names: Set[str]) -> set[str]:
    return {name.split(".")[0] for name in names} - {"lstm_bench"}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import a.b, c as d", {"a.b", "c"}),
        ("from a.b import c, d", {"a.b.c", "a.b.d"}),
        ("from lstm_bench import engine", {"lstm_bench.engine"}),
        ("from . import x", {"lstm_bench.cells.x"}),
        ("from .x import y", {"lstm_bench.cells.x.y"}),
        ("from ..engine import seeds", {"lstm_bench.engine.seeds"}),
        ("def f():\n    if True:\n        import mlflow", {"mlflow"}),
        ("import importlib\nimportlib.import_module('mlflow')", {"importlib", "mlflow"}),
    ],
)
def test_the_reader_of_imports_sees_them_all(source: str, expected: set[str]) -> None:
    assert imported(source, "lstm_bench.cells.rnn", is_package=False) == expected


@pytest.mark.parametrize(
    ("source", "expected"), [("from .x import y", "lstm_bench.cells.x.y"), ("from .. import z", "lstm_bench.z")]
)
def test_the_reader_of_imports_knows_packages(source: str, expected: str) -> None:
    assert imported(source, "lstm_bench.cells", is_package=True) == {expected}


def test_every_room_has_its_place() -> None:
    assert {room(module) for module in MODULES} <= set(ALLOWED_ROOMS), "give the new room its place in ALLOWED_ROOMS"


@pytest.mark.parametrize("module", MODULES)
def test_arrows_point_backwards_only(module: str) -> None:
    here = room(module)
    assert rooms_of(imports_of(module)) <= ALLOWED_ROOMS[here] | EVERYWHERE | {here}


@pytest.mark.parametrize("module", MODULES)
def test_packages_stay_in_their_wing(module: str) -> None:
    assert not packages_of(imports_of(module)) & FORBIDDEN_PACKAGES.get(room(module), set())


@pytest.mark.parametrize("module", [m for m in MODULES if room(m) in {"cells", "tasks", "checks"}])
def test_the_ground_floor_needs_torch_and_nothing_else(module: str) -> None:
    allowed = GROUND_FLOOR_PACKAGES | READERS_OF_DATA.get(module, set()) | OPTIONAL_PACKAGES.get(module, set())
    assert packages_of(imports_of(module)) <= allowed | sys.stdlib_module_names


def test_mlflow_is_imported_by_tracking_alone() -> None:
    assert {room(module) for module in MODULES if "mlflow" in packages_of(imports_of(module))} <= {"tracking"}


def test_nobody_looks_up_at_study_or_cli() -> None:
    above = {"study", "cli", "check", ANATOMY_COMMANDS, BACKFILL, "sync", "status", "merge", "__main__"}
    below = [module for module in MODULES if room(module) not in above]
    assert not [module for module in below if rooms_of(imports_of(module)) & above]
