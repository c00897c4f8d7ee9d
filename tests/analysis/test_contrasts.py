"""Cell against cell, on studies whose members are known."""

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from synthetic_study import BUDGET, maker

from lstm_bench.analysis.contrasts import NO_EVENTS, NO_MEMBERS, TOO_FEW, contrasts
from lstm_bench.analysis.frames import StudyData

Make = Callable[..., StudyData]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    return maker(tmp_path)


def at(table: pd.DataFrame, lag: int | None, cell: str = "rnn") -> pd.Series:
    """Return the row of a cell at a lag, or over all lags."""
    is_lag = table["lag"].isna() if lag is None else table["lag"] == lag
    (row,) = (row for _, row in table.loc[is_lag.fillna(False) & (table["cell"] == cell)].iterrows())
    return row


def times(study: StudyData, cell: str, lag: int) -> pd.Series:
    """Return the steps to solve of members that ran, inf where they did not."""
    of_lag = study.members.loc[(study.members["cell"] == cell) & (study.members["lag"] == lag)]
    return of_lag.loc[of_lag["status"].isin(("solved", "learning", "plateau", "diverged")), "steps_to_solve"].fillna(
        np.inf
    )


def test_a_row_a_lag_and_one_over_all(sample: StudyData) -> None:
    table = contrasts(sample)
    assert table["lag"].isna().tolist() == [False] * 5 + [True]
    assert table["lag"].dropna().tolist() == [2, 4, 8, 16, 32]
    assert set(zip(table["cell"], table["reference"], strict=True)) == {("rnn", "lstm")}
    assert set(table["study"]) == {"sample"}
    assert at(table, None)["n"] == 25


def test_counts_means_and_chances_are_those_of_the_members(sample: StudyData) -> None:
    table = contrasts(sample)
    chances = []
    for lag in sample.lags:
        row, (own, reference) = at(table, lag), (times(sample, cell, lag) for cell in ("rnn", "lstm"))
        assert (row["n"], row["solved"], row["solved_reference"]) == (
            5,
            *(np.isfinite(t).sum() for t in (own, reference)),
        )
        assert row["steps_mean"] == pytest.approx(own.clip(upper=BUDGET).mean())
        assert row["steps_ratio"] == pytest.approx(own.clip(upper=BUDGET).mean() / reference.clip(upper=BUDGET).mean())
        chances.append(stats.mannwhitneyu(reference, own).statistic / 25)
        assert row["improvement"] == pytest.approx(chances[-1])
    assert np.isfinite(times(sample, "lstm", 32)).any()  # so every lag has events
    assert at(table, None)["improvement"] == pytest.approx(np.mean(chances))
    assert at(table, None)["lags"] == 5


def test_holm_is_over_all_lags_and_cells_and_the_pooled_tests_are_a_family_of_their_own(make: Make) -> None:
    study = make(cells=["lstm", "rnn"], lags=(2, 4), outcome=lambda c, lag, s: "solved" if c == "lstm" else "plateau")
    renamed = pd.concat([study.members, study.members.loc[study.members["cell"] == "rnn"].assign(cell="other")])
    jobs = [*study.plan.jobs, *(dataclasses.replace(job, cell="other") for job in study.plan.jobs if job.cell == "rnn")]
    three = dataclasses.replace(study, members=renamed, plan=dataclasses.replace(study.plan, jobs=jobs))
    table = contrasts(three)
    by_lag, pooled = table.loc[table["lag"].notna()], table.loc[table["lag"].isna()]
    assert by_lag["p"].tolist() == pytest.approx([2 / 252] * 4)
    assert by_lag["p_holm"].tolist() == pytest.approx([4 * 2 / 252] * 4)
    assert pooled["p"].tolist() == pytest.approx([2 / 252**2] * 2)
    assert pooled["p_holm"].tolist() == pytest.approx([2 * 2 / 252**2] * 2)


def test_five_members_and_seven_lags_cannot_be_significant_at_any_of_them(make: Make) -> None:
    lags = (2, 3, 4, 6, 8, 12, 16)
    table = contrasts(make(lags=lags, outcome=lambda c, lag, s: "solved" if c == "lstm" else "plateau"))
    assert at(table, 8)["p_holm"] == at(table, 8)["smallest_p_holm"] == pytest.approx(7 * 2 / 252)
    assert at(table, 8)["smallest_p_holm"] > 0.05
    assert at(table, None)["p"] < 1e-4


def test_diverged_members_are_censored_and_failed_and_missing_ones_left_out(make: Make) -> None:
    odd = {0: "failed", 1: "missing", 2: "diverged", 3: "plateau", 4: "solved"}
    row = at(contrasts(make(lags=(2,), outcome=lambda c, lag, s: odd[s] if c == "rnn" else "solved")), 2)
    assert (row["n"], row["n_reference"], row["solved"], row["left_out"]) == (3, 5, 1, 2)
    assert row["steps_mean"] > 2 / 3 * BUDGET  # two of three at the budget


def test_no_events_no_members_and_too_few_are_told(make: Make) -> None:
    def outcome(cell: str, lag: int, seed: int) -> str:
        if lag == 4 and cell == "rnn":
            return "missing"
        return "plateau" if lag == 8 else "solved"

    table = contrasts(make(lags=(2, 4, 8), n_seeds=3, outcome=outcome))
    assert [at(table, lag)["note"] for lag in (2, 4, 8)] == [TOO_FEW, NO_MEMBERS, NO_EVENTS]
    assert at(table, 2)["smallest_p"] == pytest.approx(0.1)
    assert at(table, 2)["p_holm"] == at(table, 2)["p"]  # the others are no tests
    for lag in (4, 8):
        assert at(table, lag)[["improvement", "z", "p", "p_holm", "smallest_p"]].isna().all()
    assert at(table, 8)["steps_mean"] == BUDGET
    assert math.isnan(at(table, 8)["steps_mean_high"])
    assert (at(table, None)["lags"], at(table, None)["left_out"]) == (1, 3)
    nothing = contrasts(make(lags=(2, 4), outcome=lambda *_: "plateau"))
    assert set(nothing["note"]) == {NO_EVENTS}


def test_the_smaller_budget_holds_for_both(sample: StudyData) -> None:
    budget = int(times(sample, "lstm", 4).median())
    jobs = [dataclasses.replace(job, steps=budget) if job.cell == "rnn" else job for job in sample.plan.jobs]
    row = at(contrasts(dataclasses.replace(sample, plan=dataclasses.replace(sample.plan, jobs=jobs))), 4)
    cut = times(sample, "lstm", 4).clip(upper=budget)
    assert row["budget"] == budget
    assert row["solved_reference"] == (times(sample, "lstm", 4) <= budget).sum() < 5
    assert row["steps_mean_reference"] == pytest.approx(cut.mean())


def test_a_lag_planned_for_one_cell_alone_has_no_row(sample: StudyData) -> None:
    jobs = [job for job in sample.plan.jobs if (job.cell, job.lag) != ("rnn", 4)]
    table = contrasts(dataclasses.replace(sample, plan=dataclasses.replace(sample.plan, jobs=jobs)))
    assert table["lag"].dropna().tolist() == [2, 8, 16, 32]


def test_one_cell_or_no_training_has_no_contrast(make: Make) -> None:
    assert contrasts(make(cells=["lstm"], lags=(2,))).empty
    assert contrasts(make(lags=(2,), trained=False)).empty


def test_every_task_has_its_contrasts(make: Make) -> None:
    table = contrasts(make(lags=(2,), n_seeds=2, tasks=("copy", "adding")))
    assert table["task"].tolist() == ["copy", "copy", "adding", "adding"]
