"""Published results, one row each, read strictly: what is not complete is refused by line and column."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final, Literal

UNSPECIFIED: Final = "unspecified"  # the source does not say
NO_DIALECT: Final = "none"  # a result about no task of ours
DIALECTS: Mapping[str, Sequence[str]] = {
    "copy": ("arjovsky", "bai", "s4"),
    "adding": ("half", "anywhere", "hochreiter", UNSPECIFIED),
    "multiplication": ("hochreiter",),
    "temporal_order": ("6a", "6b"),
    "capacity": (NO_DIALECT,),
    "tuning": (NO_DIALECT,),
}
METRICS = (
    "mse", "rmse", "share_within_0.1", "ce_all_positions", "recall_accuracy", "training_sequences_to_solve",
    "wrong_of_2560", "bits_per_parameter", "diverged_share_of_random_hyperparameters",
)  # fmt: skip
PROTOCOL = ("runs", "model", "training", "data", "stopping")
COLUMNS = (
    "source", "task", "dialect", "settings", "cell", "lag", "n_parameters", "metric", "length", "value", "baseline",
    "solved", "where", *PROTOCOL,
)  # fmt: skip
OF_A_SOURCE = ("citation", "url")
MAY_BE_EMPTY = ("settings", "lag", "n_parameters", "length", "baseline", "solved")
Bound = Literal["", "<", ">"]


class LiteratureError(ValueError):
    """A table of published results that cannot be used, in one line: where, the column, the value, what is allowed."""


@dataclass(frozen=True)
class Source:
    """A publication: its short name, its citation, and where it is."""

    name: str
    citation: str
    url: str


@dataclass(frozen=True)
class PublishedResult:
    """One published number.

    `settings` are those of the task beside dialect and lag that a study must share. `bound` is "<" or ">" where the
    source gives no more than that. `length` is the length at which a model was evaluated, where that is not the length
    of its training. `solved` is what the source, or its number, says of the task; None where it says nothing.
    `protocol` says how it came about: runs, model, training, data, stopping.
    """

    source: Source
    task: str
    dialect: str
    settings: Mapping[str, str]
    cell: str
    lag: int | None
    n_parameters: int | None
    metric: str
    length: int | None
    value: float
    bound: Bound
    baseline: float | None
    solved: bool | None
    where: str
    protocol: Mapping[str, str]

    @property
    def shown(self) -> str:
        """The number with its bound."""
        return f"{self.bound} {self.value:,g}".strip()


@cache
def published_results() -> tuple[PublishedResult, ...]:
    """Return the rows of the package."""
    folder = Path(str(files("lstm_bench.literature")))
    return read_results(folder / "published.csv", read_sources(folder / "sources.csv"))


def read_sources(path: Path) -> dict[str, Source]:
    """Return the publications by their short names.

    Raises: LiteratureError for a missing file, column or value.
    """
    rows = _rows(_text(path), path.name, ("source", *OF_A_SOURCE))
    return {row["source"]: _source(path.name, line, row) for line, row in rows}


def read_results(path: Path, sources: Mapping[str, Source]) -> tuple[PublishedResult, ...]:
    """Return the rows of a table of published results, with the columns of ours.

    Raises: LiteratureError for a missing file or column, an unknown source, task, dialect or metric, a number that is
        none, or an empty value where none is allowed.
    """
    return tuple(_result(path.name, line, row, sources) for line, row in _rows(_text(path), path.name, COLUMNS))


def own_table(path: Path) -> str:
    """Return the text of a person's own table: our columns, then citation and url of each row's source.

    Raises: LiteratureError as `own_results` does.
    """
    text = _text(path)
    own_results(text, path.name)
    return text


@cache
def own_results(text: str, name: str = "published.csv") -> tuple[PublishedResult, ...]:
    """Return the rows of such a table.

    Raises: LiteratureError as `read_results` does, and for a row without a citation or an address.
    """
    found = []
    for line, row in _rows(text, name, (*COLUMNS, *OF_A_SOURCE)):
        source = _source(name, line, row)
        found.append(_result(name, line, row, {source.name: source}))
    return tuple(found)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise LiteratureError(f"{path}: {error}: allowed: a table in UTF-8, values separated by commas") from error


def _rows(text: str, name: str, columns: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), restkey="", restval="")
    try:
        found = tuple(reader.fieldnames or ())
        if found != tuple(columns):
            raise LiteratureError(f"{name}: columns {', '.join(found) or 'none'}: allowed: {', '.join(columns)}")
        return [(reader.line_num, {column: str(row[column]).strip() for column in columns}) for row in reader]
    except csv.Error as error:
        raise LiteratureError(f"{name}: {error}: allowed: values separated by commas") from error


def _source(name: str, line: int, row: Mapping[str, str]) -> Source:
    for column in ("source", *OF_A_SOURCE):
        _need(bool(row[column]), name, line, column, row[column], "some text")
    return Source(row["source"], row["citation"], row["url"])


def _need(condition: bool, name: str, line: int, column: str, value: str, allowed: str) -> None:
    if not condition:
        raise LiteratureError(f"{name} line {line}: {column}={value}: allowed: {allowed}")


def _result(name: str, line: int, row: Mapping[str, str], sources: Mapping[str, Source]) -> PublishedResult:
    def need(column: str, condition: bool, allowed: str) -> None:
        _need(condition, name, line, column, row[column], allowed)

    for column in COLUMNS:
        need(column, bool(row[column]) or column in MAY_BE_EMPTY, "some text")
    need("source", row["source"] in sources, ", ".join(sources))
    need("task", row["task"] in DIALECTS, ", ".join(DIALECTS))
    allowed = DIALECTS[row["task"]]
    need("dialect", row["dialect"] in allowed, f"{', '.join(allowed)} for {row['task']}")
    need("settings", all(name and value for name, value in _settings(row["settings"])), "key=value; key=value")
    need("metric", row["metric"] in METRICS, ", ".join(METRICS))
    need("solved", row["solved"] in ("", "yes", "no"), "yes, no, or nothing")
    need("lag", bool(row["lag"]) or row["dialect"] == NO_DIALECT, "an integer of at least 1")
    for column in ("lag", "n_parameters", "length"):
        need(column, not row[column] or (row[column].isdecimal() and int(row[column]) >= 1), "an integer of at least 1")
    bound: Bound = "<" if row["value"].startswith("<") else ">" if row["value"].startswith(">") else ""
    need("value", _is_number(row["value"].removeprefix(bound)), "a number, or < or > and a number")
    need("baseline", not row["baseline"] or _is_number(row["baseline"]), "a number, or nothing")
    return PublishedResult(
        source=sources[row["source"]],
        task=row["task"],
        dialect=row["dialect"],
        settings=dict(_settings(row["settings"])),
        cell=row["cell"],
        lag=int(row["lag"]) if row["lag"] else None,
        n_parameters=int(row["n_parameters"]) if row["n_parameters"] else None,
        metric=row["metric"],
        length=int(row["length"]) if row["length"] else None,
        value=float(row["value"].removeprefix(bound)),
        bound=bound,
        baseline=float(row["baseline"]) if row["baseline"] else None,
        solved={"yes": True, "no": False}.get(row["solved"]),
        where=row["where"],
        protocol={name: row[name] for name in PROTOCOL},
    )


def _settings(text: str) -> list[tuple[str, str]]:
    pairs = (part.strip().partition("=") for part in text.split(";") if part.strip())
    return [(name, value) for name, _, value in pairs]


def _is_number(text: str) -> bool:
    try:
        return abs(float(text)) < float("inf")
    except ValueError:
        return False
