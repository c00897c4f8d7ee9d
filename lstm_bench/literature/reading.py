"""Read tables of published results, one row each; an unusable row is refused by line and column."""

import csv
import io
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Final, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    StrictBool,
    ValidationError,
    ValidationInfo,
    field_validator,
)

UNSPECIFIED: Final = "unspecified"  # the source does not say
NO_DIALECT: Final = "none"  # a result on none of our tasks
DIALECTS: Mapping[str, Sequence[str]] = {
    "copy": ("arjovsky", "bai", "s4"),
    "adding": ("half", "anywhere", "hochreiter", UNSPECIFIED),
    "multiplication": ("hochreiter",),
    "temporal_order": ("6a", "6b"),
    "reber": ("continual", "single"),
    "capacity": (NO_DIALECT,),
    "tuning": (NO_DIALECT,),
}
METRICS = (
    "mse", "rmse", "share_within_0.1", "ce_all_positions", "recall_accuracy", "training_sequences_to_solve",
    "wrong_of_2560", "share_solved", "bits_per_parameter", "diverged_share_of_random_hyperparameters",
)  # fmt: skip
PROTOCOL = ("runs", "model", "training", "data", "stopping")
SOURCE_COLUMNS = ("citation", "url")
SURPLUS = "values without a column"


class LiteratureError(ValueError):
    """A table of published results is unusable; the message is one line: file, row, column, value, what is allowed."""


def _one_of(values: Collection[str]) -> Callable[[str], str]:
    def check(value: str) -> str:
        if value not in values:
            raise ValueError(", ".join(values))
        return value

    return check


def _digits(text: str) -> int | None:
    """Return the integer of a text; None for an empty one."""
    if text and not text.isdecimal():
        raise ValueError(COUNT)
    return int(text) if text else None


def _pairs(text: str) -> dict[str, str]:
    """Return the settings of "key=value; key=value"."""
    pairs = (part.strip().partition("=") for part in text.split(";") if part.strip())
    return {name: value for name, _, value in pairs}


# Each column has its type and, as `description`, what is allowed in it, for error messages.
COUNT = "an integer of at least 1"
Text = Annotated[str, Field(min_length=1, description="some text")]
Count = Annotated[
    Annotated[int, Field(ge=1)] | None, BeforeValidator(_digits), Field(description=f"{COUNT}, or nothing")
]


class Source(BaseModel):
    """A publication: its short name, its citation and its address."""

    model_config = ConfigDict(frozen=True)

    name: Text = Field(validation_alias="source")
    citation: Text
    url: Text


class PublishedResult(BaseModel):
    """One published number.

    Attributes:
        settings: settings of the task, in addition to dialect and lag, that a study must share.
        bound: "<" or ">" where the source gives no more than a bound.
        length: the length at which a model was evaluated; None for the length in training.
        solved: whether the task was solved, according to the source or its number; None where neither says.
        where: the table or figure of the source.
        runs, model, training, data, stopping: the protocol.
    """

    model_config = ConfigDict(frozen=True)

    source: Source
    task: Annotated[str, AfterValidator(_one_of(DIALECTS))]
    dialect: str
    settings: Annotated[dict[Text, Text], BeforeValidator(_pairs), Field(description="key=value; key=value")]
    cell: Text
    lag: Count
    n_parameters: Count
    metric: Annotated[str, AfterValidator(_one_of(METRICS))]
    length: Count
    value: Annotated[FiniteFloat, Field(description="a number, or < or > and a number")]
    bound: Literal["", "<", ">"]
    baseline: Annotated[
        FiniteFloat | None, BeforeValidator(lambda text: text or None), Field(description="a number, or nothing")
    ]
    solved: Annotated[
        StrictBool | None,
        BeforeValidator(lambda text: {"yes": True, "no": False, "": None}.get(text, text)),
        Field(description="yes, no, or nothing"),
    ]
    where: Text
    runs: Text
    model: Text
    training: Text
    data: Text
    stopping: Text

    @field_validator("dialect")
    @classmethod
    def _is_of_task(cls, dialect: str, info: ValidationInfo) -> str:
        task = info.data.get("task")
        if task is not None and dialect not in DIALECTS[task]:
            raise ValueError(f"{', '.join(DIALECTS[task])} for {task}")
        return dialect

    @field_validator("lag")
    @classmethod
    def _is_there_on_our_tasks(cls, lag: int | None, info: ValidationInfo) -> int | None:
        if lag is None and info.data.get("dialect") != NO_DIALECT:
            raise ValueError(COUNT)
        return lag

    @property
    def protocol(self) -> Mapping[str, str]:
        """How the number was measured: runs, model, training, data, stopping."""
        return {name: getattr(self, name) for name in PROTOCOL}

    @property
    def shown(self) -> str:
        """The number with its bound."""
        return f"{self.bound} {self.value:,g}".strip()


