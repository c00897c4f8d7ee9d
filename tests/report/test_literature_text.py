"""Published tables with our rows, as the terminal shows them."""

from pathlib import Path

import pytest
from published_study import Told, study_of, told

from lstm_bench.report.literature_text import literature_text


def members(status: str, steps: list[int], **metrics: float) -> list[Told]:
    return [told(status, n, **metrics) for n in steps]


def cells(line: str) -> list[str]:
    return [part.strip() for part in line.split("  ") if part.strip()]


def test_a_published_table_has_a_row_of_theirs_and_one_for_each_cell_of_ours(tmp_path: Path) -> None:
    by_cell = {
        ("temporal_order", "lstm_1997", 40): members("solved", [950, 975, 1000], eval_correct=1.0, confirm_correct=1.0),
        ("temporal_order", "rnn", 40): members("plateau", [4000] * 3, eval_correct=0.25),
        ("adding of 1997", "lstm", 250): members("solved", [1000, 1000], eval_correct=1.0, confirm_correct=1.0),
    }
    order, adding, note = literature_text(study_of(tmp_path / "s", by_cell)).split("\n\n")
    title, *lines = order.split("\n")
    assert title == "Hochreiter & Schmidhuber 1997, Table 9: temporal_order, 6a, lag 40"
    assert [cells(line) for line in lines] == [
        ["cell", "weights", "training sequences until solved", "wrong of 2,560 test sequences", "solved", "verdict"],
        ["published lstm_1997", "156", "31,390", "1", "solved"],
        ["lstm_1997", "20,041", "31,200 (30,400-32,000)", "0 (0-0)", "3/3", "open"],
        ["rnn", "5,449", ">= 128,000", "1,920 (1,920-1,920)", "0/3"],
    ]
    assert adding.startswith("Hochreiter & Schmidhuber 1997, Table 7: adding, hochreiter, lag 250\n")
    assert len(adding.split("\n")) == 4, "lags that were not run have no table"
    assert note.startswith("Ours: mean over members")


def test_a_cell_is_ruled_by_the_number_of_its_kind_and_verdicts_stand_in_the_order_of_the_numbers(
    tmp_path: Path,
) -> None:
    """RMSE at 100 and 200 beside a card's LSTM (0.0105, 0.0381) and GRU: ours is ruled by the first alone."""
    losses = [0.0105**2 * k for k in (0.8, 0.9, 1.0, 1.1, 1.2, 1.3)]
    cases = [Told("solved", 1000, {"eval/loss": loss}, {("loss", 2.0): 0.5 + loss}) for loss in losses]
    (table, text, note) = literature_text(study_of(tmp_path / "s", {("adding in halves", "lstm", 100): cases})).split(
        "\n\n"
    )
    heading, *rows = table.split("\n")[1:]
    assert [cells(row)[0] for row in rows] == ["published rnn", "published lstm", "published gru", "lstm"]
    assert "root mean squared error, at 200" in heading
    assert rows[-1].endswith("agrees | same outcome, other number | open")
    assert "share of answers within 0.1" in text and note


@pytest.mark.parametrize("task", ["copy of three", "adding of 1997"])
def test_where_nothing_was_published_at_the_lags_run_nothing_is_said(tmp_path: Path, task: str) -> None:
    assert literature_text(study_of(tmp_path / "s", {(task, "lstm", 7): members("solved", [1000])})) == ""
