"""Read a yaml file as a pydantic model, with errors of one line."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

Model = TypeVar("Model", bound=BaseModel)


class YamlError(ValueError):
    """A yaml file, or a value in one, is unusable; the message is one line: the key, the value, what is allowed."""


def read_yaml(path: Path, option: str, model: type[Model]) -> Model:
    """Return the content of a yaml file as a model.

    Args:
        path: the file.
        option: the command-line option that names the file, for errors.
        model: the keys; the `description` of each field says what is allowed, for errors.

    Raises: YamlError where the file is missing or unreadable, or a key or a value is not allowed.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise YamlError(f"{option}={path}: allowed: a file that can be read ({reason})") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise YamlError(f"{option}={path}: allowed: a yaml file ({_position(error)})") from error
    if not isinstance(content, dict):
        raise YamlError(f"{option}={path}: allowed: a yaml file of keys and values")
    try:
        return model.model_validate({str(name): value for name, value in content.items()})
    except ValidationError as error:
        raise _first_error(error.errors()[0], model) from error


def _position(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return "not yaml" if mark is None else f"line {mark.line + 1}: {getattr(error, 'problem', None) or 'not yaml'}"


def _first_error(problem: ErrorDetails, model: type[BaseModel]) -> YamlError:
    """Return the error of one value; its key is the path of names to it, without list indices."""
    names = [part for part in problem["loc"] if isinstance(part, str) and part != "[key]"]
    is_absent = problem["type"] == "missing" or problem["input"] is None
    value = "" if is_absent else problem["input"]
    return YamlError(f"{'.'.join(names)}={value}: allowed: {_allowed(names, model)}")


def _allowed(names: Sequence[str], model: type[BaseModel]) -> str:
    """Return what the innermost field on a path of names allows, or the model's keys where the first is not a field."""
    allowed, fields = f"the keys {', '.join(model.model_fields)}, each once", model.model_fields
    for name in names:
        if name not in fields:
            break
        allowed, annotation = fields[name].description or "", fields[name].annotation
        fields = annotation.model_fields if isinstance(annotation, type) and issubclass(annotation, BaseModel) else {}
    return allowed
