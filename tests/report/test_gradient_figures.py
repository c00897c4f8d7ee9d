"""The figures of gradients: what their findings say, and that they can be drawn of whole and of broken studies."""

import dataclasses
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure
from synthetic_study import make_study

from lstm_bench.analysis.comparison import comparison
from lstm_bench.analysis.frames import StudyData, load_study
from lstm_bench.analysis.gradients import THOUSANDTH, horizon, longest_lag_with_flow
from lstm_bench.analysis.statistics import Interval
from lstm_bench.metrics import FINAL
from lstm_bench.report import style
from lstm_bench.report.figures import (
    gradient_bounds,
    gradient_flow,
    gradient_milestones,
    gradient_paths,
    state_gradients,
)
from lstm_bench.report.figures.gradient_words import horizon_words, kept_words, steps_words
from lstm_bench.report.pages.comparison import comparison_table

ALL: Sequence[Any] = (gradient_flow, gradient_paths, gradient_bounds, gradient_milestones, state_gradients)
Make = Callable[..., StudyData]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def made(**settings: object) -> StudyData:
        make_study(tmp_path / "s", tuned=False, timed=False, **settings)
        return load_study(tmp_path / "s")

    return made


def started(study: StudyData) -> StudyData:
    """Return a study as it is when nothing was trained."""
    metrics = study.results["metric"].str
    is_later = metrics.endswith("_final") | metrics.contains(r"_at_\d+$")
    jobs = [dataclasses.replace(job, steps=0) for job in study.plan.jobs]
    return dataclasses.replace(
        study,
        plan=dataclasses.replace(study.plan, jobs=jobs),
        members=study.members.assign(steps=0.0, status="untrained"),
        probes=study.probes.loc[study.probes["moment"] == "initial"],
        results=study.results.loc[~is_later],
    )


