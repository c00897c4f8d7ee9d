"""The error of a wrong setting."""

from typing import Any


class ConfigError(Exception):
    """A setting cannot be used; the message is one line: the key, the value and what is allowed."""


def not_allowed(key: str, value: Any, allowed: str) -> ConfigError:
    """Return the error "key=value: allowed: ..."."""
    return ConfigError(f"{key}={'' if value is None else value}: allowed: {allowed}")
