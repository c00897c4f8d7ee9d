"""A ratio of speeds is one of cells: what ran differently has none."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from synthetic_study import make_study

from lstm_bench.analysis.comparison import comparison
from lstm_bench.analysis.frames import StudyData, load_study
from lstm_bench.analysis.headline import headline
from lstm_bench.analysis.results import derived_metrics
from lstm_bench.analysis.speed import speed_ratio, speed_row, stock_ratio
from lstm_bench.report.figures import speed
from lstm_bench.report.pages.comparison import comparison_table

AUTOGRAD, COMPILED = "autograd over step", "compiled BPTT"


def rows_where(study: StudyData, **values: object) -> pd.Series:
    return np.logical_and.reduce([study.speed[name] == value for name, value in values.items()])


def with_rows(study: StudyData, where: pd.Series, **values: object) -> StudyData:
    """Return a study in which some rows of speed have other values."""
    frame = study.speed.copy()
    frame.loc[where, list(values)] = list(values.values())
    return replace(study, speed=frame)


@pytest.fixture
def mixed(sample: StudyData) -> StudyData:
    """The LSTM ran its compiled kernel, the RNN autograd: as a plug-in in records of old."""
    jobs = [replace(job, kernel=AUTOGRAD) if job.cell == "rnn" else job for job in sample.plan.jobs]
    study = replace(sample, plan=replace(sample.plan, jobs=jobs))
    study = with_rows(study, rows_where(study, cell="rnn", implementation="lstm_bench"), kernel=AUTOGRAD)
    return with_rows(study, rows_where(study, implementation="torch.nn", cell="rnn"), implementation="other")


@pytest.fixture
def shared(mixed: StudyData) -> StudyData:
    """The same, and the LSTM was timed through autograd too, at lag 16 and the longest, 32."""
    of_lstm = mixed.speed.loc[rows_where(mixed, cell="lstm", implementation="lstm_bench") & (mixed.speed["lag"] >= 16)]
    values = {name: of_lstm[name] / 10 for name in of_lstm.columns if name.startswith("sequences_per_s")}
    return replace(mixed, speed=pd.concat([mixed.speed, of_lstm.assign(kernel=AUTOGRAD, **values)], ignore_index=True))


def test_a_compiled_kernel_and_autograd_have_no_ratio_anywhere(mixed: StudyData) -> None:
    assert speed_ratio(mixed, "lstm", "rnn") is speed_ratio(mixed, "rnn", "lstm") is None
    row = comparison(mixed).set_index("cell").loc["rnn"]
    assert np.isnan(row["speed_ratio"])
    assert row["speed_kernel"] == AUTOGRAD
    assert "the speed" not in headline(mixed)[0]
    assert "No kernel was timed alike for both lstm and rnn, so there is no ratio." in speed.finding(mixed)
    below = comparison_table(mixed, comparison(mixed)).rows[1][3].below
    assert below[1:] == (AUTOGRAD, "no like-for-like ratio")


def test_cells_of_different_kernels_are_compared_by_one_that_both_were_timed_by(shared: StudyData) -> None:
    ratio = speed_ratio(shared, "rnn", "lstm")
    assert ratio is not None
    assert ratio.value == pytest.approx(10 * 200 / 90)
    assert (ratio.kernel, ratio.lag, ratio.is_trained) == (AUTOGRAD, 32, False)
    assert "0.045x the speed (both autograd over step)." in headline(shared)[0]


def test_cells_of_one_kernel_are_compared_by_it_whatever_else_was_timed(sample: StudyData) -> None:
    slower = sample.speed.loc[rows_where(sample, implementation="lstm_bench")].assign(kernel=AUTOGRAD)
    slower["sequences_per_s"] = 1.0
    study = replace(sample, speed=pd.concat([slower, sample.speed], ignore_index=True))
    ratio = speed_ratio(study, "rnn", "lstm")
    assert ratio is not None
    assert (ratio.value, ratio.kernel, ratio.is_trained) == (pytest.approx(200 / 90), COMPILED, True)


def test_a_further_kernel_is_not_the_speed_of_the_cell_or_its_members(shared: StudyData) -> None:
    row = speed_row(shared, "lstm", 32)
    assert row is not None
    assert (row["kernel"], row["sequences_per_s"]) == (COMPILED, pytest.approx(90_000 / 38))
    assert comparison(shared).set_index("cell").loc["lstm", "sequences_per_s"] == pytest.approx(90_000 / 38)
    (identity,) = shared.members.query("cell == 'lstm' and lag == 32 and seed == 0")["identity"]
    assert derived_metrics(shared)[identity]["speed/sequences_per_s"] == pytest.approx(90_000 / 38)


@pytest.mark.parametrize(
    "other", [{"members": 1}, {"batch_size": 8}, {"device": "cuda:0"}, {"threads": 2}, {"dtype": "float64"}]
)
def test_what_was_timed_under_other_conditions_has_no_ratio(sample: StudyData, other: dict[str, object]) -> None:
    study = with_rows(sample, rows_where(sample, cell="lstm"), **other)
    assert speed_ratio(study, "rnn", "lstm") is None


def test_stock_layers_are_compared_where_both_cells_have_one(sample: StudyData, mixed: StudyData) -> None:
    ratio = stock_ratio(sample, "rnn", "lstm")
    assert ratio is not None
    assert ratio.value == pytest.approx(200 / 90)
    assert "The stock layers, relative to that of lstm: 2.2x for rnn." in speed.finding(sample)
    assert stock_ratio(mixed, "rnn", "lstm") is None
    assert "The stock layers" not in speed.finding(mixed)


def test_the_caption_says_whose_sequences_they_are_and_what_ran(sample: StudyData) -> None:
    one = with_rows(sample, sample.speed["members"] > 0, members=1)
    for study, whose in ((sample, "5 members together"), (one, "one member")):
        finding = speed.finding(study)
        assert finding.startswith(f"Sequences trained a second, of {whose}: lstm 2,368 (2,297-2,416) by compiled BPTT")
        assert "Relative to lstm: rnn 2.2x (both compiled BPTT) with 0.25x its core parameters." in finding


def test_records_from_before_members_were_timed_together_are_read_as_of_one(tmp_path: Path) -> None:
    make_study(tmp_path / "s", lags=(2,), n_seeds=2, tuned=False, probed=False)
    file = tmp_path / "s" / "speed.json"
    file.write_text(
        json.dumps([{k: v for k, v in row.items() if k != "members"} for row in json.loads(file.read_text())])
    )
    study = load_study(tmp_path / "s")
    assert set(study.speed["members"]) == {1}
    assert comparison(study)["speed_ratio"].tolist() == [1.0, pytest.approx(200 / 90)]


def test_the_speed_of_a_plug_in_before_its_source_changed_is_not_shown(tmp_path: Path) -> None:
    make_study(tmp_path / "s", lags=(2,), n_seeds=2, tuned=False, probed=False)
    file = tmp_path / "s" / "speed.json"
    rows = json.loads(file.read_text())
    before = load_study(tmp_path / "s").speed
    file.write_text(json.dumps([{**row, "job": "of another source"} if row["cell"] == "rnn" else row for row in rows]))
    assert set(before["cell"]) == {"lstm", "rnn"}
    assert set(load_study(tmp_path / "s").speed["cell"]) == {"lstm"}
