"""What is left of the loss, against the members' own numbers."""

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from scipy import stats
from synthetic_study import maker

from lstm_bench.analysis.comparison import comparison
from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.learning import final_loss, final_losses

Make = Callable[..., StudyData]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    return maker(tmp_path)


def last_shares(study: StudyData, cell: str) -> pd.Series:
    r = study.results
    return r.loc[(r["metric"] == "eval/recall_ce_share") & (r["cell"] == cell), "value"]


def test_it_is_the_interquartile_mean_over_all_members(sample: StudyData) -> None:
    interval = final_loss(sample, "rnn")
    assert interval.loss.middle == pytest.approx(stats.trim_mean(last_shares(sample, "rnn"), 0.25))
    assert interval.loss.low < interval.loss.middle < interval.loss.high
    assert (interval.n, interval.lags) == (25, 5)


def test_a_diverged_member_counts_as_no_better_than_no_memory(make: Make) -> None:
    study = make(lags=(2,), n_seeds=3, outcome=lambda c, lag, s: "diverged" if s < 2 else "solved")
    rows = study.results["metric"] == "eval/recall_ce_share"
    by_seed = {0: 0.4, 1: math.nan, 2: 0.05}
    changed = study.results.assign(value=study.results["value"].where(~rows, study.results["seed"].map(by_seed)))
    shares = final_losses(dataclasses.replace(study, results=changed))
    assert shares.loc[shares["cell"] == "rnn", "loss"].tolist() == [1, 1, 0.05]


def test_cells_are_compared_over_the_lags_that_all_have(make: Make) -> None:
    def outcome(cell: str, lag: int, seed: int) -> str:
        return "missing" if cell == "rnn" and lag == 8 else "failed" if seed == 0 else "plateau"

    study = make(lags=(2, 4, 8), n_seeds=4, outcome=outcome)
    assert [final_loss(study, cell)[1:] for cell in ("lstm", "rnn")] == [(6, 2), (6, 2)]
    none = final_loss(make(lags=(2,), outcome=lambda *_: "missing"), "rnn")
    assert (none.n, none.lags) == (0, 0)
    assert math.isnan(none.loss.middle)


def test_the_comparison_holds_it_and_the_mean_steps(sample: StudyData) -> None:
    table = comparison(sample).set_index("cell")
    lstm = table.loc["lstm"]
    assert tuple(lstm[["score_iqm", "score_iqm_low", "score_iqm_high"]]) == tuple(final_loss(sample, "lstm").loss)
    members = sample.members.loc[(sample.members["cell"] == "lstm") & (sample.members["lag"] == lstm["steps_lag"])]
    assert lstm["steps_mean"] == pytest.approx(members["steps_to_solve"].fillna(4000).mean())
    assert lstm["steps_mean_low"] < lstm["steps_mean"] < lstm["steps_mean_high"] <= 4000
