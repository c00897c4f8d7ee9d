"""Build an object from a mapping, strictly: the signature is the schema.

A constructor's signature defines the keys and the types of their values; its ValueErrors define their ranges. So a
plug-in class is checked as strictly as a built-in one, and nothing is declared twice. Validation is pydantic's in
strict mode: 4.0 and true are not integers, nan and inf not numbers.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from lstm_bench.config.errors import ConfigError, not_allowed

TARGET = "_target_"


def build(target: Callable[..., Any], settings: Mapping[str, Any], key: str, **supplied: Any) -> Any:
    """Call `target` with settings that its signature allows, and with the `supplied` arguments.

    Args:
        target: a class or a function.
        settings: its arguments by name.
        key: the key of these settings in the configuration, "" for those at its root.
        supplied: further arguments, which no setting may have the name of.

    Raises: ConfigError for an unknown or missing key, a value of another type or out of range.
    """
    checked = check_types(target, settings, key, set(supplied))
    try:
        return target(**checked, **supplied)
    except ValueError as error:
        raise ConfigError(_dotted(key, str(error))) from error


def check_types(
    target: Callable[..., Any], settings: Mapping[str, Any], key: str, supplied: set[str]
) -> dict[str, Any]:
    """Return the settings as the types of the signature.

    Raises: ConfigError for an unknown or missing key, or a value of another type.
    """
    model = _schema(target, frozenset(supplied))
    if not isinstance(settings, Mapping):
        raise not_allowed(key, settings, f"a mapping of the keys {', '.join(model.model_fields)}")
    try:
        checked = model.model_validate(dict(settings))
    except ValidationError as error:
        raise _first_error(error, key, list(model.model_fields), _allowed_values(target)) from error
    return {name: getattr(checked, name) for name in settings}


@lru_cache
def _schema(target: Callable[..., Any], supplied: frozenset[str]) -> type[BaseModel]:
    """Return the settings of a signature, without the `supplied` arguments, as a pydantic model."""
    hints = get_type_hints(target.__init__ if inspect.isclass(target) else target)
    parameters = inspect.signature(target).parameters.values()
    fields: dict[str, Any] = {
        p.name: (hints.get(p.name, Any), ... if p.default is p.empty else p.default)
        for p in parameters
        if p.name not in supplied and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
    }
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
    strict = ConfigDict(
        strict=True, extra="allow" if takes_any else "forbid", allow_inf_nan=False, arbitrary_types_allowed=True
    )
    return create_model("Settings", __config__=strict, **fields)


def _allowed_values(target: Callable[..., Any]) -> dict[str, str]:
    """Return what the fields of a dataclass allow, where their metadata have it under "allowed"."""
    if not is_dataclass(target):
        return {}
    return {item.name: item.metadata["allowed"] for item in fields(target) if "allowed" in item.metadata}


def _first_error(error: ValidationError, key: str, known: list[str], allowed: Mapping[str, str]) -> ConfigError:
    details = error.errors()[0]
    name = str(details["loc"][0])
    path = _dotted(key, name)
    if details["type"] == "extra_forbidden":
        return not_allowed(path, details["input"], f"the keys {', '.join(known)}")
    if details["type"] == "missing":
        return ConfigError(f"{path} is missing: give it a value")
    if name in allowed:
        return not_allowed(path, details["input"], allowed[name])
    expected = [
        problem["msg"].removeprefix("Input should be ") for problem in error.errors() if problem["loc"][0] == name
    ]
    return not_allowed(path, details["input"], " or ".join(dict.fromkeys(expected)))


def _dotted(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name