@pytest.fixture(autouse=True)
def coarse(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(style, "PNG_DPI", 20)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def drawn(module: Any, study: StudyData, folder: Path) -> Figure:
    figure: Figure = module.draw(study)
    assert style.save(figure, folder, "figure").startswith("<?xml")
    return figure


@pytest.mark.parametrize("module", ALL)
def test_each_can_be_drawn_has_words_and_rows(module: Any, sample: StudyData, tmp_path: Path) -> None:
    drawn(module, sample, tmp_path)
    assert len(module.rows(sample))
    assert module.rows(sample)["study"].eq("sample").all()
    assert "nan" not in module.finding(sample)


@pytest.mark.parametrize("module", ALL)
def test_many_cells_with_gaps(module: Any, twelve_cells: StudyData, tmp_path: Path) -> None:
    drawn(module, twelve_cells, tmp_path)
    finding = module.finding(twelve_cells)
    assert "nan" not in finding
    assert len(finding) < 1600


@pytest.mark.parametrize("module", ALL)
def test_one_cell_one_member(module: Any, make: Make, tmp_path: Path) -> None:
    study = make(cells=["lstm"], lags=(4,), n_seeds=1, outcome=lambda *_: "learning")
    drawn(module, study, tmp_path)
    assert "nan" not in module.finding(study)


@pytest.mark.parametrize("module", ALL)
def test_nothing_ran(module: Any, make: Make) -> None:
    study = make(lags=(4,), n_seeds=2, outcome=lambda *_: "missing")
    assert module.rows(study).empty
    assert module.finding(study).startswith("No ")


@pytest.mark.parametrize("module", [gradient_flow, gradient_paths, gradient_bounds])
def test_the_start_alone_fills_one_column(module: Any, twelve_cells: StudyData, tmp_path: Path) -> None:
    drawn(module, started(twelve_cells), tmp_path)
    finding = module.finding(started(twelve_cells))
    assert "nitialisation" in finding
    assert "after training" not in finding


@pytest.mark.parametrize("module", [gradient_milestones, state_gradients])
def test_without_training_there_is_nothing_to_follow(module: Any, sample: StudyData) -> None:
    assert module.rows(started(sample)).empty
    assert module.finding(started(sample)).startswith("No ")


def test_flow_tells_factors_and_horizons(sample: StudyData) -> None:
    finding = gradient_flow.finding(sample)
    assert (
        "At initialisation a step back multiplies the gradient by 0.950 (0.932-0.969) in lstm and 0.610 (0.598-0.622) "
        "in rnn; within 38 steps it falls below 1e-3 in rnn after 14."
    ) in finding
    assert "grows again" not in finding
    assert horizon_words(sample, ["lstm"], 32, FINAL, THOUSANDTH) == "below 1e-3 in none"
    assert longest_lag_with_flow(sample) == 32
    assert horizon(sample, "rnn", 32).middle == 14


def test_flow_says_where_it_grows_again_and_what_the_first_step_costs(sample: StudyData) -> None:
    p = sample.probes
    is_joint = (p["cell"] == "lstm") & (p["probe"] == "gradient_flow") & (p["quantity"] == "joint")
    turned = p.assign(value=p["value"].where(~is_joint | (p["at"] == 0), 0.1 * 1.1 ** (p["at"] - 1)))
    finding = gradient_flow.finding(dataclasses.replace(sample, probes=turned))
    assert "The first step back alone leaves 0.10 (lstm at initialisation) and 0.10 (lstm after training)." in finding
    assert "grows again in lstm at initialisation and lstm after training, so one factor describes" in finding


def test_the_table_tells_factor_interval_and_horizon(sample: StudyData) -> None:
    table = comparison_table(sample, comparison(sample))
    place = [heading for heading, _ in table.headings].index("Gradient a step")
    lstm, rnn = (row[place] for row in table.rows)
    assert (lstm.text, lstm.below) == ("0.950", ("0.932-0.969", "1e-3 not reached"))
    assert (rnn.text, rnn.below) == ("0.610", ("0.598-0.622", "1e-3 after 14"))


def test_paths_tell_what_each_keeps(sample: StudyData) -> None:
    finding = gradient_paths.finding(sample)
    assert (
        "lstm at initialisation keeps 0.950 (0.932-0.969) through c alone and 0.285 (0.279-0.291) through h" in finding
    )
    assert "3.3x (3.3x to 3.3x) as much through c as through h; all paths together 0.950 (0.932-0.969)." in finding
    assert set(gradient_paths.rows(sample)["cell"]) == {"lstm"}


def test_all_paths_together_may_keep_more_than_any_alone(sample: StudyData) -> None:
    results = sample.results.copy()
    results.loc[results["metric"].str.startswith("grad/decay_c_path"), "value"] *= 0.8
    finding = gradient_paths.finding(dataclasses.replace(sample, results=results))
    assert "all paths together 0.950 (0.932-0.969), more than any path alone" in finding


def test_cells_with_one_path_leave_nothing_to_draw(make: Make) -> None:
    study = make(cells=["rnn"], lags=(4,), n_seeds=2)
    assert gradient_paths.rows(study).empty
    assert gradient_paths.finding(study).startswith("No cell measured at lag 4 has a state of several parts")


def test_bounds_tell_what_is_kept_over_the_longest_stretch(sample: StudyData) -> None:
    finding = gradient_bounds.finding(sample)
    assert finding.startswith("Gradient kept over 38 steps back after training, in the best and in any direction: ")
    assert f"lstm {0.98**38:.2f} (" in finding
    assert f"; rnn {0.8**38:.5f} (" in finding


def test_milestones_tell_start_last_milestone_and_end(sample: StudyData) -> None:
    finding = gradient_milestones.finding(sample)
    assert (
        "rnn 0.610 (0.598-0.622) at the start, 0.737 (0.723-0.752) at a normalised loss of 25% (n = 5) and 0.800"
        in finding
    )


def test_training_gradients_tell_the_share_left_and_the_share_clipped(sample: StudyData) -> None:
    finding = state_gradients.finding(sample)
    assert f"rnn dL/dh {0.61**37:.0e}" in finding
    assert "10% of steps clipped" in finding


def test_a_gradient_that_is_zero_at_its_last_step_is_told_in_words(sample: StudyData) -> None:
    first, last = 0.5, sample.gradients["steps_back"] == 0
    for norms, text in ((0.0, "dL/dh no gradient"), (first, "dL/dh none at the last step")):
        silent = sample.gradients.assign(norm=norms).where(~last, sample.gradients.assign(norm=0.0))
        assert text in state_gradients.finding(dataclasses.replace(sample, gradients=silent))


@pytest.mark.parametrize(
    ("kept", "words"),
    [
        ((0.22, 0.12, 0.43), "0.22 (0.12 to 0.43)"),
        ((0.22, float("nan"), float("nan")), "0.22"),
        ((1e-12, 1e-15, 1e-9), "less than 1e-9"),
        ((1e-8, 1e-15, 1e-2), "1e-08 (1e-9 to 0.010)"),
        ((0.22, 1e-27, 1.1e27), "0.22"),
    ],
)
def test_kept_words(kept: tuple[float, float, float], words: str) -> None:
    assert kept_words(Interval(*kept)) == words


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ((14, 13, 15), "14 (13-15)"),
        ((14, 14, float("inf")), "14"),
        ((14, float("nan"), float("inf")), "14"),
        ((14, 12, float("inf")), "14 (12 or more)"),
    ],
)
def test_steps_words(steps: tuple[float, float, float], words: str) -> None:
    assert steps_words(Interval(*steps)) == words
