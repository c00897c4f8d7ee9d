"""Gates are counted, and each is judged on a task that needs it, at matched parameters."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from synthetic_study import make_study

from lstm_bench.analysis.frames import StudyData, load_study
from lstm_bench.claims.deciding import Ruling, rule_on
from lstm_bench.claims.explainer import gate_count, gates

ABLATED = "lstm_bench.cells.lstm_ablated.AblatedLSTMCell"
LAGS = (2, 4, 8, 16, 32, 64)
WHOLE, SHORTER, AS_LONG, LONGER = (10, 10, 9, 1, 0, 0), (9, 1, 0, 0, 0, 0), (10, 10, 9, 3, 0, 0), (10, 10, 10, 10, 9, 1)
ALL, NONE = (10,) * 6, (0,) * 6


@pytest.fixture(scope="module")
def probed(tmp_path_factory: pytest.TempPathFactory) -> StudyData:
    folder = tmp_path_factory.mktemp("runs") / "ablations"
    make_study(folder, cells=("lstm", "rnn"), lags=LAGS, n_seeds=10, tuned=False, timed=False)
    return load_study(folder)


Solved = Mapping[str, tuple[int, ...]]  # by what is missing: members of 10 that solved at each of the lags


def ablations(
    probed: StudyData, solved: Solved, whole: tuple[int, ...] = WHOLE, *, task: str = "copy", parameters: float = 1.0
) -> StudyData:
    """Return a study of a whole LSTM and of ablated ones, which have so many times as many parameters."""
    whole_jobs = [job for job in probed.plan.jobs if job.cell == "lstm"]
    base = probed.members.loc[probed.members["cell"] == "lstm"]
    jobs, members = list(whole_jobs), [_with_outcomes(base, whole)]
    for missing, counts in solved.items():
        config = {"cell": whole_jobs[0].config["cell"] | {"_target_": ABLATED, "without": missing}}
        size = round(parameters * whole_jobs[0].n_parameters)
        jobs += [replace(job, cell=f"no_{missing}", config=config, n_parameters=size) for job in whole_jobs]
        members.append(_with_outcomes(base.assign(cell=f"no_{missing}"), counts))
    jobs = [replace(job, task=task) for job in jobs]
    frame = pd.concat(members, ignore_index=True).assign(task=task)
    return replace(probed, plan=replace(probed.plan, jobs=jobs), members=frame)


def _with_outcomes(rows: pd.DataFrame, counts: tuple[int, ...]) -> pd.DataFrame:
    """Return members that solved early, as many as told, or not at all: no span grows with the budget."""
    reached = dict(zip(LAGS, counts, strict=True))
    is_solved = [seed < reached[lag] for lag, seed in zip(rows["lag"], rows["seed"], strict=True)]
    steps = [100.0 if yes else math.nan for yes in is_solved]
    return rows.assign(status=["solved" if yes else "plateau" for yes in is_solved], steps_to_solve=steps)


def ruled(module: Any, *studies: StudyData) -> Ruling:
    return rule_on(module.__name__.rpartition(".")[2], module, studies)


def outcome(probed: StudyData, **on: Any) -> Ruling:
    """Rule on the three gates: i and o on copy, f on segments, with these members solved, `whole` in both."""
    whole = on.get("whole", WHOLE)
    copy = ablations(probed, {"input_gate": on["i"], "output_gate": on["o"]}, whole)
    return ruled(gates, copy, ablations(probed, {"forget_gate": on["f"]}, whole, task="segments"))


@pytest.mark.parametrize(
    ("i", "f", "o", "verdict"),
    [
        (SHORTER, SHORTER, SHORTER, "supported"),
        (LONGER, LONGER, LONGER, "refuted"),
        (SHORTER, LONGER, SHORTER, "mixed"),
        (AS_LONG, AS_LONG, AS_LONG, "not tested"),  # open: 0.9 is within the intervals
    ],
)
def test_each_gate_is_judged_on_a_task_that_needs_it(i, f, o, verdict, probed):
    assert outcome(probed, i=i, f=f, o=o).verdict == verdict


def test_a_gate_that_was_not_taken_out_leaves_the_claim_untested(probed):
    ruling = ruled(gates, ablations(probed, {"input_gate": SHORTER, "output_gate": SHORTER}))
    assert ruling.verdict == "not tested"
    assert "no number with an interval of: T50 with f = 1" in ruling.because


def test_the_wording_keeps_needed_cheap_and_not_decided_apart(probed):
    ruling = outcome(probed, i=SHORTER, f=LONGER, o=AS_LONG)
    needed, cheap, open_ = ruling.refined.split(". ")
    assert needed.startswith("Needed, on a task that needs it: no_input_gate")
    assert cheap.startswith("Held open at a cost below 10%, on a task that needs it: no_forget_gate")
    assert open_.startswith("Not decided: no_output_gate")


def test_a_ratio_that_nothing_bounds_is_not_decided(probed):
    ruling = ruled(gates, ablations(probed, {"input_gate": (10, 10, 10, 10, 10, 6)}, (10, 10, 10, 10, 10, 7)))
    number = next(n for n in ruling.numbers if n.quantity == gates.GATES["input_gate"])
    assert number.interval[1:] == (0, math.inf)
    assert (number.text, number.agrees) == ("not decided", None)
    assert ruling.verdict == "not tested"


def test_a_task_that_does_not_need_the_gate_decides_nothing(probed):
    """Copy never erases, whatever f = 1 does there."""
    ruling = ruled(gates, ablations(probed, {"forget_gate": LONGER}))
    assert ruling.verdict == "not tested"
    assert [(n.quantity, n.claimed) for n in ruling.numbers] == [(gates.BESIDE["forget_gate"], None)]


def test_three_quarters_of_the_parameters_decide_nothing(probed):
    ruling = ruled(gates, ablations(probed, {"input_gate": SHORTER}, parameters=0.75))
    assert ruling.verdict == "not tested"
    assert [n.case for n in ruling.numbers] == ["over lstm, matched hidden size"]


def test_every_outcome_is_within_reach_of_ten_members_and_six_lags(probed):
    """Of the counts that an ablated cell may have at the lags around its T50, some hold, some fail, some are open."""
    counts = [
        (10, 10, *(10 if k < cut else part if k == cut else 0 for k in range(4)))
        for cut in range(4)
        for part in (1, 5, 9)
    ]
    answers = {next(n.agrees for n in gates.measure([ablations(probed, {"input_gate": count})])) for count in counts}
    assert answers == {True, False, None}


def test_one_lag_cannot_say_that_a_gate_is_not_needed(probed):
    """All of the whole solved at the one lag, and none without the gate: the ratio is at most 1."""
    study = ablations(probed, {"input_gate": NONE}, ALL)
    at_16 = replace(study, members=study.members.loc[study.members["lag"] == 16])
    (number,) = (n for n in gates.measure([at_16]) if n.claimed is not None)
    assert (number.interval.high, number.agrees) == (1.0, None)


def test_gates_and_states_are_counted(probed):
    ruling = ruled(gate_count, probed)
    counts = {n.quantity: n.interval.middle for n in ruling.numbers}
    assert ruling.verdict == "supported"
    assert counts == {gate_count.RNN_GATES: 0, gate_count.LSTM_GATES: 3, gate_count.LSTM_STATES: 2}


def without_gate(probed: StudyData, gate: str) -> StudyData:
    is_of_gate = probed.probes["quantity"].astype(str).str.startswith(f"{gate} ")
    return replace(probed, probes=probed.probes.loc[~is_of_gate])


def test_a_cell_with_other_gates_refutes_the_count(probed):
    two = without_gate(probed, "o")
    assert ruled(gate_count, two).verdict == "refuted"
    assert ruled(gate_count, probed, replace(two, plan=replace(two.plan, study="copy_of_two"))).verdict == "mixed"
    bare = replace(probed, probes=probed.probes.iloc[:0])
    assert ruled(gate_count, bare).verdict == "not tested"
