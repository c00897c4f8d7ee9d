"""The figures of memory: what their findings say, and that they can be drawn of whole and of broken studies."""

import dataclasses
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from matplotlib.patches import Rectangle
from synthetic_study import make_study

from lstm_bench.analysis.frames import StudyData, load_study
from lstm_bench.analysis.memory_horizons import horizon_estimates
from lstm_bench.report import style
from lstm_bench.report.figures import (
    forgetting,
    gate_traces,
    learning_curves,
    length_generalisation,
    solve_rate,
    spans,
    state_and_gates,
    tuning,
)

ALL: Sequence[Any] = (spans, forgetting, length_generalisation, state_and_gates, gate_traces)
Make = Callable[..., StudyData]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(style, "PNG_DPI", 20)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def made(**settings: object) -> StudyData:
        make_study(tmp_path / "s", tuned=False, timed=False, **settings)
        return load_study(tmp_path / "s")

    return made


def drawn(figure: Any, study: StudyData, folder: Path) -> float:
    """Draw a figure, and return its height in inches."""
    made = figure.draw(study)
    assert style.save(made, folder, "figure").startswith("<?xml")
    return float(made.get_size_inches()[1])


def test_the_mark_of_a_bound_stands_at_the_bound(sample: StudyData) -> None:
    lines = [line for axes in spans.draw(sample).axes for line in axes.lines]
    marks = {float(line.get_xdata()[0]) for line in lines if line.get_marker() == "|"}
    bounds = {
        estimate.middle
        for estimates in horizon_estimates(sample).values()
        for estimate in estimates
        if estimate.censored and estimate.unit == "steps" and math.isfinite(estimate.middle)
    }
    assert 38 in bounds
    assert marks == bounds


def test_findings_are_stated_in_numbers(sample: StudyData) -> None:
    text = spans.finding(sample)
    assert "; gradient horizon >= 38 (lstm, lag 32); " in text
    assert "Linear capacity, lag 32, in inputs, at the start, then trained: lstm 10 (7.9-15)" in text
    assert "; forgetting half-life 28 (lstm)" in text
    assert "lstm 28 steps (lag 8, 2.5x the 11 trained on) and rnn >= 11 steps (lag 2)" in forgetting.finding(sample)
    assert "lstm 0.99 (0.99-0.99) at 1x and " in length_generalisation.finding(sample)
    assert "most often open i (20% then 20%), most often shut i (10% then 10%)" in state_and_gates.finding(sample)
    assert "rnn: no gates" in state_and_gates.finding(sample)
    assert "i 0.50 throughout" in gate_traces.finding(sample)


def legend_of(figure: Any, study: StudyData) -> list[str]:
    """Return the texts of the legend above a figure."""
    return [text.get_text() for legend in figure.draw(study).legends for text in legend.get_texts()]


def shaded(study: StudyData) -> int:
    """Return how many stretches of steps are shaded in the first panel of the traces of gates."""
    return sum(isinstance(patch, Rectangle) for patch in gate_traces.draw(study).axes[0].patches)


def test_what_the_lines_and_stretches_of_a_panel_mean_is_told_in_it(sample: StudyData) -> None:
    assert "distance trained on" in legend_of(forgetting, sample)
    assert shaded(sample) == 2, "cues and answers"


@pytest.mark.parametrize("figure", ALL)
def test_every_figure_has_rows_with_its_study_and_a_finding(figure: Any, sample: StudyData, tmp_path: Path) -> None:
    assert set(figure.rows(sample)["study"]) == {"sample"}
    assert "nan" not in figure.finding(sample).lower().replace("finan", "")
    assert drawn(figure, sample, tmp_path) < 10


@pytest.mark.parametrize("figure", ALL)
def test_twelve_cells_some_absent_fit(figure: Any, twelve_cells: StudyData, tmp_path: Path) -> None:
    assert drawn(figure, twelve_cells, tmp_path) >= drawn(figure, make_few(twelve_cells), tmp_path)
    assert len(figure.finding(twelve_cells)) < 1000


def make_few(study: StudyData) -> StudyData:
    """Return a study of its first cell alone."""
    jobs = [job for job in study.plan.jobs if job.cell == study.cells[0]]
    return dataclasses.replace(study, plan=dataclasses.replace(study.plan, jobs=jobs))


@pytest.mark.parametrize("figure", ALL)
def test_a_study_without_probes_says_so(figure: Any, make: Make, tmp_path: Path) -> None:
    study = make(lags=(2, 4), n_seeds=2, probed=False)
    if figure is spans:  # the learned span needs no probe
        assert set(figure.rows(study)["lens"]) == {"learned span"}
        drawn(figure, study, tmp_path)
    else:
        assert figure.rows(study).empty
        assert "not measured" in figure.finding(study)


@pytest.mark.parametrize("figure", [*ALL, solve_rate, learning_curves, tuning])
def test_a_study_without_training_says_so_or_shows_the_start(figure: Any, make: Make, tmp_path: Path) -> None:
    study = make(lags=(2, 4), n_seeds=2, trained=False)
    if figure.rows(study).empty:
        assert figure.finding(study).startswith("Nothing was trained")
    else:
        assert figure in (spans, state_and_gates, gate_traces)
        assert "then" not in figure.finding(study)
        drawn(figure, study, tmp_path)


def test_no_member_solved(make: Make) -> None:
    study = make(lags=(2, 4), n_seeds=2, outcome=lambda *_: "plateau")
    assert length_generalisation.rows(study).empty
    assert "No member solved its lag" in length_generalisation.finding(study)
    assert "most members recall less than half at every distance" in forgetting.finding(study)


def test_cells_without_gates_have_no_figure_of_them(make: Make) -> None:
    study = make(cells=["rnn"], lags=(2,), n_seeds=1)
    for figure in (state_and_gates, gate_traces):
        assert figure.rows(study).empty
        assert figure.finding(study) == "No gates in rnn."


def test_scores_below_the_axis_stand_at_its_edge(sample: StudyData, tmp_path: Path) -> None:
    probes = sample.probes.copy()
    probes.loc[(probes["probe"] == "length_generalisation") & (probes["at"] == 4), "value"] = -30.0
    study = dataclasses.replace(sample, probes=probes)
    figure = length_generalisation.draw(study)
    assert figure.axes[0].get_ylim()[0] > -1
    assert "-30 (-30 to -30) at 4x" in length_generalisation.finding(study)


def test_a_cell_that_recalls_only_where_it_was_trained_is_told(sample: StudyData) -> None:
    probes = sample.probes.copy()
    short = (probes["probe"] == "forgetting") & (probes["at"] < probes["lag"] + 3) & (probes["cell"] == "lstm")
    probes.loc[short, "value"] = 0.1
    text = forgetting.finding(dataclasses.replace(sample, probes=probes))
    assert "lstm falls below one half also at distances shorter than that trained on." in text
    assert "falls under" not in forgetting.finding(sample)


def test_on_adding_every_distance_was_trained(make: Make, tmp_path: Path) -> None:
    study = make(lags=(4, 8), tasks=("adding",))
    assert "distance trained on" not in legend_of(forgetting, study)
    assert "implied window " in spans.finding(study)
    assert shaded(study) == 0
    for figure in ALL:
        drawn(figure, study, tmp_path)
