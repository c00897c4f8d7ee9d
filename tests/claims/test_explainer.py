"""Each claim of the explainer, on records whose truth is known."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import synthetic_study
from synthetic_study import SyntheticCell, make_study

from lstm_bench.analysis.frames import StudyData, load_study
from lstm_bench.analysis.solving import spans
from lstm_bench.analysis.wording import with_range
from lstm_bench.claims.deciding import Ruling, rule_on
from lstm_bench.claims.explainer import (
    memory_span,
    parameters,
    same_word,
    sentence_boundary,
)

BARE = {"probed": False}  # for claims that ask members alone


def made(
    folder: Path, monkeypatch: pytest.MonkeyPatch, truths: dict[str, SyntheticCell] | None = None, **shape
) -> StudyData:
    """Return a study, named as its folder, of cells of which this is true, neither tuned nor timed."""
    for name, truth in (truths or {}).items():
        monkeypatch.setitem(synthetic_study.CELLS, name, truth)
    make_study(folder, tuned=False, timed=False, **shape)
    return load_study(folder)


def cell(gates: int, t50: float = 10.0, start: float = 0.95, end: float = 0.95, **size: int) -> SyntheticCell:
    return SyntheticCell(gates, t50, start, end, 1e5, **size)


def settled(study: StudyData) -> StudyData:
    """Return a study whose members solved early, if at all: no span grows with the budget."""
    early = study.members["steps_to_solve"].where(study.members["steps_to_solve"].isna(), 100)
    return replace(study, members=study.members.assign(steps_to_solve=early))


def ruled(module, *studies: StudyData) -> Ruling:
    return rule_on(module.__name__.rpartition(".")[2], module, studies)


@pytest.mark.parametrize(
    ("rnn", "lstm", "lags", "verdict"),
    [
        (3.0, 20.0, (1, 2, 4, 8, 16, 32, 64, 128), "refuted"),  # the LSTM falls short of 100
        (20.0, 400.0, (4, 16, 64, 128, 256, 1024), "refuted"),  # the RNN goes beyond 5
        (2.0, 400.0, (1, 2, 3, 4, 64, 128, 256, 512, 1024), "supported"),
    ],
)
def test_memory_span_holds_only_where_both_halves_do(rnn, lstm, lags, verdict, tmp_path, monkeypatch):
    study = settled(made(tmp_path, monkeypatch, {"rnn": cell(1, rnn), "lstm": cell(4, lstm)}, lags=lags, **BARE))
    ruling = ruled(memory_span, study)
    assert ruling.verdict == verdict
    spans = {one.cell: one.found for one in ruling.found if one.claimed is not None}
    assert spans["rnn"].low < rnn < spans["rnn"].high
    assert spans["lstm"].low < lstm < spans["lstm"].high
    ratio = next(one.found for one in ruling.found if one.claimed is None)
    assert ratio.low < lstm / rnn < ratio.high


@pytest.mark.parametrize(
    ("task", "rnn", "verdict"),
    [
        ("copy", 4.0, "refuted"),  # a T50 of 4, at which letters are held for 7 steps
        ("adding", 3.0, "supported"),
        ("adding", 20.0, "refuted"),
    ],
)
def test_memory_span_is_judged_in_steps_held(task, rnn, verdict, tmp_path, monkeypatch):
    cells, lags = {"rnn": cell(1, rnn), "lstm": cell(4, 400.0)}, (2, 3, 4, 8, 64, 128, 256, 512, 1024)
    study = settled(made(tmp_path, monkeypatch, cells, lags=lags, tasks=(task,), held=True, **BARE))
    ruling = ruled(memory_span, study)
    assert ruling.verdict == verdict
    found, span = next(one for one in ruling.found if one.cell == "rnn"), spans(study)["rnn"]
    held = [lag + 3 if task == "copy" else 0.75 * lag - 0.5 for lag in (span.median, span.low, span.high)]
    assert found.found.middle == pytest.approx(held[0])
    assert found.text == f"{with_range(*held)} steps"
    assert found.reach == ((5, 1027) if task == "copy" else (1, 767.5))


def test_one_task_against_the_claim_and_one_for_it_is_mixed(tmp_path, monkeypatch):
    as_claimed = {"rnn": cell(1, 2.0), "lstm": cell(4, 400.0)}
    lags = (1, 2, 3, 4, 64, 128, 256, 512, 1024)
    holds = made(tmp_path / "a", monkeypatch, as_claimed, lags=lags, **BARE)
    fails = settled(made(tmp_path / "b", monkeypatch, {"rnn": cell(1, 2.0), "lstm": cell(4, 20.0)}, lags=lags, **BARE))
    assert ruled(memory_span, holds, fails).verdict == "mixed"


def test_an_lstm_alone_never_supports_a_claim_about_both(tmp_path, monkeypatch):
    study = made(
        tmp_path, monkeypatch, {"lstm": cell(4, 400.0)}, cells=("lstm",), lags=(64, 128, 256, 512, 1024), **BARE
    )
    ruling = ruled(memory_span, study)
    assert ruling.verdict == "not tested"
    assert "no number with an interval of: span of the RNN;" in ruling.because


LONG = (1, 2, 4, 8, 16, 32, 64, 128)


@pytest.mark.parametrize(
    ("quantity", "shape"),
    [
        (memory_span.LSTM_SPAN, {"lags": (1, 2, 4, 8, 16, 32, 48)}),  # 100 is out of reach
        (memory_span.LSTM_SPAN, {"lags": (100, 128, 256)}),  # as is less than 100
        (memory_span.RNN_SPAN, {"lags": (10, 20)}),  # nor could it be at most 5 here
        (memory_span.RNN_SPAN, {"lags": (1, 2, 5)}),  # nor more
        (memory_span.LSTM_SPAN, {"lags": (128,)}),
        (memory_span.LSTM_SPAN, {"lags": LONG, "n_seeds": 3}),
        (memory_span.LSTM_SPAN, {"lags": LONG, "outcome": lambda *_: "learning"}),  # a budget within which none solves
    ],
)
def test_a_span_decides_nothing_where_either_outcome_is_out_of_reach(quantity, shape, tmp_path, monkeypatch):
    cells = {"rnn": cell(1, 12.0), "lstm": cell(4, 20.0)}
    ruling = ruled(memory_span, settled(made(tmp_path, monkeypatch, cells, **shape, **BARE)))
    numbers = [one for one in ruling.found if one.quantity == quantity]
    assert numbers
    assert not any(one.decides for one in numbers)


def test_an_lstm_that_still_grows_with_the_budget_is_not_short_of_100(tmp_path, monkeypatch):
    growing = made(tmp_path, monkeypatch, {"rnn": cell(1, 3.0), "lstm": cell(4, 20.0)}, lags=LONG, **BARE)
    halves = [growing.members["steps_to_solve"] <= share * growing.members["budget"] for share in (0.5, 1)]
    by_lag = [growing.members.loc[half & (growing.members["cell"] == "lstm")].groupby("lag").size() for half in halves]
    assert by_lag[0].get(16, 0) == 0  # the half reaches 8, the whole 16 and more
    assert by_lag[1][16] >= 3
    ruling = ruled(memory_span, growing)
    assert (ruling.verdict, ruled(memory_span, settled(growing)).verdict) == ("not tested", "refuted")
    assert "The lags, members or budget cannot decide: span of the LSTM (lstm, copy" in ruling.because


def test_two_members_at_two_short_lags_rule_on_no_span(tmp_path, monkeypatch):
    cells = {"rnn": cell(1, 3.0), "lstm": cell(4, 12.0)}
    ruling = ruled(memory_span, made(tmp_path, monkeypatch, cells, lags=(10, 20), n_seeds=2, **BARE))
    assert ruling.verdict == "not tested"
    assert ruling.because.startswith("The lags, members or budget cannot decide: span of the RNN")


def test_parameters_are_counted_with_and_without_the_read_out(tmp_path, monkeypatch):
    ruling = ruled(parameters, made(tmp_path, monkeypatch, lags=(2, 8)))
    core, total = 64 * 64 + 64 * 10 + 2 * 64, 65 * 9
    assert ruling.verdict == "supported"
    ratios = {one.quantity: one.found.middle for one in ruling.found}
    assert ratios == {parameters.CORE: 4.0, parameters.TOTAL: (4 * core + total) / (core + total)}


def test_cells_of_other_sizes_are_no_pair(tmp_path, monkeypatch):
    study = made(tmp_path, monkeypatch, {"rnn": cell(1, hidden_size=130)}, lags=(2, 8))
    assert ruled(parameters, study).verdict == "not tested"


def with_probe(study: StudyData, probe: str, values: dict[tuple[str, str, float], list[float]], at: float) -> StudyData:
    """Return a study whose probe said this at its longest lag, by (cell, quantity, distance) over members."""
    lag = max(study.lags)
    rows = [
        {"task": "copy", "variant": study.plan.jobs[0].variant, "cell": cell, "lag": lag, "seed": seed, "at": place,
         "status": "solved", "moment": "final", "step": 1, "probe": probe, "quantity": quantity, "value": value}
        for (cell, quantity, place), members in values.items()
        for seed, value in enumerate(members)
    ]  # fmt: skip
    return replace(study, probes=pd.DataFrame(rows))


NEAR_ONE, NEAR_A_HALF, FEW = [0.98, 1.0, 1.02, 0.99, 1.01], [0.30, 0.31, 0.32, 0.30, 0.31], [0.2, 0.3, 0.2, 0.3, 0.2]


@pytest.mark.parametrize(
    ("identical", "divergence", "verdict"),
    [(NEAR_ONE, FEW, "supported"), ([0.0] * 5, FEW, "refuted"), (NEAR_ONE, [1e-6] * 5, "refuted")],
)
def test_the_same_word_asks_the_rnn_for_one_answer_and_the_lstm_for_two(
    identical, divergence, verdict, tmp_path, monkeypatch
):
    values = {("rnn", "identical", 8.0): identical, ("lstm", "divergence", 8.0): divergence}
    values |= {("rnn", "divergence", 8.0): divergence, ("rnn", "identical", 3.0): [0.0] * 5}  # 3 is not the lag
    study = with_probe(made(tmp_path, monkeypatch, lags=(2, 8)), "same_word", values, 8)
    assert ruled(same_word, study).verdict == verdict


@pytest.mark.parametrize(
    ("rnn", "lstm", "verdict"),
    [
        (NEAR_ONE, NEAR_A_HALF, "supported"),
        (NEAR_ONE, NEAR_ONE, "refuted"),  # the LSTM carries all over
        (NEAR_A_HALF, NEAR_A_HALF, "refuted"),  # the RNN resets too
    ],
)
def test_the_boundary_asks_the_lstm_for_a_reset_and_the_rnn_for_none(rnn, lstm, verdict, tmp_path, monkeypatch):
    values = {(cell, "without boundary", 0.0): [1.0] * 5 for cell in ("rnn", "lstm")}
    values |= {("rnn", "with boundary", 0.0): rnn, ("lstm", "with boundary", 0.0): lstm}
    study = with_probe(made(tmp_path, monkeypatch, lags=(2, 8)), "boundary", values, 0)
    ruling = ruled(sentence_boundary, study)
    assert ruling.verdict == verdict
    assert {one.quantity for one in ruling.found} >= {sentence_boundary.RNN_CARRY, sentence_boundary.LSTM_CARRY}


def test_the_refined_wording_carries_the_numbers(tmp_path, monkeypatch):
    study = settled(made(tmp_path, monkeypatch, lags=(1, 2, 4, 8, 16, 32, 64, 128)))
    for module in (memory_span, parameters):
        ruling = ruled(module, study)
        decisive = [one for one in ruling.found if one.claimed is not None]
        assert any(one.text.split(" ")[0] in ruling.refined for one in decisive), ruling.refined
