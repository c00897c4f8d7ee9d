"""A small yaml file of numbers and words, read with errors of one line."""

from pathlib import Path
from typing import Any

import yaml

LARGEST = 10**300  # a larger whole number is no float


class YamlError(ValueError):
    """A yaml file, or a value in one, that cannot be used, in one line: the key, the value and what is allowed."""


def read_mapping(path: Path, key: str) -> dict[str, Any]:
    """Return the keys and values of a yaml file.

    Args:
        path: the file.
        key: the option that named it, for errors.

    Raises: YamlError where it is missing, cannot be read, or holds no keys.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise YamlError(f"{key}={path}: allowed: a file that can be read ({reason})") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise YamlError(f"{key}={path}: allowed: a yaml file ({_where(error)})") from error
    if not isinstance(content, dict):
        raise YamlError(f"{key}={path}: allowed: a yaml file of keys and values")
    return {str(name): value for name, value in content.items()}


def _where(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return "not yaml" if mark is None else f"line {mark.line + 1}: {getattr(error, 'problem', None) or 'not yaml'}"


def numbers(key: str, content: Any) -> list[float]:
    """Return a yaml list as numbers; NaN and inf are numbers here.

    Raises: YamlError for anything but a list of numbers.
    """
    is_list = isinstance(content, list)
    values = content if is_list else [content]
    not_numbers = [value for value in values if not _is_number(value)]
    if not_numbers or not is_list:
        shown = (not_numbers or values)[0]
        raise YamlError(f"{key}={'' if shown is None else shown}: allowed: a list of numbers")
    return [float(value) for value in values]


def _is_number(value: Any) -> bool:
    if isinstance(value, int) and not isinstance(value, bool):
        return abs(value) < LARGEST
    return isinstance(value, float)
