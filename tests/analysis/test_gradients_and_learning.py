"""Summaries over members, against the arithmetic that made them."""

import numpy as np
import pandas as pd
import pytest
from synthetic_study import CELLS

from lstm_bench.analysis.frames import Study
from lstm_bench.analysis.gradients import FINAL, INITIAL, decay_per_step, flow_summary, horizon, state_gradient_summary
from lstm_bench.analysis.learning import learning_curves, median_curve, solved_share


def test_flow_is_the_median_and_quartiles_over_members(sample: Study) -> None:
    flow = flow_summary(sample)
    own = flow.loc[(flow["cell"] == "rnn") & (flow["lag"] == 8) & (flow["when"] == INITIAL)].set_index("steps_back")
    decays = CELLS["rnn"].decay_initial * np.exp(0.01 * (np.arange(5) - 2))
    assert own["n"].eq(5).all()
    assert own.loc[0, "median"] == 1
    for k in (1, 7, 14):
        assert own.loc[k, ["q25", "median", "q75"]].tolist() == pytest.approx(np.quantile(decays**k, (0.25, 0.5, 0.75)))
    assert set(flow["when"]) == {INITIAL, FINAL}


def test_decay_and_horizon(sample: Study) -> None:
    assert decay_per_step(sample, "rnn", 32, FINAL).middle == pytest.approx(0.8)
    assert horizon(sample, "rnn", 32, INITIAL) == 14
    assert horizon(sample, "lstm", 32, INITIAL) == np.inf
    assert np.isnan(horizon(sample, "lstm", 1000, INITIAL))


def test_state_gradients_are_told_at_four_stages_of_the_longest_lag(sample: Study) -> None:
    summary = state_gradient_summary(sample)
    assert set(summary["lag"]) == {32}
    assert summary.groupby("cell", observed=True)["step"].nunique().eq(4).all()
    assert set(summary.loc[summary["cell"] == "lstm", "quantity"]) == {"dL/dh", "dL/dc"}
    start = summary.loc[(summary["cell"] == "rnn") & (summary["step"] == 0)].set_index("steps_back")["median"]
    assert start.loc[10] / start.loc[0] == pytest.approx(0.61**10)


def test_learning_curves_are_the_criterion_as_a_share_of_its_baseline(sample: Study) -> None:
    curves = learning_curves(sample)
    assert set(curves["metric"]) == {"eval/recall_ce_share"}
    assert len(curves) == (sample.curves["metric"] == "eval/recall_ce_share").sum()
    assert solved_share(sample) == 0.1


def test_the_median_curve_keeps_the_last_value_of_who_has_ended() -> None:
    curves = pd.DataFrame(
        {
            "seed": [0, 0, 1, 1, 1, 2, 2, 2],
            "step": [0, 1, 0, 1, 2, 0, 1, 2],
            "value": [1, 0.1, 1, 0.9, 0.8, 1, 0.2, 0.1],
        }
    )
    assert median_curve(curves).tolist() == [1.0, 0.2, 0.1]


def test_a_curve_that_leaves_the_numbers_keeps_its_last_finite_value() -> None:
    curves = pd.DataFrame({"seed": [0, 0, 0], "step": [0, 1, 2], "value": [1.0, np.inf, np.nan]})
    assert median_curve(curves).tolist() == [1.0, 1.0, 1.0]
