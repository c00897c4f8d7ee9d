"""What a report says of published numbers: the table, the figure, the protocols and the sources."""

import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from published_study import Told, study_of, told

from lstm_bench.analysis.frames import StudyData
from lstm_bench.report import style
from lstm_bench.report.build import write_report
from lstm_bench.report.document import Table
from lstm_bench.report.figures import learning_curves, length_generalisation, published, solve_rate
from lstm_bench.report.pages.literature import literature_blocks


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(style, "PNG_DPI", 20)
    yield


def members(status: str, steps: int, n: int = 6, **metrics: float) -> list[Told]:
    return [told(status, steps + 10 * k, **metrics) for k in range(n)]


@pytest.fixture
def study(tmp_path: Path) -> StudyData:
    """The cell of 1997 solves 6a as published, today's LSTM too, and an RNN does not; adding at one lag of three."""
    right = {"eval_correct": 1.0, "confirm_correct": 0.9997}
    return study_of(
        tmp_path / "met",
        {
            ("temporal_order", "lstm", 40): members("solved", 2000, **right),
            ("temporal_order", "lstm_1997", 40): members("solved", 950, **right),
            ("temporal_order", "rnn", 40): members("plateau", 4000, eval_correct=0.25),
            ("adding of 1997", "lstm_1997", 50): members("solved", 2300, eval_correct=1.0, confirm_correct=0.9996),
        },
    )


def test_the_table_has_a_row_for_each_number_and_a_column_for_each_cell(study: StudyData) -> None:
    order, _ = study.by_task()
    table = literature_blocks(order)[0]
    assert isinstance(table, Table)
    assert [heading for heading, _ in table.headings] == ["Number", "Published", "lstm", "lstm_1997", "rnn"]
    to_solve, wrong = table.rows
    assert to_solve[0].text == "Training sequences until solved, lag 40"
    assert (to_solve[1].text, to_solve[1].below) == ("31,390", ("lstm_1997", "solved"))
    assert to_solve[3].text == "31,200"
    assert to_solve[3].below[1] == "6/6 solved" and to_solve[3].below[-1] == "agrees"
    assert to_solve[4].text == ">= 128,800" and "0/6 solved" in to_solve[4].below
    assert wrong[0].text == "Wrong of 2,560 test sequences, lag 40"
    assert wrong[4].text == "1,920"
    assert "agrees" not in (*to_solve[2].below, *to_solve[4].below), "another kind of cell is not ruled on"


def test_numbers_at_lags_that_were_not_run_are_told_of_in_the_finding_alone(study: StudyData) -> None:
    _, adding = study.by_task()
    table = literature_blocks(adding)[0]
    assert isinstance(table, Table)
    assert [row[0].text for row in table.rows] == [
        "Training sequences until solved, lag 50", "Wrong of 2,560 test sequences, lag 50",
    ]  # fmt: skip
    assert "Published at lags that were not run: 250 and 500." in published.finding(adding)


def test_the_finding_counts_the_verdicts(study: StudyData) -> None:
    text = published.finding(study.by_task()[0])
    assert text.startswith("Comparisons with published numbers of the same kind of cell, by verdict: agrees 2.")
    assert "Hochreiter & Schmidhuber 1997" in legend_of(published.draw(study.by_task()[0]))


def legend_of(figure: Figure) -> list[str]:
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def hollow(axes: Axes, marker: str = "D") -> list[tuple[float, float]]:
    lines = [line for line in axes.lines if line.get_marker() == marker and line.get_markerfacecolor() == "none"]
    return [(float(line.get_xdata()[0]), float(line.get_ydata()[0])) for line in lines]


