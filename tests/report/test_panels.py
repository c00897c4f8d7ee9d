"""Legends, bands, reference lines and names of panels."""

import pytest
from matplotlib.figure import Figure

from lstm_bench.report.panels import (
    cell_entries,
    draw_band,
    half_octaves,
    legend,
    name_lines,
    new_figure,
    note_absent,
    reference_line,
    row_axis,
    small_panels,
)
from lstm_bench.report.style import themed


@themed
def _with_legend(cells: list[str]) -> Figure:
    figure = new_figure(2.0)
    legend(figure, cell_entries(cells, dict.fromkeys(cells, "black")))
    return figure


@pytest.mark.parametrize(
    ("cells", "columns"),
    [(["lstm"], 1), (["lstm", "rnn"], 2), ([f"c{k}" for k in range(6)], 4), (["a" * 40, "b" * 40, "c"], 2)],
)
def test_a_legend_has_as_many_columns_as_fit_and_is_read_row_by_row(cells: list[str], columns: int) -> None:
    (shown,) = _with_legend(cells).legends
    assert shown._ncols == columns
    down_columns = [text.get_text() for text in shown.get_texts()]
    assert down_columns == [cell for column in range(columns) for cell in cells[column::columns]]


def test_a_long_name_is_broken_after_underscores_and_spaces_alone() -> None:
    assert name_lines("lstm", 12) == ["lstm"]
    assert name_lines("lstm_no_forget_gate [gates]", 12) == ["lstm_no_", "forget_gate", "[gates]"]
    assert name_lines("lstm [a_name_too_long]", 6) == ["lstm", "[a_", "name_", "too_", "long]"]


def test_small_panels_leave_few_places_empty_and_label_the_lowest_of_each_column() -> None:
    for n, columns in ((1, 1), (4, 4), (5, 3), (6, 3), (7, 4)):
        _, places = small_panels(n, row_height=1.0)
        assert len(places) == n
        assert places[0].get_subplotspec().get_gridspec().ncols == columns
        lowest = [axes.xaxis.get_tick_params()["labelbottom"] for axes in places]
        assert lowest[-min(n, columns) :] == [True] * min(n, columns)


@themed
def test_a_band_a_line_and_rows_stand_where_their_numbers_are() -> None:
    axes = new_figure(2.0).subplots()
    draw_band(axes, [1, 2], [3, 4], ([2, 3], [4, 5]), "black")
    draw_band(axes, [1, 2], [3, 4], None, "black")
    reference_line(axes, y=0.5, name="even", side="right")
    assert len(axes.collections) == 1
    assert [list(line.get_ydata()) for line in axes.lines] == [[3, 4], [3, 4], [0.5, 0.5]]
    assert [text.get_text() for text in axes.texts] == ["even"]
    row_axis(axes, ["rnn", "lstm"])
    assert axes.get_ylim() == (1.5, -0.5)


def test_few_absent_cells_are_named_and_many_are_counted() -> None:
    axes = new_figure(2.0).subplots()
    for cells in ([], ["rnn"], ["a", "b", "c"]):
        note_absent(axes, "no curve", cells)
    assert [text.get_text() for text in axes.texts] == ["no curve:\nrnn", "no curve:\n3 cells"]


def test_ticks_of_ragged_lags_keep_half_an_octave_apart():
    assert half_octaves([4, 8, 10, 11, 13, 16, 19, 23, 27, 32, 64, 128]) == [128, 64, 32, 19, 13, 8, 4]
