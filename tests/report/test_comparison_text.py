"""The comparison as the terminal shows it: the numbers of the tables, in columns."""

from pathlib import Path

import pytest
from synthetic_study import make_study

from lstm_bench.analysis.frames import StudyData, load_study
from lstm_bench.analysis.solving import spans
from lstm_bench.report.comparison_text import BARS, NOTE, comparison_text


def study(folder: Path, **settings: object) -> StudyData:
    make_study(folder, **settings)  # type: ignore[arg-type]
    return load_study(folder)


def solves_below(lag_of: dict[str, int]) -> object:
    """Return an outcome: at the lag of its cell two of four members solve, below it all, above it none."""
    return lambda cell, lag, seed: "solved" if lag < lag_of[cell] or (lag == lag_of[cell] and seed < 2) else "plateau"


def entries(line: str) -> list[str]:
    return [part.strip() for part in line.split("  ") if part.strip()]


def test_cells_stand_side_by_side_with_span_parameters_speed_and_steps(tmp_path: Path) -> None:
    outcome = solves_below({"rnn": 4, "lstm": 16})
    data = study(tmp_path / "s", cells=["lstm", "rnn"], lags=[2, 4, 8, 16, 32], n_seeds=4, outcome=outcome, held=True)
    table, curve, note = comparison_text(data).split("\n\n")
    title, heading, lstm, rnn = table.splitlines()
    assert title == "copy (arjovsky, 3 symbols), matched hidden size (H = 64)"
    assert entries(heading) == [
        *("cell", "holds for, steps (95%)", "T50, lag (95%)", "parameters", "sequences/s", "steps to solve")
    ]
    for line, cell in ((lstm, "lstm"), (rnn, "rnn")):
        assert entries(line)[:1] == [cell]
        assert spans(data)[cell].text in entries(line)[2]
    assert entries(curve.splitlines()[0]) == ["solved at lag", "2", "4", "8", "16", "32"]
    assert entries(curve.splitlines()[1]) == ["lstm", "█ 4/4", "█ 4/4", "█ 4/4", "▅ 2/4", "▁ 0/4"]
    assert entries(curve.splitlines()[2]) == ["rnn", "█ 4/4", "▅ 2/4", "▁ 0/4", "▁ 0/4", "▁ 0/4"]
    assert note == NOTE


def test_what_was_not_tried_or_never_solved_is_a_dash(tmp_path: Path) -> None:
    def outcome(cell: str, lag: int, seed: int) -> str:
        return "missing" if (cell, lag) == ("rnn", 8) else "plateau"

    text = comparison_text(study(tmp_path / "s", lags=[4, 8], n_seeds=2, outcome=outcome, timed=False))
    rnn = next(line for line in text.split("\n\n")[0].splitlines() if line.startswith("rnn"))
    assert entries(rnn)[-2:] == ["-", "-"]
    curve = next(line for line in text.split("\n\n")[1].splitlines() if line.startswith("rnn"))
    assert entries(curve) == ["rnn", "▁ 0/2", "-"]


def test_many_lags_are_set_in_lines_of_ten(tmp_path: Path) -> None:
    lags = list(range(1, 13))
    text = comparison_text(study(tmp_path / "s", cells=["rnn"], lags=lags, n_seeds=1, tuned=False, timed=False))
    first, second = (entries(block.splitlines()[0]) for block in text.split("\n\n")[1:3])
    assert (first, second) == (
        ["solved at lag", *map(str, lags[:10])],
        ["solved at lag", *map(str, lags[10:])],
    )
    assert max(map(len, text.splitlines())) <= 100


def test_each_task_has_tables_of_its_own(tmp_path: Path) -> None:
    text = comparison_text(study(tmp_path / "s", tasks=("copy", "adding"), lags=[2, 4], n_seeds=1, tuned=False))
    titles = [block.splitlines()[0] for block in text.split("\n\n")]
    assert [title.split(" ")[0] for title in titles if "matched" in title] == ["copy", "adding"]


def test_a_study_without_training_has_nothing_to_compare(tmp_path: Path) -> None:
    assert comparison_text(study(tmp_path / "s", trained=False, n_seeds=1)) == ""


@pytest.mark.parametrize(("solved", "bar"), [(0, BARS[0]), (3, BARS[3]), (4, BARS[4]), (7, BARS[7])])
def test_a_bar_is_as_high_as_the_share_that_solves(tmp_path: Path, solved: int, bar: str) -> None:
    def outcome(_cell: str, _lag: int, seed: int) -> str:
        return "solved" if seed < solved else "plateau"

    data = study(tmp_path / "s", cells=["rnn"], lags=[4], n_seeds=7, outcome=outcome, tuned=False, timed=False)
    assert comparison_text(data).split("\n\n")[1].splitlines()[1].endswith(f"{bar} {solved}/7")
