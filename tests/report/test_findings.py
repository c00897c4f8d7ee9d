"""What findings share: the cells at both ends of many, and rows by cell."""

import pandas as pd

from lstm_bench.analysis.frames import StudyData
from lstm_bench.report.figures.findings import by_cell, joined, not_measured
from lstm_bench.report.figures.table_rows import absent_cells, rows_by_cell, rows_where


def test_few_cells_are_all_named_in_their_order() -> None:
    texts = {"rnn": "3", "lstm": "14", "gru": "14"}
    assert by_cell(texts, lambda cell: -float(texts[cell])) == ["rnn 3", "lstm 14", "gru 14"]
    assert by_cell(texts, len, "{text} ({cell})") == ["3 (rnn)", "14 (lstm)", "14 (gru)"]


def test_of_many_cells_the_two_at_each_end_are_named() -> None:
    texts = {f"cell{number}": str(number) for number in (5, 1, 6, 3, 2, 4)}
    assert by_cell(texts, lambda cell: -int(texts[cell])) == [
        "cell6 6", "cell5 5", "2 cells between", "cell2 2", "cell1 1",
    ]  # fmt: skip


def test_what_is_the_same_for_many_cells_is_said_once() -> None:
    assert by_cell({f"cell{number}": "none" for number in range(5)}, len) == ["every cell none"]
    assert by_cell({}, len) == []


def test_sentences_and_gaps() -> None:
    assert joined("One.", "", "Two.") == "One. Two."
    assert not_measured(["rnn", "gru"]) == "Not measured: rnn and gru."
    assert not_measured([]) == ""


def test_rows_by_label_and_by_cell(sample: StudyData) -> None:
    table = pd.DataFrame({"cell": ["rnn", "rnn", "other"], "lag": [2, 8, 2]})
    assert rows_where(table, cell="rnn", lag=8).index.tolist() == [1]
    assert {cell: len(rows) for cell, rows in rows_by_cell(sample, table).items()} == {"rnn": 2}
    assert absent_cells(sample, table) == ["lstm"]
