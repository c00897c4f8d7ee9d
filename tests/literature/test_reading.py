"""Published results are complete, and what is not complete is refused by line and column."""

import csv
from pathlib import Path
from typing import get_args

import pytest

from lstm_bench.literature.reading import (
    COLUMNS,
    DIALECTS,
    NO_DIALECT,
    UNSPECIFIED,
    LiteratureError,
    Source,
    own_results,
    own_table,
    published_results,
    read_results,
    read_sources,
)
from lstm_bench.tasks.copy import Dialect as CopyDialect
from lstm_bench.tasks.dialects import DIALECTS as ADDING_DIALECTS
from lstm_bench.tasks.reber import Dialect as ReberDialect
from lstm_bench.tasks.temporal_order import Dialect as OrderDialect

MAY_BE_EMPTY = ("settings", "lag", "n_parameters", "length", "baseline", "solved")
SOURCES = {"A 2020": Source(source="A 2020", citation="A 2020, a title", url="https://example.org")}
GOOD = {
    "source": "A 2020", "task": "adding", "dialect": "half", "settings": "", "cell": "lstm", "lag": "100",
    "n_parameters": "4641", "metric": "mse", "length": "", "value": "<0.01", "baseline": "0.1667", "solved": "yes",
    "where": "Table 1", "runs": "one run", "model": "H = 32", "training": "Adam", "data": "fresh", "stopping": "never",
}  # fmt: skip


def written(path: Path, **changes: str) -> Path:
    table = path / "mine.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerow(GOOD)
        writer.writerow(GOOD | changes)
    return table


@pytest.mark.parametrize("result", published_results(), ids=lambda r: f"{r.source.name} {r.task} {r.cell} {r.metric}")
def test_every_row_of_the_package_is_complete(result) -> None:
    assert result.source.citation and result.source.url.startswith("https://")
    assert result.where and all(result.protocol.values())
    if result.dialect != NO_DIALECT:
        assert result.lag is not None
        assert result.solved is not None or result.metric in ("rmse", "share_within_0.1", "share_solved")
        assert result.n_parameters is not None or result.source.name == "LEM repository"


def test_the_package_has_every_publication_and_each_number_once() -> None:
    rows = published_results()
    assert {row.source.name for row in rows} == {
        "Bai 2018", "LEM repository", "Collins 2017", "Gers 2000", "Hochreiter & Schmidhuber 1997",
        "LSTM Time Capsule",
    }  # fmt: skip
    keys = [(r.source.name, r.task, r.dialect, r.cell, r.lag, r.metric, r.length, r.where) for r in rows]
    assert len(keys) == len(set(keys))


def test_some_numbers_as_they_were_published() -> None:
    results = {(r.source.name, r.task, r.dialect, r.cell, r.lag, r.metric, r.length): r for r in published_results()}
    assert results["Bai 2018", "adding", "anywhere", "gru", 600, "mse", None].value == 5.3e-5
    assert results["Bai 2018", "copy", "bai", "lstm", 50, "recall_accuracy", None].shown == "< 0.2"
    assert results["Bai 2018", "copy", "bai", "gru", 200, "recall_accuracy", None].shown == "< 0.2"
    assert results["Bai 2018", "copy", "bai", "tcn", 1000, "ce_all_positions", None].n_parameters == 13_000
    assert results["LEM repository", "adding", "half", "lem", 10_000, "mse", None].value == 2.4e-5
    assert results["Gers 2000", "reber", "single", "lstm_1997", 5, "share_solved", None].value == 0.74
    paper = "Hochreiter & Schmidhuber 1997"
    to_solve = "training_sequences_to_solve"
    assert results[paper, "temporal_order", "6b", "lstm_1997", 24, to_solve, None].value == 571_100
    assert results["LSTM Time Capsule", "adding", "unspecified", "gru", 100, "rmse", 400].value == 0.4264


def test_the_dialects_are_those_of_the_tasks() -> None:
    assert set(DIALECTS["copy"]) == set(get_args(CopyDialect))
    assert set(DIALECTS["adding"]) == {*ADDING_DIALECTS, UNSPECIFIED}
    assert set(DIALECTS["temporal_order"]) == set(get_args(OrderDialect))
    assert set(DIALECTS["reber"]) == set(get_args(ReberDialect))


