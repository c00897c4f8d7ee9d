"""What a span hangs on: settings that were varied one at a time, on counts whose spans are known."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from synthetic_study import make_job, make_plan

from lstm_bench.analysis.frames import MEMBER_COLUMNS, StudyData
from lstm_bench.analysis.memory_span import learned_span
from lstm_bench.analysis.sensitivity import one_at_a_time, power_law, size_exponents, variations, varied_factors
from lstm_bench.report.figures import one_at_a_time as one_figure
from lstm_bench.report.figures import rate_heatmap

LAGS = (2, 4, 8, 16, 32, 64)
N = 20


def solved_below(t50: float) -> dict[int, int]:
    """Return the members of N that solve each lag, of a cell whose T50 is known: all below it and none above."""
    return {lag: N if lag < t50 else 0 for lag in LAGS}


def varied_study(sample: StudyData, *settings: tuple[str, dict[str, Any], float]) -> StudyData:
    """Return a study of one cell for each (yaml, settings, T50)."""
    jobs, members = [], []
    for number, (yaml, setting, t50) in enumerate(settings):
        name = f"{yaml} {number}"
        for lag, solved in solved_below(t50).items():
            job = make_job("lstm" if yaml.startswith("lstm") else "rnn", lag, N, False, "copy")
            trainer = job.config["trainer"] | {key: value for key, value in setting.items() if key != "hidden_size"}
            hidden = setting.get("hidden_size", 64)
            rates = [setting.get("learning_rates", 0.01)]
            config = job.config | {"trainer": trainer}
            planned = replace(
                job, cell=name, cell_yaml=yaml, config=config, learning_rates=rates, hidden_size=hidden,
                n_parameters=4 * hidden**2,
            )  # fmt: skip
            jobs.append(planned)
            row = dict.fromkeys(MEMBER_COLUMNS) | {"task": job.task, "variant": job.variant, "cell": name, "lag": lag}
            for seed in range(N):
                members.append(row | {"seed": seed, "status": "solved" if seed < solved else "plateau"})
    return replace(sample, plan=make_plan("s", jobs), members=pd.DataFrame(members))


@pytest.fixture
def study(sample: StudyData) -> StudyData:
    return varied_study(
        sample,
        ("lstm", {"learning_rates": 0.001}, 6),
        ("lstm", {"learning_rates": 0.01}, 24),
        ("lstm", {"learning_rates": 0.01, "clip": 0.1}, 12),
        ("lstm", {"learning_rates": 0.01, "hidden_size": 16}, 6),
        ("lstm", {"learning_rates": 0.01, "hidden_size": 256}, 48),
        ("rnn", {"learning_rates": 0.001}, 3),
        ("rnn", {"learning_rates": 0.01}, 1),
    )


def test_each_cell_says_what_it_varies_from_the_settings_that_most_have(study: StudyData) -> None:
    table = variations(study)
    assert table["varied"].tolist()[:5] == ["learning_rate", "", "clip", "hidden_size", "hidden_size"]
    assert varied_factors(study) == ["learning_rate", "clip", "hidden_size"]
    assert table["learning_rate"].tolist() == [0.001, 0.01, 0.01, 0.01, 0.01, 0.001, 0.01]


def test_a_rate_that_was_tuned_is_no_variation(sample: StudyData) -> None:
    table = variations(sample)
    assert table["learning_rate"].isna().all()
    assert set(table["varied"]) == {""}


def test_one_setting_at_a_time_has_the_base_between_its_values(study: StudyData) -> None:
    assert one_at_a_time(study, "hidden_size")["hidden_size"].tolist() == [16, 64, 256]
    assert one_at_a_time(study, "clip")["clip"].tolist() == [0.1, 1.0]
    assert set(one_at_a_time(study, "clip")["cell_yaml"]) == {"lstm"}


def test_the_exponent_is_the_slope_of_the_medians_where_spans_are_sharp(study: StudyData) -> None:
    """T50 of 5.7, 22.6 and 45.3 at H = 16, 64 and 256: a least-squares slope by numpy on the medians."""
    of_size = one_at_a_time(study, "hidden_size")
    slope = np.polyfit(np.log(of_size["hidden_size"]), np.log(of_size["span_median"]), 1)[0]
    laws = size_exponents(study).set_index("of")
    assert laws.loc["hidden_size", "exponent"] == pytest.approx(slope, abs=0.02)
    assert laws.loc["hidden_size", "low"] < slope < laws.loc["hidden_size", "high"]
    assert laws.loc["n_parameters", "exponent"] == pytest.approx(slope / 2, abs=0.01)  # parameters grow as H^2 here


def test_one_span_has_no_exponent() -> None:
    span = learned_span(list(LAGS), list(solved_below(24).values()), [N] * len(LAGS))
    assert power_law([64], [span]).sizes == 1
    assert np.isnan(power_law([64], [span]).exponent.middle)


def test_the_heatmap_has_every_rate_of_every_start_and_no_other_setting(study: StudyData) -> None:
    rows = rate_heatmap.rows(study)
    assert rows[["cell_yaml", "learning_rate"]].values.tolist() == [
        ["lstm", 0.001], ["lstm", 0.01], ["rnn", 0.001], ["rnn", 0.01],
    ]  # fmt: skip
    texts = [text.get_text() for text in rate_heatmap.draw(study).axes[0].texts]
    assert texts == [span.partition(" (")[0] for span in rows["span"]]
    assert "lstm 5.66 at 0.001 to 22.6 at 0.01 (4.0x)" in rate_heatmap.finding(study)


def test_the_other_figure_has_a_panel_a_setting_and_names_what_moves(study: StudyData) -> None:
    panels = [axes.get_title(loc="left") for axes in one_figure.draw(study).axes if axes.axison]
    assert panels == ["clipping norm", "hidden size H"]
    assert "T50 by clipping norm: lstm" in one_figure.finding(study)
    assert "T50 grows as lstm H^" in one_figure.finding(study)


def test_a_study_without_variations_has_neither_figure(sample: StudyData) -> None:
    assert (rate_heatmap.finding(sample), one_figure.finding(sample)) == ("", "")
