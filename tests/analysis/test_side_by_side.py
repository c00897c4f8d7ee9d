"""Several studies as one: every number stays that of its own study, and nothing is counted as two that is one."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from synthetic_study import make_job, make_plan, make_study

from lstm_bench.analysis.comparison import comparison
from lstm_bench.analysis.frames import RESULT_COLUMNS, StudyData, load_study
from lstm_bench.analysis.results import all_results
from lstm_bench.analysis.side_by_side import default_name, differences, join, labels, repeated_members
from lstm_bench.analysis.solving import solve_rates, spans
from lstm_bench.records.plan import StudyPlan

Make = Callable[..., StudyData]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Write a study and load it."""

    def made(name: str, **settings: object) -> StudyData:
        make_study(tmp_path / name, **{"lags": (2, 8), "n_seeds": 3, **settings})
        return load_study(tmp_path / name)

    return made


def plan(study: str, **environment: str) -> StudyPlan:
    known = make_plan(study, [make_job("rnn", 2)])
    return replace(known, environment=known.environment | environment)


@pytest.mark.parametrize(
    ("plans", "expected"),
    [
        ([plan("a"), plan("b")], ["a", "b"]),
        ([plan("a", lstm_bench="0.1"), plan("a", lstm_bench="0.2")], ["0.1", "0.2"]),
        ([plan("a", commit="f00"), plan("a", commit="ba5")], ["f00", "ba5"]),
        (
            [plan("a", lstm_bench="0.1"), plan("a", lstm_bench="0.2"), plan("b", lstm_bench="0.2")],
            ["a 0.1", "a 0.2", "b 0.2"],
        ),
        ([plan("a"), plan("a")], ["asked 0", "asked 1"]),
    ],
)
def test_labels_are_what_tells_the_studies_apart(plans: list[StudyPlan], expected: list[str]) -> None:
    assert labels({f"asked {place}": each for place, each in enumerate(plans)}) == expected


def test_a_name_is_made_of_the_labels() -> None:
    assert default_name({"a": plan("a"), "b": plan("b"), "c": plan("c")}) == "a_vs_b_vs_c"
    assert default_name({"a": plan("s", lstm_bench="0.1"), "b": plan("s", lstm_bench="0.2")}) == "s_0.1_vs_0.2"
    assert default_name({"new/s": plan("s"), "../old/s": plan("s")}) == "s_new-s_vs_..-old-s"


def test_every_cell_keeps_the_numbers_of_its_own_study(make: Make) -> None:
    a, b = make("a", outcome=lambda cell, lag, seed: "solved"), make("b")
    joined = join({"first": a, "second": b}, "a_vs_b")
    assert joined.plan.study == "a_vs_b"
    assert joined.cells == ["lstm [first]", "rnn [first]", "lstm [second]", "rnn [second]"]
    alone = {f"{cell} [first]": span for cell, span in spans(a).items()} | {
        f"{cell} [second]": span for cell, span in spans(b).items()
    }
    assert spans(joined) == alone
    measures = ["steps_to_solve", "decay_initial", "half_life", "sequences_per_s", "peak_memory_bytes", "solved_at_2"]
    expected = pd.concat([comparison(a), comparison(b)], ignore_index=True)[measures]
    pd.testing.assert_frame_equal(comparison(joined)[measures], expected)


def test_ratios_are_over_the_first_cell_of_the_first_study(make: Make) -> None:
    joined = join({"x": make("a", cells=["rnn"]), "y": make("b", cells=["lstm"])}, "a_vs_b")
    assert comparison(joined)["core_ratio"].tolist() == [1.0, 4.0]
    assert comparison(joined)["speed_ratio"].tolist() == [1.0, pytest.approx(90_000 / 200_000)]


def test_rows_are_those_of_all_studies_and_name_their_own(make: Make) -> None:
    a, b = make("a"), make("b", n_seeds=2)
    joined = join({"x": a, "y": b}, "a_vs_b")
    for name in ("members", "tuning", "results", "curves", "gradients", "probes", "speed", "unmeasured"):
        both = [getattr(study, name) for study in (a, b)]
        assert len(getattr(joined, name)) == sum(map(len, both)), name
        assert list(getattr(joined, name).columns) == list(both[0].columns)
    assert joined.members["study"].tolist() == ["a"] * 12 + ["b"] * 8
    assert tuple(all_results(joined).columns) == RESULT_COLUMNS
    assert set(joined.curves["cell"].cat.categories) == set(joined.cells)
    assert joined.plan.jobs[0].cell == "lstm [x]"


def test_tasks_meet_where_both_studies_have_them(make: Make) -> None:
    joined = join({"x": make("a", tasks=("copy", "adding")), "y": make("b", tasks=("adding",))}, "a_vs_b")
    copy, adding = joined.by_task()
    assert copy.cells == ["lstm [x]", "rnn [x]"]
    assert adding.cells == ["lstm [x]", "rnn [x]", "lstm [y]", "rnn [y]"]
    assert (len(copy.members), len(adding.members)) == (12, 24)


