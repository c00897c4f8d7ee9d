"""Options that the commands of the anatomy share, with errors of one line for wrong values."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from lstm_bench.config.errors import ConfigError, not_allowed

OUTPUT = Path("reports/anatomy")


class Parser(argparse.ArgumentParser):
    """A parser that raises ConfigError, with the option --output that all commands have."""

    def __init__(self, command: str, description: str) -> None:
        super().__init__(prog=f"python -m lstm_bench.anatomy {command}", description=description, allow_abbrev=False)
        self.add_argument("--output", type=Path, default=OUTPUT, help=f"output folder (default: {OUTPUT})")

    def read(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Return the options.

        Raises: ConfigError for an unknown option, or one without its value.
        """
        options, unknown = self.parse_known_args(arguments)
        if unknown:
            known = [name for action in self._actions for name in action.option_strings if name.startswith("--")]
            raise ConfigError(f"{unknown[0]}: allowed: {', '.join(known)}")
        return options

    def error(self, message: str) -> NoReturn:
        """Raise ConfigError in place of printing the usage."""
        raise ConfigError(f"{message.removeprefix('argument ')}: allowed: what --help says")


def integer(name: str, text: str | None, default: int, least: int, largest: int) -> int:
    """Return the integer of an option, or its default where it is absent.

    Raises: ConfigError for another text, or a number out of range.
    """
    if text is None:
        return default
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if not least <= value <= largest:
        raise not_allowed(name, text, f"an integer from {least} to {largest}")
    return value


def writable(folder: Path) -> Path:
    """Return the folder, created if missing.

    Raises: ConfigError where it cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise not_allowed("--output", folder, f"a folder that can be written ({error.strerror})") from error
    return folder
