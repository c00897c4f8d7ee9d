"""Build an object from a mapping, strictly: the signature is the schema.

A constructor's signature defines the keys and the types of their values; its ValueErrors define their ranges. So a
plug-in class is checked as strictly as a built-in one, and nothing is declared twice. Validation is pydantic's in
strict mode: 4.0 and true are not integers, nan and inf not numbers.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import Any, NotRequired, Required

from pydantic import ConfigDict, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from lstm_bench.config.annotations import STRICT, checkable_type
from lstm_bench.config.errors import ConfigError, not_allowed

TARGET = "_target_"


def build(target: Callable[..., Any], settings: Mapping[str, Any], key: str, **supplied: Any) -> Any:
    """Call `target` with settings that its signature allows, and with the `supplied` arguments.

    Args:
        target: a class or a function.
        settings: its arguments by name.
        key: the key of these settings in the configuration, "" for those at its root.
        supplied: further arguments; no setting may have one of their names.

    Raises: ConfigError for an unknown or missing key, a value of another type or out of range, and for a target that
        does not take what is supplied.
    """
    if lacking := _not_taken(target, supplied):
        path = f"{target.__module__}.{target.__qualname__}"
        allowed = f"a class whose constructor takes {', '.join(supplied)}, and this one has no {', '.join(lacking)}"
        raise not_allowed(f"{key}.{TARGET}", path, f"{allowed}; see lstm_bench/{key}s/contract.py")
    checked = check_types(target, settings, key, set(supplied))
    try:
        return target(**checked, **supplied)
    except ValueError as error:
        raise ConfigError(_dotted(key, str(error))) from error


def _not_taken(target: Callable[..., Any], supplied: Iterable[str]) -> list[str]:
    parameters = inspect.signature(target).parameters
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    return [] if takes_any else [name for name in supplied if name not in parameters]


def check_types(
    target: Callable[..., Any], settings: Mapping[str, Any], key: str, supplied: set[str]
) -> dict[str, Any]:
    """Return the settings as the types of the signature.

    Raises: ConfigError for an unknown or missing key, or a value of another type.
    """
    names, schema = _schema(target, frozenset(supplied))
    if not isinstance(settings, Mapping):
        raise not_allowed(key, settings, f"a mapping of the keys {', '.join(names)}")
    try:
        checked: dict[str, Any] = schema.validate_python(dict(settings))
    except ValidationError as error:
        raise _first_error(error, key, settings, target, names) from error
    return checked


def defaults_left(target: Callable[..., Any], settings: Mapping[str, Any], supplied: Iterable[str]) -> dict[str, Any]:
    """Return the arguments that neither `settings` nor `supplied` names, with their defaults in the signature."""
    named = {*settings, *supplied}
    parameters = inspect.signature(target).parameters.values()
    return {p.name: p.default for p in parameters if p.name not in named and p.default is not p.empty}


@lru_cache
def _schema(target: Callable[..., Any], supplied: frozenset[str]) -> tuple[list[str], TypeAdapter[dict[str, Any]]]:
    """Return the names of the settings of a signature, without the `supplied` ones, and their adapter."""
    parameters = inspect.signature(target).parameters.values()
    hints: dict[str, Any] = {
        p.name: (Required if p.default is p.empty else NotRequired)[checkable_type(p.annotation, target)]
        for p in parameters
        if p.name not in supplied and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
    }
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
    typed_dict: Any = TypedDict  # a mapping, as a model's own attributes would forbid some names
    settings = typed_dict("Settings", hints)
    settings.__pydantic_config__ = ConfigDict(**STRICT, extra="allow" if takes_any else "forbid")
    return list(hints), TypeAdapter(settings)


def _allowed_values(target: Callable[..., Any]) -> dict[str, str]:
    """Return what the fields of a dataclass allow, where their metadata have it under "allowed"."""
    if not is_dataclass(target):
        return {}
    return {item.name: item.metadata["allowed"] for item in fields(target) if "allowed" in item.metadata}


def _first_error(
    error: ValidationError, key: str, settings: Mapping[str, Any], target: Callable[..., Any], known: list[str]
) -> ConfigError:
    details = error.errors()[0]
    name = str(details["loc"][0])
    path, is_whole = _dotted(key, name), len(details["loc"]) == 1
    if details["type"] == "extra_forbidden" and is_whole:
        return not_allowed(path, details["input"], f"the keys {', '.join(known)}")
    if details["type"] == "missing" and is_whole:
        return ConfigError(f"{path} is missing: give it a value")
    if allowed := _allowed_values(target).get(name):
        return not_allowed(path, settings[name], allowed)
    problems = [problem for problem in error.errors() if problem["loc"][0] == name]
    expected = [problem["msg"].removeprefix("Input should be ") for problem in problems]
    if not all(problem["msg"].startswith("Input should be ") for problem in problems):  # too few or too many items
        annotation = inspect.signature(target).parameters[name].annotation
        expected = [annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)]
    return not_allowed(path, settings[name], " or ".join(dict.fromkeys(expected)))


def _dotted(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name
