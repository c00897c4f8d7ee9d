"""Settings and their values in words, the same on every page."""

from collections.abc import Iterable, Mapping
from typing import Any


def value_in_words(value: Any) -> str:
    """Return a value: 0.003, [2, 8], none; a mapping as "name value; name value", its class left out."""
    if value is None:
        return "none"
    if isinstance(value, Mapping):
        return "; ".join(f"{name} {value_in_words(part)}" for name, part in value.items() if name != "_target_")
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(value_in_words, value))}]"
    return f"{value:.12g}" if _is_number(value) else str(value)


def values_in_words(values: Iterable[Any], most: int | None = None) -> str:
    """Return distinct values, numbers in ascending order first; of more than `most` only the first and the last."""
    listed = list(values)
    numbers = sorted({value for value in listed if _is_number(value)})
    others = [value for value in listed if not _is_number(value)]
    words = list(dict.fromkeys(map(value_in_words, [*numbers, *others])))
    return ", ".join(words if most is None or len(words) <= most else [words[0], "...", words[-1]])


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
