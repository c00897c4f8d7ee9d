"""What gates are said to do, and the conveyor belt, decided by trained LSTMs that solved their task."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from synthetic_study import make_study

from lstm_bench.analysis.frames import StudyData, load_study
from lstm_bench.claims.deciding import Ruling, rule_on
from lstm_bench.claims.explainer import conveyor_belt, gate_roles

SPREAD = np.exp(0.02 * np.arange(-2, 3))  # of a number over five members
LAGS = (4, 8, 64)  # most solve 4 and 8
Values = Mapping[tuple[str, str], float]  # of a metric, by name and path


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> StudyData:
    folder = tmp_path_factory.mktemp("runs") / "roles"
    make_study(folder, cells=("lstm",), lags=LAGS, tuned=False, timed=False, probed=False)
    return load_study(folder)


def measured(bare: StudyData, values: Values, task: str = "copy", at_other_lags: float = 1e6) -> StudyData:
    """Return a study whose trained members showed these numbers at lag 8, and another at all other lags."""
    jobs = [replace(job, task=task) for job in bare.plan.jobs]
    members = bare.members.assign(task=task)
    rows = [
        {"task": task, "variant": jobs[0].variant, "cell": "lstm", "lag": lag, "seed": seed, "name": name, "path": path,
         "moment": "final", "value": (value if lag == 8 else at_other_lags) * factor, "status": status}
        for (name, path), value in values.items()
        for lag in LAGS
        for seed, factor in enumerate(SPREAD)
        for status in members.loc[(members["lag"] == lag) & (members["seed"] == seed), "status"]
    ]  # fmt: skip
    return replace(bare, plan=replace(bare.plan, jobs=jobs), members=members, results=pd.DataFrame(rows))


def ruled(module: Any, *studies: StudyData) -> Ruling:
    return rule_on(module.__name__.rpartition(".")[2], module, studies)


def gate(name: str, roles: Mapping[str, float], fall: float) -> dict[tuple[str, str], float]:
    at_roles = {(f"gates/{{path}}_at_{role}", name): value for role, value in roles.items()}
    return at_roles | {("gates/{path}_clamp_fall", name): fall}


def on_copy(i: tuple[float, float], o: tuple[float, float], falls: tuple[float, float] = (0.8, 0.7)) -> Values:
    """Return i at cue and blank, o at recall and blank, and what their clamps cost."""
    by_role = gate("i", {"cue": i[0], "blank": i[1]}, falls[0])
    return by_role | gate("o", {"recall": o[0], "blank": o[1]}, falls[1])


def on_segments(reset: float, elsewhere: float, fall: float = 0.5) -> Values:
    return gate("f", {"reset": reset, "elsewhere": elsewhere}, fall)


@pytest.mark.parametrize(
    ("copy", "segments", "verdict"),
    [
        (on_copy((0.9, 0.1), (0.8, 0.2)), on_segments(0.1, 0.9), "supported"),
        (on_copy((0.1, 0.9), (0.2, 0.8)), on_segments(0.9, 0.3), "refuted"),
        (on_copy((0.9, 0.1), (0.2, 0.8)), on_segments(0.1, 0.9), "mixed"),  # o is open at blanks
        (on_copy((0.9, 0.1), (0.8, 0.2), (0.0, 0.01)), on_segments(0.1, 0.9, 0.0), "refuted"),  # and none of it matters
    ],
)
def test_a_gate_must_do_what_is_said_and_it_must_matter(copy, segments, verdict, bare):
    studies = measured(bare, copy), measured(bare, segments, "segments")
    assert ruled(gate_roles, *studies).verdict == verdict


def test_the_numbers_are_those_of_the_longest_lag_that_most_solved(bare):
    ruling = ruled(gate_roles, measured(bare, on_copy((0.9, 0.1), (0.8, 0.2))))
    found = {number.quantity: number.interval.middle for number in ruling.numbers}
    assert found[gate_roles.RATIOS["i"]] == pytest.approx(9)
    assert found[gate_roles.FALLS["o"]] == pytest.approx(0.7 * SPREAD.mean())
    assert ruling.verdict == "not tested"  # nothing is known of f
    assert f"no number with an interval of: {gate_roles.RATIOS['f']}" in ruling.because


def test_copy_decides_nothing_about_the_forget_gate(bare):
    ruling = ruled(gate_roles, measured(bare, on_segments(0.1, 0.9)))  # as if copy had resets
    assert ruling.verdict == "not tested"
    assert all(number.claimed is None for number in ruling.numbers)


def unsolved(study: StudyData) -> StudyData:
    return replace(
        study, members=study.members.assign(status="learning"), results=study.results.assign(status="learning")
    )


def test_members_that_solved_nothing_say_nothing(bare):
    values = on_copy((0.9, 0.1), (0.8, 0.2)) | belt(0.03, 0.97, 0.4)
    for claim in (gate_roles, conveyor_belt):
        assert ruled(claim, unsolved(measured(bare, values))).numbers == ()


def belt(change: float, kept: float, change_at_cue: float) -> Values:
    return {
        ("gates/state_change_{path}", "blank"): change,
        ("gates/state_kept_{path}", "blank"): kept,
        ("gates/state_change_{path}", "cue"): change_at_cue,
    }


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        (belt(0.03, 0.97, 0.4), "supported"),
        (belt(0.3, 0.97, 0.4), "refuted"),  # a third of c changes
        (belt(0.03, 0.6, 0.4), "refuted"),  # what stays is written anew
        (belt(0.03, 0.97, 0.01), "refuted"),  # nothing changes at a cue either
        (belt(0.1, 0.97, 0.4), "not tested"),  # open: the interval holds 10%
        ({}, "not tested"),
    ],
)
def test_c_is_a_conveyor_belt_where_blanks_leave_it_as_it_is_and_cues_do_not(values, verdict, bare):
    study = measured(bare, values) if values else bare
    assert ruled(conveyor_belt, study).verdict == verdict


def test_one_task_with_a_conveyor_belt_and_one_without_are_mixed(bare):
    studies = measured(bare, belt(0.03, 0.97, 0.4)), measured(bare, belt(0.3, 0.7, 0.4), "adding")
    ruling = ruled(conveyor_belt, *studies)
    assert ruling.verdict == "mixed"
    ratios = [n.interval.middle for n in ruling.numbers if n.quantity == conveyor_belt.RATIO]
    assert ratios == pytest.approx([0.03 / 0.4, 0.3 / 0.4])
    assert not any(math.isnan(number.interval.low) for number in ruling.numbers)
