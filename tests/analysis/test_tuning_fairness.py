"""What tuning was worth: against every choice of trials written out, and plans that were not fair."""

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from synthetic_study import RATES

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.tuning import (
    best_of,
    best_of_k,
    diverged,
    trials_until_close,
    undecided_budgets,
    unequal_tuning,
)

SCORES = [0.31, 0.9, 0.42, 1.0, 0.42, 0.77]


@pytest.mark.parametrize("k", range(1, len(SCORES) + 1))
def test_best_of_k_is_that_of_all_choices_of_k_trials(k: int) -> None:
    lowest = [min(choice) for choice in itertools.combinations(SCORES, k)]
    best = best_of(SCORES, k)
    assert best.middle == pytest.approx(np.mean(lowest))
    assert (best.low, best.high) == tuple(np.quantile(lowest, (0.025, 0.975), method="inverted_cdf"))


def test_best_of_one_is_the_mean_and_of_all_the_lowest() -> None:
    assert best_of(SCORES, 1).middle == pytest.approx(np.mean(SCORES))
    assert best_of(SCORES, 6) == pytest.approx((0.31, 0.31, 0.31))
    assert best_of([0.4], 1) == (0.4, 0.4, 0.4)


@pytest.mark.parametrize("k", [0, 7])
def test_more_trials_than_there_are_is_no_question(k: int) -> None:
    with pytest.raises(ValueError, match=f"best of {k}: allowed: 1 to 6"):
        best_of(SCORES, k)


def with_scores(study: StudyData, **by_cell: list[float]) -> StudyData:
    """Return a study whose tuning members at lag 2 have these scores, and no others."""
    rows = [
        {**study.tuning.iloc[0].to_dict(), "cell": cell, "lag": 2, "score": score}
        for cell, scores in by_cell.items()
        for score in scores
    ]
    jobs = [job for job in study.plan.jobs if job.lag == 2]
    return replace(study, tuning=pd.DataFrame(rows), plan=replace(study.plan, jobs=jobs))


def test_every_cell_and_lag_has_a_curve_over_its_trials(sample: StudyData) -> None:
    table = best_of_k(sample)
    assert len(table) == 2 * 5 * 6
    scores = sample.tuning.loc[(sample.tuning["cell"] == "rnn") & (sample.tuning["lag"] == 8), "score"]
    curve = table.loc[(table["cell"] == "rnn") & (table["lag"] == 8)].set_index("trials")
    assert curve.loc[6, "expected"] == pytest.approx(scores.min())
    assert curve.loc[2, "expected"] == pytest.approx(np.mean([min(p) for p in itertools.combinations(scores, 2)]))
    assert set(curve["of"]) == {6}


def test_a_tuning_member_that_never_ran_is_no_trial(sample: StudyData) -> None:
    study = with_scores(sample, lstm=[0.3, 0.5, np.nan])
    assert best_of_k(study)["trials"].tolist() == [1, 2]


def test_how_many_trials_bring_a_cell_close_to_its_best(sample: StudyData) -> None:
    """Of 0.2 and 1.0: 0.6 after one. Of 0.20 and 0.26: 0.23 after one, which is within 0.05."""
    study = with_scores(sample, lstm=[0.2, 1.0], rnn=[0.20, 0.26])
    assert (trials_until_close(study, "lstm"), trials_until_close(study, "rnn")) == ([2], [1])


@pytest.mark.parametrize(
    ("lstm", "rnn", "is_open"),
    [
        ([0.2, 0.2], [0.3, 0.9], True),  # the last trial took the RNN from 0.6 to 0.3: another such would bring 0.0
        ([0.2, 0.2], [0.3, 0.3], False),  # the last trial was worth nothing
        ([0.2, 0.2], [0.3, 0.4], False),  # from 0.35 to 0.3: another such would bring 0.25
        ([0.2, 0.2], [0.2, 0.2], True),  # nobody leads
        ([0.2], [0.3], False),  # of one trial the worth is not known
    ],
)
def test_which_cell_leads_is_undecided_where_one_more_trial_could_change_who_leads(
    sample: StudyData, lstm: list[float], rnn: list[float], is_open: bool
) -> None:
    assert undecided_budgets(with_scores(sample, lstm=lstm, rnn=rnn)) == ([2] if is_open else [])


def test_cells_with_one_grid_are_tuned_alike(sample: StudyData) -> None:
    assert unequal_tuning(sample) == []


def test_who_had_which_grid_is_told_where_they_differ(sample: StudyData) -> None:
    jobs = [
        replace(job, learning_rates=RATES[:2]) if job.cell == "rnn" and job.lag in (8, 16)
        else replace(job, learning_rates=[0.01], tuning_seeds=[]) if job.cell == "rnn" and job.lag == 2
        else job
        for job in sample.plan.jobs
    ]  # fmt: skip
    uneven = replace(sample, plan=replace(sample.plan, jobs=jobs))
    lstm = "lstm had 0.001, 0.003 and 0.01 on 2 tuning seeds each, for 40% of 4,000 steps"
    begin = "Not tuned alike on copy (arjovsky, 3 symbols), which may favour a cell: at lag"
    assert unequal_tuning(uneven) == [
        f"{begin} 2 {lstm}; rnn had 0.01 alone, untuned, for 4,000 steps.",
        f"{begin}s 8 and 16 {lstm}; rnn had 0.001 and 0.003 on 2 tuning seeds each, for 40% of 4,000 steps.",
    ]


def test_other_budgets_or_seeds_are_no_equal_trials(sample: StudyData) -> None:
    for change in ({"steps": 9000}, {"tuning_seeds": [0]}):
        jobs = [replace(job, **change) if job.cell == "rnn" else job for job in sample.plan.jobs]
        (told,) = unequal_tuning(replace(sample, plan=replace(sample.plan, jobs=jobs)))
        assert "at lags 2, 4, 8, 16 and 32 lstm had" in told


def test_diverged_members_are_counted_by_cell_rate_and_role(sample: StudyData) -> None:
    tuning, members = sample.tuning.copy(), sample.members.copy()
    of_rnn = (tuning["cell"] == "rnn") & (tuning["learning_rate"] == 0.01)
    tuning.loc[of_rnn & (tuning["lag"] > 8), "status"] = "diverged"
    members.loc[(members["cell"] == "lstm") & (members["lag"] == 32) & (members["seed"] < 2), "status"] = "diverged"
    members.loc[(members["cell"] == "lstm") & (members["lag"] == 32) & (members["seed"] == 2), "status"] = "missing"
    table = diverged(replace(sample, tuning=tuning, members=members)).set_index(["cell", "learning_rate", "role"])
    assert table.loc[("rnn", 0.01, "tuning"), ["members", "diverged", "share"]].tolist() == [10, 4, 0.4]
    assert table.loc[("lstm", 0.01, "report"), ["members", "diverged"]].tolist() == [24, 2]
    assert table["diverged"].sum() == 6
