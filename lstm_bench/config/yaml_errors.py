"""Say where in a yaml file an error is that no parser can read over."""

from collections.abc import Iterable
from pathlib import Path

from yaml import MarkedYAMLError, YAMLError
from yaml.reader import ReaderError


def file_and_line(error: Exception, folders: Iterable[Path]) -> str | None:
    """Return "file, line 3: what is wrong", None for an error that is not about the text of a yaml file.

    Args:
        error: what reading a configuration raised.
        folders: where its files may be.
    """
    if isinstance(error, MarkedYAMLError) and (mark := error.problem_mark or error.context_mark):
        since = f", {error.context} from line {error.context_mark.line + 1}" if error.context_mark else ""
        return f"{mark.name}, line {mark.line + 1}: {error.problem or 'not YAML'}{since}"
    if isinstance(error, ReaderError):
        return _at(Path(error.name), error.position, f"the character U+{_code(error.character):04X} is not allowed")
    if isinstance(error, UnicodeDecodeError):
        file = next((file for file in _files(folders) if file.read_bytes().startswith(error.object)), None)
        byte = f"the byte 0x{error.object[error.start]:02X} is not UTF-8: save the file in that encoding"
        return None if file is None else _at(file, error.start, byte)
    return str(error) if isinstance(error, YAMLError) else None


def _at(file: Path, position: int, what: str) -> str:
    line = file.read_bytes()[:position].count(b"\n") + 1 if file.is_file() else 1
    return f"{file}, line {line}: {what}"


def _code(character: int | str) -> int:
    return character if isinstance(character, int) else ord(character)


def _files(folders: Iterable[Path]) -> Iterable[Path]:
    return (file for folder in folders for file in sorted(folder.rglob("*.yaml")) if file.is_file())
