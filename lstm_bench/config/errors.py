"""What a person is told about a wrong setting."""

from typing import Any


class ConfigError(Exception):
    """A setting that cannot be used, told in one line: the key, the value and what is allowed."""


def not_allowed(key: str, value: Any, allowed: str) -> ConfigError:
    """Return the error in its one form."""
    return ConfigError(f"{key}={'' if value is None else value}: allowed: {allowed}")