def test_a_good_row_is_read_as_it_stands(tmp_path: Path) -> None:
    first, second = read_results(written(tmp_path), SOURCES)
    assert first == second
    assert first.model_dump() == {
        "source": SOURCES["A 2020"].model_dump(), "task": "adding", "dialect": "half", "settings": {}, "cell": "lstm",
        "lag": 100, "n_parameters": 4641, "metric": "mse", "length": None, "value": 0.01, "bound": "<",
        "baseline": 0.1667, "solved": True, "where": "Table 1",
        "runs": "one run", "model": "H = 32", "training": "Adam", "data": "fresh", "stopping": "never",
    }  # fmt: skip
    assert list(first.protocol.values()) == ["one run", "H = 32", "Adam", "fresh", "never"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source": ""}, "mine.csv line 3: source=: allowed: A 2020"),
        ({"source": "B 2021"}, "mine.csv line 3: source=B 2021: allowed: A 2020"),
        ({"task": "juggling"}, "mine.csv line 3: task=juggling: allowed: copy, adding, multiplication, "),
        ({"dialect": "third"}, "mine.csv line 3: dialect=third: allowed: half, anywhere, hochreiter, unspecified for "),
        ({"settings": "ten"}, "mine.csv line 3: settings=ten: allowed: key=value; key=value"),
        ({"metric": "luck"}, "mine.csv line 3: metric=luck: allowed: mse, rmse, "),
        ({"value": "low"}, "mine.csv line 3: value=low: allowed: a number, or < or > and a number"),
        ({"value": "nan"}, "mine.csv line 3: value=nan: allowed: a number, or < or > and a number"),
        ({"lag": "0"}, "mine.csv line 3: lag=0: allowed: an integer of at least 1"),
        ({"lag": "1.0"}, "mine.csv line 3: lag=1.0: allowed: an integer of at least 1"),
        ({"n_parameters": "0"}, "mine.csv line 3: n_parameters=0: allowed: an integer of at least 1"),
        ({"length": "+5"}, "mine.csv line 3: length=+5: allowed: an integer of at least 1"),
        ({"solved": "true"}, "mine.csv line 3: solved=true: allowed: yes, no, or nothing"),
        ({"baseline": "inf"}, "mine.csv line 3: baseline=inf: allowed: a number, or nothing"),
        ({"lag": ""}, "mine.csv line 3: lag=: allowed: an integer of at least 1"),
        ({"baseline": "chance"}, "mine.csv line 3: baseline=chance: allowed: a number, or nothing"),
        ({"solved": "maybe"}, "mine.csv line 3: solved=maybe: allowed: yes, no, or nothing"),
    ],
)
def test_a_bad_value_is_named_with_its_line_and_column(tmp_path: Path, changes: dict[str, str], message: str) -> None:
    with pytest.raises(LiteratureError) as refused:
        read_results(written(tmp_path, **changes), SOURCES)
    assert str(refused.value).startswith(message)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("column", [name for name in COLUMNS if name not in MAY_BE_EMPTY])
def test_an_empty_value_is_refused_where_something_must_stand(tmp_path: Path, column: str) -> None:
    with pytest.raises(LiteratureError, match=rf"^mine\.csv line 3: {column}=: allowed: "):
        read_results(written(tmp_path, **{column: " "}), SOURCES)


def test_a_table_without_the_columns_or_none_at_all_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(LiteratureError, match=r"other\.csv: columns a, b: allowed: source, task, "):
        read_results(tmp_path / "other.csv", SOURCES)
    with pytest.raises(LiteratureError, match=r"none\.csv: .*allowed: a table in UTF-8"):
        read_results(tmp_path / "none.csv", SOURCES)
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(LiteratureError, match=r"bytes\.csv: .*allowed: a table in UTF-8"):
        read_results(tmp_path / "bytes.csv", SOURCES)
    (tmp_path / "sources.csv").write_text("source,citation,url\nA 2020,,https://example.org\n")
    with pytest.raises(LiteratureError, match=r"^sources\.csv line 2: citation=: allowed: some text$"):
        read_sources(tmp_path / "sources.csv")


def own(path: Path, **changes: str) -> Path:
    table = path / "own.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, (*COLUMNS, "citation", "url"))
        writer.writeheader()
        writer.writerow(GOOD | {"citation": "A 2020, a title", "url": "https://example.org"} | changes)
    return table


def test_a_table_of_ones_own_brings_its_sources(tmp_path: Path) -> None:
    (row,) = own_results(own_table(own(tmp_path)))
    assert row.source == SOURCES["A 2020"]
    assert row.shown == "< 0.01"


def test_a_comma_that_splits_a_text_in_two_is_refused(tmp_path: Path) -> None:
    table = own(tmp_path)
    table.write_text(table.read_text().replace('"A 2020, a title"', "A 2020, a title"))
    with pytest.raises(
        LiteratureError, match=r"^own\.csv line 2: one value too many, https://example\.org: allowed: \d+ values"
    ):
        own_table(table)


@pytest.mark.parametrize("column", ["source", "citation", "url"])
def test_a_row_of_ones_own_without_a_source_is_refused(tmp_path: Path, column: str) -> None:
    with pytest.raises(LiteratureError, match=rf"^own\.csv line 2: {column}=: allowed: some text$"):
        own_table(own(tmp_path, **{column: ""}))
