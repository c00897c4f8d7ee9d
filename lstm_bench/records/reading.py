"""Read files of records into the dataclasses that wrote them, with errors of one line."""

from collections.abc import Collection
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
from pyarrow.parquet import ParquetFile
from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, from_json, to_json

from lstm_bench.records.schema import SCHEMA

T = TypeVar("T")
TEXT_COLUMNS = {"metric", "quantity", "moment", "probe"}
LONGEST_VALUE = 40  # letters of a wrong value that an error repeats


class RecordError(Exception):
    """Records are missing, unreadable or of another schema; the message names file, value and what is allowed."""


def read_json(path: Path, kind: TypeAdapter[T], has_schema: bool = True, former: Collection[str] = frozenset()) -> T:
    """Return the content of a file as the dataclass that wrote it, with every field checked.

    Args:
        path: the file.
        kind: the adapter of the dataclass, or of a list of it.
        has_schema: whether the file has a field `schema`.
        former: fields of earlier versions, which are ignored.

    Raises: RecordError where the file cannot be read, is of another schema, or has a missing, unknown or wrong field.
    """
    try:
        text = path.read_bytes()
        content = from_json(text)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    if has_schema and isinstance(content, dict) and content.get("schema") != SCHEMA:
        raise RecordError(f"{path}: schema={content.get('schema')}: allowed: {SCHEMA}")
    if isinstance(content, dict) and not content.keys().isdisjoint(former):
        text = to_json({name: value for name, value in content.items() if name not in former}, inf_nan_mode="constants")
    try:
        return kind.validate_json(text, strict=True)
    except ValidationError as error:
        raise RecordError(f"{path}: {_in_words(error.errors()[0])}") from error


def read_file(path: Path) -> bytes:
    """Return the content of a file.

    Raises: RecordError where it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def read_columns(path: Path, content: bytes, columns: tuple[str, ...]) -> pa.Table:
    """Return these columns of the content of a parquet file as an Arrow table.

    Thousands of small Arrow tables are read and joined three times as fast as pandas' frames. Types of columns are
    checked where there are rows.

    Raises: RecordError where the content cannot be read, lacks a column, or has text for numbers or the reverse.
    """
    try:
        table = ParquetFile(pa.BufferReader(content)).read(use_threads=False)
    except OSError as error:
        raise _unreadable(path, error) from error
    except ValueError as error:
        raise RecordError(f"{path}: cannot be read: not a complete parquet file") from error
    _check_columns(path, table, columns)
    return table.select(columns)


def _check_columns(path: Path, table: pa.Table, columns: tuple[str, ...]) -> None:
    if not set(columns) <= set(table.column_names):
        raise RecordError(f"{path}: columns {', '.join(table.column_names)}: allowed: {', '.join(columns)}")
    for name in columns if table.num_rows else ():
        kind = table.schema.field(name).type
        is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
        if is_number == (name in TEXT_COLUMNS):
            allowed = "words" if is_number else "numbers"
            raise RecordError(f"{path}: {name}={table[name][0]}: allowed: {allowed}")


def _unreadable(path: Path, error: Exception) -> RecordError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else " ".join(str(error).split())
    return RecordError(f"{path}: cannot be read: {reason}")


def _in_words(problem: ErrorDetails) -> str:
    """Return the field, its value and what is allowed."""
    where = ".".join(map(str, problem["loc"])) or "content"
    if problem["type"] == "missing":
        return f"{where} is missing"
    if problem["type"] == "unexpected_keyword_argument":
        return f"{where} is not known: allowed: the fields of schema {SCHEMA}"
    return f"{where}={_short(problem['input'])}: allowed: {problem['msg'].removeprefix('Input should be ')}"


def _short(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}..."
