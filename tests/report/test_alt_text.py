"""The alt text of a figure says what is drawn: cells, panels, axes, legend, and the finding."""

import pytest
from matplotlib.figure import Figure

from lstm_bench.analysis.frames import StudyData
from lstm_bench.report.alt_text import alt_text
from lstm_bench.report.figure_registry import FIGURES
from lstm_bench.report.panels import cell_entries, legend, panel_legend, row_axis
from lstm_bench.report.style import themed


@themed
def _two_panels() -> Figure:
    figure = Figure()
    left, right, corner = figure.subplots(1, 3)
    left.set(title="lag 2", xlabel="steps\nback", ylabel="norm")
    left.set_xticks([0, 1])
    right.set(xlabel="steps\nback")
    row_axis(right, ["rnn", "lstm"])
    corner.set(title="nothing to see", xlabel="nothing")
    corner.set_axis_off()
    figure.supylabel("share")
    legend(figure, cell_entries(["rnn", "lstm"], {"rnn": "red", "lstm": "blue"}))
    panel_legend(corner, cell_entries(["grey"], {"grey": "grey"}))
    return figure


def test_it_has_the_question_panels_axes_rows_legend_and_finding_each_once() -> None:
    assert alt_text(_two_panels(), "Which one?", "rnn 1 and lstm 2.") == (
        "Which one? Panels: lag 2. Horizontal: steps back. Vertical: share; norm; rnn, lstm. Legend: rnn; lstm; grey. "
        "rnn 1 and lstm 2."
    )


ABSENT = {"boundary", "learned_walk", "published", "same_word", "span_trials"}  # the sample study has no such rows


def test_the_sample_study_has_every_figure_but_a_few(sample: StudyData) -> None:
    assert {name for name, file in FIGURES.items() if file.rows(sample).empty} == ABSENT


@pytest.mark.parametrize("name", [name for name in FIGURES if name not in ABSENT])
def test_each_figure_of_a_study_names_its_cells_and_its_axes(sample: StudyData, name: str) -> None:
    file = FIGURES[name]
    figure, finding = file.draw(sample), file.finding(sample)
    text = alt_text(figure, file.QUESTION, finding)
    assert text.startswith(file.QUESTION) and text.endswith(finding)
    assert "lstm" in text.removesuffix(finding)
    assert "Horizontal: " in text and "Vertical: " in text
    assert "\n" not in text and "$" not in text


@pytest.mark.parametrize("name", FIGURES)
def test_each_figure_says_how_its_numbers_are_made(name: str) -> None:
    assert FIGURES[name].METHOD.endswith(".")
    assert FIGURES[name].QUESTION.endswith("?")
