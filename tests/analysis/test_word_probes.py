"""Same word and boundary over members, from probes whose truth is known."""

import math
from pathlib import Path

import pandas as pd
import pytest
from synthetic_study import make_study

from lstm_bench.analysis.forgetting import boundary_summary, same_word_summary
from lstm_bench.analysis.frames import StudyData, load_study
from lstm_bench.report.figures import boundary, same_word

LAG, SEEDS = 8, 5


def with_probes(study: StudyData) -> StudyData:
    """Return a study whose members saw a divergence of 2^-d, and a boundary that leaves 10^-(1 + seed/10)."""
    rows = []
    for cell in ("lstm", "rnn"):
        for seed in range(SEEDS):
            labels = {"task": "copy", "variant": "arjovsky, 3 symbols", "cell": cell, "lag": LAG, "seed": seed,
                      "status": "solved", "moment": "final", "step": 100}  # fmt: skip
            for d in (1, 2, 3):
                rows += [labels | {"probe": "same_word", "quantity": "divergence", "at": d, "value": 2.0**-d},
                         labels | {"probe": "same_word", "quantity": "identical", "at": d, "value": 0.25}]  # fmt: skip
            for k in (0, 1):
                left = 10 ** -(1 + seed / 10)
                values = {"with boundary": left * 0.5**k, "without boundary": 0.5**k, "accuracy": 0.9}
                rows += [labels | {"probe": "boundary", "quantity": q, "at": k, "value": v} for q, v in values.items()]
    object.__setattr__(study, "probes", pd.DataFrame(rows))
    return study


@pytest.fixture
def study(tmp_path: Path) -> StudyData:
    make_study(tmp_path / "s", lags=(LAG,), probed=False)
    return with_probes(load_study(tmp_path / "s"))


def test_the_divergence_is_told_at_each_distance(study: StudyData) -> None:
    summary = same_word_summary(study)
    of_cell = summary.loc[(summary["cell"] == "rnn") & (summary["quantity"] == "divergence")].set_index("at")
    assert of_cell["middle"].to_dict() == {1: 0.5, 2: 0.25, 3: 0.125}
    assert set(of_cell["n"]) == {SEEDS}
    assert "0.500 (0.500-0.500) bits, 1 step back, and 25% of the answers alike" in same_word.finding(study)


def test_what_is_carried_over_is_a_ratio_in_each_member(study: StudyData) -> None:
    summary = boundary_summary(study)
    of_cell = summary.loc[(summary["cell"] == "lstm") & (summary["quantity"] == "carry-over")].set_index("at")
    assert of_cell["middle"].tolist() == pytest.approx([10**-1.2] * 2)
    spread = (
        2.7764451 * math.log(10) * math.sqrt(0.025) / math.sqrt(SEEDS)
    )  # Student's t, standard deviation of 0, .1, .. .4
    assert of_cell["high"].tolist() == pytest.approx([10**-1.2 * math.exp(spread)] * 2, rel=1e-6)
    assert "After training, at lag 8: lstm carries 0.0631" in boundary.finding(study)
    assert "right in 0.900" in boundary.finding(study)


def test_figures_are_drawn_and_left_out_where_there_is_nothing(study: StudyData, tmp_path: Path) -> None:
    for figure in (same_word, boundary):
        assert figure.draw(study).axes
        assert len(figure.rows(study))
    make_study(tmp_path / "none", lags=(LAG,), probed=False)
    empty = load_study(tmp_path / "none")
    assert [figure.finding(empty) for figure in (same_word, boundary)] == ["", ""]