def test_lags_of_one_study_are_not_planned_in_the_other(make: Make) -> None:
    joined = join({"x": make("a", lags=(2, 8)), "y": make("b", lags=(8, 16))}, "a_vs_b")
    assert joined.lags == [2, 8, 16]
    assert joined.cells_at(2) == ["lstm [x]", "rnn [x]"]
    assert len(solve_rates(joined)) == 8
    assert (solve_rates(joined)["planned"] == 3).all()


def test_runs_that_both_studies_have_are_told_once_and_kept_apart(make: Make) -> None:
    a = make("a", outcome=lambda cell, lag, seed: "missing" if (cell, lag, seed) == ("rnn", 2, 0) else "solved")
    b = make("b", n_seeds=2, outcome=lambda cell, lag, seed: "plateau" if cell == "rnn" else "solved")
    joined = join({"x": a, "y": b}, "a_vs_b")
    assert joined.members["identity"].dropna().is_unique
    assert joined.members.loc[joined.members["status"] == "missing", "identity"].isna().all()
    repeated = repeated_members(joined)
    assert len(repeated) == 2 * 2 * 2 - 1  # cells, lags and the seeds of both, less the one that never ran
    by_cells = repeated.groupby("cells")["agrees"].agg(["size", "sum"])
    assert by_cells.loc[[("lstm [x]", "lstm [y]")]].to_numpy().tolist() == [[4, 4]]
    assert by_cells.loc[[("rnn [x]", "rnn [y]")]].to_numpy().tolist() == [[3, 0]]


def test_studies_without_a_run_in_common_repeat_nothing(make: Make) -> None:
    assert repeated_members(join({"x": make("a", lags=(2,)), "y": make("b", lags=(8,))}, "a_vs_b")).empty


def test_what_differs_is_told_setting_by_setting() -> None:
    here, there = plan("a", commit="f00", device="cpu"), plan("b", commit="ba5", device="cuda")
    config = json.loads(json.dumps(there.jobs[0].config))
    config["trainer"] |= {"steps": 9000, "learning_rates": [0.01, 0.02]}
    config["cell"] |= {"init": None, "forget_bias": 2.0}
    jobs = [replace(there.jobs[0], cell=cell, kernel="unrolled", config=config) for cell in ("rnn", "gru")]
    listed = differences({"x": here, "y": replace(there, jobs=jobs)})
    assert listed.to_dict("index") == {
        "cells": {"x": "rnn", "y": "rnn, gru"},
        "kernel": {"x": "compiled BPTT", "y": "unrolled"},
        "cell.init": {"x": "orthogonal", "y": "none"},
        "cell.forget_bias": {"x": "-", "y": "2"},
        "trainer.steps": {"x": "4000", "y": "9000"},
        "trainer.learning_rates": {"x": "[0.001, 0.003, 0.01]", "y": "[0.01, 0.02]"},
        "device": {"x": "cpu", "y": "cuda"},
        "commit": {"x": "f00", "y": "ba5"},
    }


def test_many_values_of_a_setting_are_told_by_their_ends() -> None:
    jobs = [make_job("rnn", lag) for lag in range(2, 40)]
    listed = differences({"x": plan("a"), "y": replace(plan("b"), jobs=jobs)})
    assert listed.loc["task.lag"].tolist() == ["2", "2, ..., 39"]


def test_the_same_plan_twice_differs_in_nothing() -> None:
    assert differences({"x": plan("a"), "y": plan("b")}).empty


def test_the_receipt_is_that_of_all(make: Make) -> None:
    a, b = make("a"), make("b")
    packages = {"torch": "2.13.0", "numpy": "1.0"}
    other = replace(
        b.plan,
        command="python -m lstm_bench +experiment=adding_task",
        experiment="adding_task",
        started="2025-11-20T00:00:00+00:00",
        environment=b.plan.environment | {"commit": None, "packages": packages},
    )
    joined = join({"x": a, "y": replace(b, plan=other)}, "a_vs_b").plan
    assert joined.command == f"{a.plan.command} && {other.command}"
    assert joined.experiment == "copy_task and adding_task"
    assert (joined.started, joined.finished, joined.wall_s) == (other.started, a.plan.finished, 864.0)
    assert joined.environment["device"] == "cpu"
    assert joined.environment["commit"] == "x: 0123456789ab; y: none"
    assert joined.environment["packages"] == {"torch": "2.13.0", "numpy": "x: 2.4.6; y: 1.0"}


def test_a_study_that_has_not_ended_leaves_no_end_and_problems_are_those_of_all(make: Make) -> None:
    a, b = (replace(make(name), problems=[f"{name} is broken"]) for name in ("a", "b"))
    b = replace(b, plan=replace(b.plan, finished=None, wall_s=None))
    joined = join({"x": a, "y": b}, "a_vs_b")
    assert (joined.plan.finished, joined.plan.wall_s) == (None, None)
    assert joined.problems == ["a is broken", "b is broken"]
