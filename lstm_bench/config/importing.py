"""Import the class or function that a `_target_` names, whatever its module does meanwhile."""

import importlib
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, TextIO

from lstm_bench.config.building import TARGET
from lstm_bench.config.errors import not_allowed

IMPORT_SEED = 0  # of the global generators while a plug-in's module is imported


def import_target(path: Any, key: str) -> Callable[..., Any]:
    """Return the class or function at a dotted import path.

    The module is imported with seeded global generators, so that what it draws is the same in every process.

    Raises: ConfigError where the path leads to nothing that can be called, with the place in its source where an import
        fails. A module that ends the process (a script that parses its arguments) fails like any other.
    """
    module, _, name = str(path).rpartition(".")
    held = _Held(sys.stderr)
    try:
        with held.while_importing():
            target: Callable[..., Any] = getattr(_imported(module), name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise not_allowed(f"{key}.{TARGET}", path, f"the import path of a class ({_line(error, held.text)})") from error
    if not callable(target):
        kind = f"this is of the type {type(target).__name__}"
        raise not_allowed(f"{key}.{TARGET}", path, f"the import path of a class ({kind})")
    return target


def _imported(module: str) -> ModuleType:
    if module in sys.modules:
        return sys.modules[module]
    from lstm_bench.engine.global_generators import seeded_generators  # imported here, as torch takes a second

    with seeded_generators(IMPORT_SEED):
        return importlib.import_module(module)


class _Held:
    """A stream that keeps what is written while a module is imported, and drops it where the import fails.

    A logger that the module makes keeps this stream, which passes everything on once the import has ended.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_holding = False
        self.text = ""

    def write(self, text: str) -> int:
        """Keep the text, or pass it on."""
        if not self._is_holding:
            return self._stream.write(text)
        self.text += text
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @contextmanager
    def while_importing(self) -> Iterator[None]:
        """Stand in for sys.stderr during the block."""
        self._is_holding, sys.stderr = True, self
        try:
            yield
            self._stream.write(self.text)
        finally:
            self._is_holding, sys.stderr = False, self._stream


def _line(error: BaseException, printed: str) -> str:
    """Return where in a module's source an error arose, and the first line of its message."""
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    lines = message.strip().splitlines() or [""]
    if (place := _place(error)) is None and isinstance(error, ImportError | AttributeError | ValueError | TypeError):
        return lines[0]  # an error in the path itself
    text = f"{type(error).__name__}: {lines[0]}".removesuffix(": ")
    if isinstance(error, SystemExit) and printed.strip():
        text += f", after printing: {printed.strip().splitlines()[-1]}"
    return text if place is None else f"{place}: {text}"


def _place(error: BaseException) -> str | None:
    """Return file:line of a syntax error, or else of the innermost module that was being imported."""
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).is_file():
        return f"{error.filename}:{error.lineno}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.name == "<module>"]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else None
