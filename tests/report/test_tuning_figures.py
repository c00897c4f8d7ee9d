"""The tuning surface and the best-of-k curve: what they say of a study whose scores are known."""

from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from synthetic_study import make_study

from lstm_bench.analysis.frames import StudyData, load_study
from lstm_bench.analysis.tuning import best_of_k
from lstm_bench.report.figures import best_of_k as best
from lstm_bench.report.figures import tuning
from lstm_bench.report.pages.failure_summary import notes
from lstm_bench.report.pages.protocol import protocol


@pytest.fixture
def unstable(sample: StudyData) -> StudyData:
    """Two reported members of the RNN at lag 8 diverged, and one of its tuning members at the largest rate."""
    tried, members = sample.tuning.copy(), sample.members.copy()
    members.loc[(members["cell"] == "rnn") & (members["lag"] == 8) & (members["seed"] < 2), "status"] = "diverged"
    is_trial = (tried["cell"] == "rnn") & (tried["lag"] == 8) & (tried["learning_rate"] == 0.01) & (tried["seed"] == 1)
    tried.loc[is_trial, "status"] = "diverged"
    return replace(sample, tuning=tried, members=members)


def test_diverged_members_are_told_and_marked(unstable: StudyData) -> None:
    assert "Members that diverged (crosses): rnn at 0.01 1 of 6 tuning and 2 of 15 reported; no others." in (
        tuning.finding(unstable)
    )
    panels = {axes.get_title(loc="left"): axes for axes in tuning.draw(unstable).axes}
    crosses = [line for line in panels["lag 8"].lines if line.get_marker() == "x" and len(line.get_xdata())]
    assert [line.get_xdata().tolist() for line in crosses] == [[0.01]]
    assert "2/5 diverged" in [text.get_text() for text in panels["lag 8"].texts]
    assert not any(text.get_text() for text in panels["lag 2"].texts)


def test_shares_that_diverged_stand_in_the_rows(unstable: StudyData) -> None:
    rows = tuning.rows(unstable)
    assert len(rows) == len(unstable.tuning)
    largest = rows.loc[(rows["cell"] == "rnn") & (rows["learning_rate"] == 0.01)]
    assert set(largest["diverged_share"]) == {1 / 6}
    assert set(largest["diverged_share_reported"]) == {2 / 15}


def test_a_study_in_which_nobody_diverged_says_so(sample: StudyData) -> None:
    assert "No member diverged, in tuning or after it." in tuning.finding(sample)


@pytest.mark.parametrize(
    ("more", "written"),
    [([], ["0.001", "0.003", "0.01"]), ([0.0001, 0.0003, 0.03, 0.1], ["0.0001", "0.001", "0.01", "0.1"])],
)
def test_of_many_rates_the_powers_of_ten_are_written(sample: StudyData, more: list[float], written: list[str]) -> None:
    further = [sample.tuning.iloc[:1].assign(learning_rate=rate) for rate in more]
    figure = tuning.draw(replace(sample, tuning=pd.concat([sample.tuning, *further])))
    figure.draw_without_rendering()
    ticks = figure.axes[-1].get_xticklabels()
    assert len(ticks) == 3 + len(more)
    assert [tick.get_text() for tick in ticks if tick.get_text()] == written


def test_the_curves_are_those_of_the_table(sample: StudyData) -> None:
    with mpl.rc_context({"figure.max_open_warning": 0}):
        panels = {axes.get_title(loc="left"): axes for axes in best.draw(sample).axes}
    table = best_of_k(sample)
    for lag in sample.lags:
        for line, cell in zip(panels[f"lag {lag}"].lines, sample.cells, strict=True):
            of_lag = table.loc[(table["cell"] == cell) & (table["lag"] == lag)]
            np.testing.assert_allclose(line.get_xydata(), of_lag[["trials", "expected"]])


def test_a_lag_that_was_not_tuned_has_no_panel(sample: StudyData) -> None:
    partly = replace(sample, tuning=sample.tuning.loc[sample.tuning["lag"] != 8])
    for figure in (tuning.draw(partly), best.draw(partly)):
        assert [title for axes in figure.axes if (title := axes.get_title(loc="left"))] == ["lag 2", "lag 32"]


def test_the_finding_says_how_soon_and_whether_the_order_could_change(sample: StudyData) -> None:
    """The RNN's best is 0.3 above the LSTM's, and the last of its six trials was worth 0.01."""
    text = best.finding(sample)
    assert text.startswith("Trials until within 0.05 of the best of all 6, by lag: lstm 3 and rnn 3.")
    assert "One more trial, if it gained a cell as much as its last, would make no other cell the best at any" in text


def test_without_tuning_there_is_no_such_figure(tmp_path: Path) -> None:
    make_study(tmp_path / "s", tuned=False)
    study = load_study(tmp_path / "s")
    assert best.finding(study) == ""
    assert best.rows(study).empty
    assert dict(protocol(study))["Learning rates"] == "0.01 for every cell; nothing was tuned."


def test_equal_tuning_is_told_with_its_counts(sample: StudyData) -> None:
    assert dict(protocol(sample))["Learning rates"].startswith(
        "The same for every cell: 0.001, 0.003 and 0.01 on 2 tuning seeds each, for 40% of 4,000 steps. For each "
        "cell and lag the rate with most members solved is chosen; "
    )
    assert not [note for note in notes(sample) if note.startswith("Not tuned alike")]


def test_unequal_tuning_is_a_warning_everywhere(sample: StudyData) -> None:
    jobs = [replace(job, tuning_seeds=[0]) if job.cell == "rnn" else job for job in sample.plan.jobs]
    uneven = replace(sample, plan=replace(sample.plan, jobs=jobs))
    (warning,) = [note for note in notes(uneven) if note.startswith("Not tuned alike")]
    assert dict(protocol(uneven))["Learning rates"] == warning
    assert warning in tuning.finding(uneven)
