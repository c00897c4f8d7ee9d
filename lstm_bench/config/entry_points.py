"""Cells and tasks of installed packages, which can be named like those of a yaml file.

A package that has

    [project.entry-points."lstm_bench.cells"]
    my_cell = "my_pkg.cells:MyCell"

offers `cell=my_cell`, and with the group "lstm_bench.tasks" a task. Its settings are the defaults of its constructor,
except for those in USUAL, and can be set with `+cell.key=value`. A yaml file of the same name comes first.
"""

from collections.abc import Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore

from lstm_bench.config.building import TARGET

PROVIDER = "entry point"
USUAL: Mapping[str, Mapping[str, Any]] = {"cell": {"hidden_size": 64}, "task": {"lag": 10}}  # what every study sets


def offer_entry_points(folders: Sequence[Path]) -> None:
    """Register the cells and tasks of installed packages with Hydra; nothing of them is imported.

    One with the name of a yaml file in `folders` is left out, since Hydra would merge both, and warn.
    """
    store = ConfigStore.instance()
    for group in USUAL:  # remove those of an earlier call
        for file, node in list(store.repo.get(group, {}).items()):
            if getattr(node, "provider", None) == PROVIDER:
                del store.repo[group][file]
    for group, name, path in named_entry_points():
        if not any((folder / group / f"{name}.yaml").is_file() for folder in folders):
            store.store(name, {TARGET: path, **USUAL[group]}, group, provider=PROVIDER)


def named_entry_points() -> list[tuple[str, str, str]]:
    """Return the group, the name and the import path of each cell and task that a package registers."""
    return [
        (group, entry.name, entry.value.replace(" ", "").replace(":", "."))
        for group in USUAL
        for entry in entry_points(group=f"lstm_bench.{group}s")
    ]
