"""Read which cell the command line names, and its settings."""

import inspect
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from lstm_bench.config.building import TARGET
from lstm_bench.config.composing import Invocation, compose_study
from lstm_bench.config.errors import ConfigError, not_allowed
from lstm_bench.config.importing import import_target
from lstm_bench.config.schema import JobConfig

CONFIG_DIR = "--config-dir"
GROUPS = ("cell=", "task=")  # arguments that choose a yaml; the task sets the width of the inputs
HIDDEN_SIZE, USUAL_SIZE = "hidden_size", 16


def named_job(arguments: Sequence[str]) -> JobConfig:
    """Return the job of a cell that is named by its class or its yaml, and followed by settings of its constructor.

    Raises: ConfigError for anything that cannot be used.
    """
    typed, config_dir = without_folder(arguments)
    choices = [argument for argument in typed if argument.startswith(GROUPS)]
    paths = [argument for argument in typed if "=" not in argument]
    has_yaml = any(choice.startswith("cell=") for choice in choices)
    if len(paths) + has_yaml != 1 or any(path.startswith("-") for path in paths):
        raise not_allowed("check", " ".join(typed), "one class, as in my_pkg.MyCell, or cell=NAME; then key=value ...")
    jobs = compose_study(Invocation(tuple(choices), config_dir)).jobs
    if len(jobs) > 1:
        raise not_allowed("check", " ".join(choices), "one cell and one task, not several")
    settings = dict(_setting(argument) for argument in typed if "=" in argument and argument not in choices)
    if has_yaml:
        return replace(jobs[0], cell={**jobs[0].cell, **settings})
    return replace(jobs[0], cell_name=paths[0], cell=_of_a_class(paths[0], settings))


def without_folder(arguments: Sequence[str]) -> tuple[list[str], Path | None]:
    """Return the arguments without `--config-dir FOLDER`, and that folder, None where it is not given.

    Raises: ConfigError where the folder does not exist.
    """
    others, folder = list(arguments), None
    if CONFIG_DIR in others:
        place = others.index(CONFIG_DIR)
        folder = Path(others[place + 1]) if place + 1 < len(others) else None
        if folder is None or not folder.is_dir():
            raise ConfigError(f"{CONFIG_DIR}={folder or ''}: allowed: an existing folder")
        del others[place : place + 2]
    return others, folder and folder.resolve()


def _setting(argument: str) -> tuple[str, Any]:
    """Return the key and the value of a setting, which is written as in the command of a study."""
    key, _, value = argument.partition("=")
    try:
        override = OverridesParser.create().parse_override(argument)
        is_single = not override.is_sweep_override()
    except HydraException as error:
        raise not_allowed(key, value, f"a value as in yaml, in quotes if it is free text ({error.args[0]})") from error
    if not is_single:
        raise not_allowed(key, value, "one value, not several")
    return override.key_or_group.removeprefix("cell."), override.value()


def _of_a_class(path: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a class, with the usual hidden size where it needs one."""
    needs_size = (
        HIDDEN_SIZE not in settings and HIDDEN_SIZE in inspect.signature(import_target(path, "cell")).parameters
    )
    return {TARGET: path, **({HIDDEN_SIZE: USUAL_SIZE} if needs_size else {}), **settings}