def test_the_figure_has_a_lane_for_each_cell_and_a_hollow_point_in_that_of_the_kind(study: StudyData) -> None:
    to_solve, wrong = published.draw(study.by_task()[0]).axes
    assert [label.get_text() for label in to_solve.get_yticklabels()] == ["lstm", "lstm_1997", "rnn"]
    for axes, value in ((to_solve, 31_390), (wrong, 1)):
        assert hollow(axes) == [(value, axes.get_yticks()[1])]
    order = study.by_task()[0].of_cells(["rnn"])
    assert [label.get_text() for label in published.draw(order).axes[0].get_yticklabels()] == [
        "rnn", "lstm_1997, published",
    ]  # fmt: skip


def test_figures_of_a_study_carry_what_was_published_at_their_place(study: StudyData, tmp_path: Path) -> None:
    below = solve_rate.draw(study.by_task()[0]).axes[1]
    assert hollow(below) == [(40, 1)], "the middle one of three cells stands at its lag"
    assert "published (Hochreiter & Schmidhuber 1997)" in legend_of(solve_rate.draw(study.by_task()[0]))
    members = [
        Told("solved", 1000, {"eval/loss": 0.01}, {("score", k): 0.9 for k in (1.0, 2.0, 4.0)}) for _ in range(3)
    ]
    lengths = study_of(tmp_path / "lengths", {("adding in halves", "gru", 100): members})
    axes = length_generalisation.draw(lengths).axes[0]
    marked = hollow(axes)
    card = (0.3855, 0.4010, 0.4056, 0.0105, 0.0381, 0.1050, 0.0129, 0.1980)
    assert sorted(y for _, y in marked) == pytest.approx(sorted(1 - 6 * rmse**2 for rmse in card), abs=1e-6)
    aside = 2**length_generalisation.DODGE
    assert {x for x, _ in marked} == {1, 2, aside, 2 * aside, 4 * aside}, "cells that were not run stand aside"
    assert hollow(axes, "v") == [(4, axes.get_ylim()[0])], "1 - 6 0.4264^2 is off the scale"
    shares = hollow(learning_curves.draw(lengths).axes[0])
    assert sorted(y for _, y in shares) == pytest.approx([6 * rmse**2 for rmse in (0.0105, 0.0129, 0.3855)], abs=1e-6)


def test_the_report_links_every_source_and_nothing_else_outside(study: StudyData, tmp_path: Path) -> None:
    report = write_report(study, tmp_path / "reports").parent
    html, markdown = (report / "report.html").read_text(), (report / "report.md").read_text()
    assert set(re.findall(r'(?:href|src)="(\w+:[^"]+)"', html)) == {"https://doi.org/10.1162/neco.1997.9.8.1735"}
    assert "Neural Computation 9(8): 1735-1780" in html and "<https://doi.org/10.1162/neco.1997.9.8.1735>" in markdown
    for text in (html, markdown):
        assert "plain gradient descent at 0.5, one sequence at a time, no clipping" in text
        assert "Do the results agree with those published?" in text
    assert (report / "figures" / "temporal_order_6a_published.png").stat().st_size > 1000
    rows = pd.read_csv(report / "tables" / "published.csv")
    assert set(rows["verdict"]) == {"agrees", "another cell", "not run"}


def test_where_nothing_was_published_the_report_says_nothing_of_it(tmp_path: Path) -> None:
    study = study_of(tmp_path / "unmet", {("copy of three", "lstm", 7): members("solved", 2000)})
    assert literature_blocks(study) == []
    assert published.finding(study) == ""
    html = write_report(study, tmp_path / "reports").read_text()
    assert "published" not in html[html.index("<h1>") : html.index('id="definitions"')]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("status", ["failed", "plateau", "solved"])
def test_studies_with_little_to_show_can_be_drawn(tmp_path: Path, status: str) -> None:
    members = [Told(status, 4000, {} if status == "failed" else {"eval/loss": 0.02, "eval/correct": 1.0})]
    study = study_of(tmp_path / "little", {("adding of 1997", "lstm_1997", 250): members})
    figure = published.draw(study)
    assert style.save(figure, tmp_path, "figure").startswith("<?xml")
    assert literature_blocks(study) != []
    assert published.finding(study)
