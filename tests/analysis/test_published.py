"""Ours beside published numbers: which are set beside which, in what unit, and what is ruled."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
from published_study import Told, job_of, study_of, told

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.published import (
    CLASSES,
    COLUMNS,
    PublishedComparison,
    differences,
    is_same_kind,
    published_comparisons,
    published_frame,
    published_runs,
)
from lstm_bench.cells.registry import REGISTRY
from lstm_bench.literature.reading import COLUMNS as COLUMNS_OF_A_TABLE
from lstm_bench.literature.reading import published_results


def solved(steps: int, **metrics: float) -> Told:
    return told("solved", steps, **metrics)


def plateau(**metrics: float) -> Told:
    return told("plateau", 4000, **metrics)


def by_number(study: StudyData) -> dict[tuple[str, int | None, str], PublishedComparison]:
    """Return what is set beside the published numbers of its own kind of cell, by metric, length and our cell."""
    ruled = [one for one in published_comparisons(study) if one.is_ruled]
    return {(one.published.metric, one.published.length, one.cell): one for one in ruled}


def test_training_sequences_are_steps_times_batch_and_agree_within_further_runs(tmp_path: Path) -> None:
    """Published 31,390 on 6a: ours from 900 to 1,100 steps of 32, so 28,800 to 35,200."""
    steps = [900, 950, 1000, 1050, 1100] * 2
    study = study_of(tmp_path / "s", {("temporal_order", "lstm_1997", 40): [solved(n) for n in steps]})
    one = by_number(study)["training_sequences_to_solve", None, "lstm_1997"]
    assert sorted(one.runs.values) == sorted(32.0 * n for n in steps)
    assert one.ours.middle == 32_000
    assert one.ours.low < 32_000 < one.ours.high
    assert one.prediction.low < 31_390 < one.prediction.high
    assert (one.solved, one.attempts, one.verdict) == (10, 10, "agrees")


def test_solved_much_sooner_is_the_same_outcome_and_another_number(tmp_path: Path) -> None:
    study = study_of(tmp_path / "s", {("temporal_order", "lstm_1997", 40): [solved(n) for n in range(300, 310)]})
    assert by_number(study)["training_sequences_to_solve", None, "lstm_1997"].verdict == "same outcome, other number"


def test_members_that_did_not_solve_count_with_their_budget_and_leave_the_range_open(tmp_path: Path) -> None:
    members = [*(solved(1000) for _ in range(9)), plateau()]
    study = study_of(tmp_path / "s", {("temporal_order", "lstm_1997", 40): members})
    one = by_number(study)["training_sequences_to_solve", None, "lstm_1997"]
    assert (one.runs.censored, max(one.runs.values)) == (1, 4000 * 32)
    assert math.isinf(one.prediction.high)
    assert one.verdict == "same outcome, other number"  # 31,390 is less than all of ours


@pytest.mark.parametrize(("k", "verdict"), [(10, "agrees"), (5, "open"), (0, "other outcome")])
def test_the_outcome_is_ruled_by_where_the_wilson_interval_lies(tmp_path: Path, k: int, verdict: str) -> None:
    """Of 10 members: 10 are above one half (0.72-1), 5 on both sides, 0 below."""
    members = [solved(900 + 20 * n) if n < k else plateau() for n in range(10)]
    study = study_of(tmp_path / "s", {("temporal_order", "lstm_1997", 40): members})
    assert by_number(study)["training_sequences_to_solve", None, "lstm_1997"].verdict == verdict


def test_where_the_source_did_not_solve_ours_must_not_either(tmp_path: Path) -> None:
    """Bai 2018: the LSTM stays at 0.164 on adding at T = 600, the GRU solves it with 5.3e-5."""
    by_cell = {
        ("adding", "lstm H=130", 600): [plateau(eval_loss=value) for value in (0.16, 0.163, 0.165, 0.167, 0.17)],
        ("adding", "gru H=151", 600): [plateau(eval_loss=value) for value in (0.16, 0.163, 0.165, 0.167, 0.17)],
    }
    conditions = {
        (one.published.cell, one.cell): one.verdict
        for one in published_comparisons(study_of(tmp_path / "s", by_cell))
        if one.published.source.name == "Bai 2018"
    }
    assert conditions["lstm", "lstm H=130"] == "agrees"
    assert conditions["gru", "gru H=151"] == "other outcome"
    assert conditions["tcn", "lstm H=130"] == conditions["lstm", "gru H=151"] == "another cell"


def test_only_the_same_task_dialect_and_settings_are_set_beside_each_other(tmp_path: Path) -> None:
    def sources(task: str, lag: int) -> set[str]:
        folder = tmp_path / f"{task.replace(' ', '-')}-{lag}"
        study = study_of(folder, {(task, "lstm", lag): [plateau(eval_loss=0.1) for _ in range(4)]})
        return {one.published.source.name for one in published_comparisons(study) if one.cell}

    assert sources("adding", 600) == {"Bai 2018"}
    assert sources("adding in halves", 600) == set()
    assert sources("adding", 100) == sources("adding in halves", 100) == {"LSTM Time Capsule"}
    assert sources("adding of 1997", 100) == set()
    assert sources("copy", 1000) == {"Bai 2018"}
    assert sources("copy of three", 1000) == set()


def test_of_two_published_rules_the_one_with_our_setting_is_taken(tmp_path: Path) -> None:
    study = study_of(tmp_path / "s", {("multiplication", "lstm_1997", 50): [solved(1000) for _ in range(4)]})
    assert {one.published.where for one in published_comparisons(study)} == {"Table 8, n_seq = 13"}


def test_a_published_number_at_a_lag_that_was_not_run_stands_alone(tmp_path: Path) -> None:
    study = study_of(tmp_path / "s", {("adding of 1997", "lstm", 50): [solved(1000) for _ in range(4)]})
    lags = {(one.published.lag, one.cell, one.verdict) for one in published_comparisons(study)}
    assert lags == {(50, "lstm", "another cell"), (250, "", "not run"), (500, "", "not run")}


def test_other_lengths_come_from_the_probe_and_a_root_is_taken_of_each_member(tmp_path: Path) -> None:
    losses = [0.0001, 0.0004, 0.0009, 0.0016]
    members = [
        Told("solved", 1000, {"eval/loss": loss, "eval/within_tenth": 1.0},
             {("loss", 2.0): 4 * loss, ("within_tenth", 4.0): 0.5, ("loss", 4.0): 9 * loss})
        for loss in losses
    ]  # fmt: skip
    by_key = by_number(study_of(tmp_path / "s", {("adding in halves", "lstm", 100): members}))
    assert by_key["rmse", 100, "lstm"].runs.values == pytest.approx([0.01, 0.02, 0.03, 0.04])
    assert by_key["rmse", 200, "lstm"].runs.values == pytest.approx([0.02, 0.04, 0.06, 0.08])
    assert by_key["rmse", 400, "lstm"].runs.values == pytest.approx([0.03, 0.06, 0.09, 0.12])
    assert by_key["share_within_0.1", 400, "lstm"].runs.values == [0.5] * 4
    assert by_key["rmse", 200, "lstm"].verdict == "agrees"  # 0.0381 lies among single runs of ours


def test_wrong_answers_are_per_2560_of_the_sequences_that_confirmed_or_of_the_last_evaluation(tmp_path: Path) -> None:
    """10,000 confirm and 1,000 are evaluated: 5 wrong of 10,000 are 1.28 of 2,560, half wrong of 1,000 are 1,280."""
    members = [*(solved(1000, eval_correct=1.0, confirm_correct=0.9995) for _ in range(3)), plateau(eval_correct=0.5)]
    one = by_number(study_of(tmp_path / "s", {("temporal_order", "lstm_1997", 40): members}))["wrong_of_2560", None,
                                                                                            "lstm_1997"]  # fmt: skip
    assert one.runs.values == pytest.approx([1.28, 1.28, 1.28, 1280.0])
    assert one.runs.tries == (10_000, 10_000, 10_000, 1000)
    assert one.prediction.low <= 1 and one.prediction.high > 1000


def test_without_a_wrong_answer_one_of_2560_is_still_no_contradiction(tmp_path: Path) -> None:
    members = [solved(1000, eval_correct=1.0, confirm_correct=1.0) for _ in range(10)]
    study = study_of(tmp_path / "s", {("temporal_order", "lstm_1997", 40): members})
    one = by_number(study)["wrong_of_2560", None, "lstm_1997"]
    assert (one.ours.middle, one.verdict) == (0, "agrees")


@pytest.mark.parametrize(("accuracy", "verdict"), [(0.15, "agrees"), (0.4, "same outcome, other number")])
def test_a_bound_is_met_by_any_number_beyond_it(tmp_path: Path, accuracy: float, verdict: str) -> None:
    """Bai 2018: below 20% at lags under 50."""
    members = [plateau(eval_recall_accuracy=accuracy + 0.001 * n) for n in range(6)]
    study = study_of(tmp_path / "s", {("copy", "lstm", 50): members})
    assert by_number(study)["recall_accuracy", None, "lstm"].verdict == verdict


def test_a_share_of_nets_that_solve_is_set_beside_ours(tmp_path: Path) -> None:
    """Gers 2000: of the LSTM of 1997 no net in 100 solves the stream, of that with forget gates 18 or 62."""
    members = [*(solved(1000) for _ in range(3)), *(plateau() for _ in range(3))]
    study = study_of(tmp_path / "s", {("reber", "lstm", 5): members, ("reber", "lstm_1997", 5): [plateau()] * 6})
    ruled = [one for one in published_comparisons(study) if one.is_ruled]
    assert [(one.cell, one.published.value, one.ours.middle) for one in ruled] == [
        ("lstm_1997", 0.0, 0.0), ("lstm", 0.18, 0.5), ("lstm", 0.62, 0.5),
    ]  # fmt: skip
    assert ruled[0].verdict == "agrees"
    assert [one.published.dialect for one in ruled] == ["continual"] * 3


def test_the_frame_has_every_row_with_its_columns(tmp_path: Path) -> None:
    by_cell = {
        ("temporal_order", "lstm_1997", 40): [solved(1000) for _ in range(4)],
        ("adding of 1997", "lstm", 50): [solved(1000) for _ in range(4)],
    }
    study = study_of(tmp_path / "s", by_cell)
    frame = published_frame(study)
    assert list(frame.columns) == list(COLUMNS)
    assert len(frame) == sum(len(published_comparisons(one)) for one in study.by_task()) == 2 + 6


def test_a_study_that_nothing_was_published_of_has_none(tmp_path: Path) -> None:
    study = study_of(tmp_path / "s", {("copy of three", "lstm", 7): [solved(1000) for _ in range(4)]})
    assert published_comparisons(study) == []
    assert published_frame(study).empty


def test_protocols_differ_part_by_part_in_words(tmp_path: Path) -> None:
    study = study_of(tmp_path / "s", {("adding in halves", "lstm", 100): [plateau(eval_loss=0.1) for _ in range(4)]})
    one = by_number(study)["rmse", 100, "lstm"]
    both_sides = {difference.what: (difference.published, difference.ours) for difference in differences(one)}
    assert both_sides["dialect"] == ("unspecified", "half")
    assert both_sides["runs"] == ("one run", "mean of 4")
    assert both_sides["training"][1] == "Adam at 0.01, batches of 32, clipped at norm 1"
    assert both_sides["data"][1] == "fresh sequences, 10,000 to confirm"
    assert set(both_sides) == {"dialect", "runs", "model", "training", "data", "stopping"}


@pytest.mark.parametrize(
    ("published", "ours", "same"),
    [
        ("lstm", "lstm", True), ("lstm", "lstm H=130", True), ("lstm", "lstm_pytorch hidden_size=4", True),
        ("lstm", "lstm_1997", False), ("lstm_1997", "lstm", False), ("rnn", "gru", False), ("tcn", "rnn", False),
        ("tcn", "tcn H=9", True),
    ],
)  # fmt: skip
def test_a_cell_is_of_the_kind_that_its_class_computes(published: str, ours: str, same: bool) -> None:
    row = next(row for row in published_results() if row.cell == published)
    assert is_same_kind(row, job_of("adding", ours, 600, 1)) is same


def test_published_names_are_those_of_the_registry_of_cells() -> None:
    """Records name a cell by its class, and are read without torch: so the names stand there a second time."""
    assert {facts.published_name: cell.__name__ for cell, facts in REGISTRY.items() if facts.published_name} == CLASSES


def test_the_number_of_published_runs_is_read_off_its_protocol() -> None:
    runs = {(row.source.name, row.task): published_runs(row) for row in published_results()}
    assert runs["Hochreiter & Schmidhuber 1997", "adding"] == 10
    assert runs["Bai 2018", "adding"] == runs["LSTM Time Capsule", "adding"] == 1


def test_a_table_of_ones_own_is_set_beside_the_others(tmp_path: Path) -> None:
    study = study_of(tmp_path / "s", {("adding in halves", "lstm", 100): [plateau(eval_loss=0.1) for _ in range(4)]})
    line = (
        "B 2021,adding,half,,lstm,100,,mse,,0.1,,no,Table 2,one run,H = 9,SGD,fresh,never,B 2021: a title,https://b.org"
    )
    text = ",".join((*COLUMNS_OF_A_TABLE, "citation", "url")) + f"\n{line}\n"
    with_table = replace(study, plan=replace(study.plan, published=text))
    (mine,) = [one for one in published_comparisons(with_table) if one.published.source.name == "B 2021"]
    assert (mine.published.source.url, mine.ours.middle, mine.verdict) == ("https://b.org", 0.1, "agrees")
    assert len(published_comparisons(with_table)) == len(published_comparisons(study)) + 1
