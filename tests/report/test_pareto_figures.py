"""The Pareto figures: what is drawn is what the rows say."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import synthetic_study
from synthetic_study import SyntheticCell, make_study

from lstm_bench.analysis.frames import load_study
from lstm_bench.report import build
from lstm_bench.report.figures import pareto_flops, pareto_state
from lstm_bench.report.pages import study as study_page

Make = Callable[..., Path]
REACH = {"lstm_far": 40.0, "lstm_near": 5.0, "rnn_small": 9.0, "rnn_tiny": 4.0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make]:
    """Return a function that writes a study, each once."""
    with pytest.MonkeyPatch.context() as patched:
        for place, (name, reach) in enumerate(REACH.items()):
            patched.setitem(synthetic_study.CELLS, name, SyntheticCell(4, reach, 0.6, 0.9, 9e4, 64 >> place))

        @cache
        def made(tasks: tuple[str, ...] = ("copy",), lags: tuple[int, ...] = (2, 4, 8, 16)) -> Path:
            place = tmp_path_factory.mktemp("runs") / "zoo"
            make_study(place, cells=tuple(REACH), lags=lags, n_seeds=3, held=True, tasks=tasks, tuned=False)
            return place

        yield made


@pytest.mark.parametrize("figure", [pareto_flops, pareto_state])
def test_a_panel_a_task_with_the_front_as_a_step_line(folder: Make, figure: object) -> None:
    study = load_study(folder(tasks=("copy", "adding")))
    rows = figure.rows(study)  # type: ignore[attr-defined]
    panels = [axes for axes in figure.draw(study).axes if axes.axison]  # type: ignore[attr-defined]
    assert [axes.get_title(loc="left").split(" (")[0] for axes in panels] == ["copy", "adding"]
    for axes, (_, of_task) in zip(panels, rows.groupby("task", sort=False), strict=True):
        names = {text.get_text() for text in axes.texts} - {""}
        assert names == set(of_task["cell"])
        line = max((np.array(line.get_xydata()) for line in axes.lines), key=len)
        front = of_task.loc[of_task["on_front"]].sort_values("price")
        assert len(line) == 2 * len(front)  # each point, and where its level stretch ends
        assert {*map(tuple, front[["price", "distance"]].to_numpy())} <= {*map(tuple, line)}
        moves = np.diff(line, axis=0)
        assert ((moves == 0).sum(axis=1) >= 1).all()  # level or upright
        assert (moves >= 0).all()


def test_the_caption_names_the_front(folder: Make) -> None:
    study = load_study(folder())
    front = pareto_state.rows(study).loc[lambda rows: rows["on_front"]].sort_values("price")["cell"].tolist()
    assert front[-1] == "lstm_far"
    assert f": {', '.join(front[:-1])} and lstm_far on copy." in pareto_state.finding(study)


def test_the_caption_counts_lower_bounds_that_may_belong_on_the_front(folder: Make) -> None:
    study = load_study(folder(lags=(2, 4)))
    rows = pareto_flops.rows(study)
    n = int((~rows["on_front"] & ((rows["span_outcome"] == "above") | rows["budget_limited"])).sum())
    assert n > 0
    assert f"Off the front, {n} span" in pareto_flops.finding(study)


def test_a_task_of_one_lag_is_in_the_table_and_in_no_figure(folder: Make) -> None:
    study = load_study(folder(lags=(8,)))
    assert pareto_flops.rows(study).empty
    assert pareto_flops.finding(study) == ""


def test_the_page_has_the_table_and_both_figures(folder: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (build, study_page):
        monkeypatch.setattr(module, "FIGURES", {})  # the others take a minute
    report = build.build_report(folder(), tmp_path / "reports")
    text = (report.parent / "report.md").read_text()
    assert "## Span and cost" in text
    assert "State<br>numbers a sequence" in text
    assert {path.name for path in (report.parent / "figures").glob("pareto_*")} == {
        f"pareto_{price}.{ending}" for price in ("flops", "state") for ending in ("png", "svg")
    }
    assert len((report.parent / "tables" / "span_costs.csv").read_text().splitlines()) == 1 + len(REACH)