Model = TypeVar("Model", bound=BaseModel)
COLUMNS = tuple(name for name in PublishedResult.model_fields if name != "bound")


@cache
def published_results() -> tuple[PublishedResult, ...]:
    """Return the results that come with the package."""
    folder = Path(str(files("lstm_bench.literature")))
    return read_results(folder / "published.csv", read_sources(folder / "sources.csv"))


def read_sources(path: Path) -> dict[str, Source]:
    """Return the publications by their short names.

    Raises: LiteratureError for a missing file, column or value.
    """
    rows = _rows(_text(path), path.name, ("source", *SOURCE_COLUMNS))
    return {row["source"]: _validated(Source, row, row, path.name, line) for line, row in rows}


def read_results(path: Path, sources: Mapping[str, Source]) -> tuple[PublishedResult, ...]:
    """Return the rows of a table of published results, which has the columns COLUMNS.

    Raises: LiteratureError for a missing file or column, an unknown source, task, dialect or metric, a text in place of
        a number, or an empty value where none is allowed.
    """
    return tuple(_result(path.name, line, row, sources) for line, row in _rows(_text(path), path.name, COLUMNS))


def own_table(path: Path) -> str:
    """Return the text of a user's own table, which has COLUMNS and then the citation and url of each row's source.

    Raises: LiteratureError as `own_results` does.
    """
    text = _text(path)
    own_results(text, path.name)
    return text


@cache
def own_results(text: str, name: str = "published.csv") -> tuple[PublishedResult, ...]:
    """Return the rows of the text of a user's own table, see `own_table`; `name` stands for it in error messages.

    Raises: LiteratureError as `read_results` does, and for a row without a citation or an address.
    """
    results = []
    for line, row in _rows(text, name, (*COLUMNS, *SOURCE_COLUMNS)):
        source = _validated(Source, row, row, name, line)
        results.append(_result(name, line, row, {source.name: source}))
    return tuple(results)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise LiteratureError(f"{path}: {error}: allowed: a table in UTF-8, values separated by commas") from error


def _rows(text: str, name: str, columns: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), restkey=SURPLUS, restval="")
    try:
        header = tuple(reader.fieldnames or ())
        if header != tuple(columns):
            raise LiteratureError(f"{name}: columns {', '.join(header) or 'none'}: allowed: {', '.join(columns)}")
        rows = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise LiteratureError(f"{name}: {error}: allowed: values separated by commas") from error
    for line, row in rows:
        if surplus := row.get(SURPLUS):
            value = ",".join(surplus)
            allowed = f'{len(columns)} values, with a text that holds a comma in "quotes"'
            raise LiteratureError(f"{name} line {line}: one value too many, {value}: allowed: {allowed}")
    return [(line, {column: str(row[column]).strip() for column in columns}) for line, row in rows]


def _result(name: str, line: int, row: Mapping[str, str], sources: Mapping[str, Source]) -> PublishedResult:
    if row["source"] not in sources:
        raise _not_allowed(name, line, "source", row["source"], ", ".join(sources))
    bound = row["value"][:1] if row["value"].startswith(("<", ">")) else ""
    content = {**row, "source": sources[row["source"]], "bound": bound, "value": row["value"].removeprefix(bound)}
    return _validated(PublishedResult, content, row, name, line)


def _validated(
    model: type[Model], content: Mapping[str, object], row: Mapping[str, str], name: str, line: int
) -> Model:
    """Return a row as a model.

    Raises: LiteratureError for the first column with a value that is not allowed.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        problem = error.errors()[0]
        column = str(problem["loc"][0])
        if problem["type"] == "value_error":
            allowed = str(problem["ctx"]["error"])
        else:
            field = model.model_fields.get(column)
            allowed = (field.description if field else None) or "some text"
        raise _not_allowed(name, line, column, row[column], allowed) from error


def _not_allowed(name: str, line: int, column: str, value: str, allowed: str) -> LiteratureError:
    return LiteratureError(f"{name} line {line}: {column}={value}: allowed: {allowed}")
