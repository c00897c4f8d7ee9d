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


@pytest.fixture(scope="module")
def two_lags(tmp_path_factory: pytest.TempPathFactory) -> StudyData:
    """A study of the LSTM and the RNN at lags 2 and 8, which no test changes."""
    folder = tmp_path_factory.mktemp("two_lags")
    make_study(folder, lags=(2, 8), tuned=False, timed=False, **BARE)
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
    spans = {one.cell: one.interval for one in ruling.numbers if one.claimed is not None}
    assert spans["rnn"].low < rnn < spans["rnn"].high
    assert spans["lstm"].low < lstm < spans["lstm"].high
    ratio = next(one.interval for one in ruling.numbers if one.claimed is None)
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
    span_of_rnn, span = next(one for one in ruling.numbers if one.cell == "rnn"), spans(study)["rnn"]
    held = [lag + 3 if task == "copy" else 0.75 * lag - 0.5 for lag in (span.median, span.low, span.high)]
    assert span_of_rnn.interval.middle == pytest.approx(held[0])
    assert span_of_rnn.text == f"{with_range(*held)} steps"
    assert span_of_rnn.reach == ((5, 1027) if task == "copy" else (1, 767.5))


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
    numbers = [one for one in ruling.numbers if one.quantity == quantity]
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


def test_parameters_are_counted_with_and_without_the_read_out(two_lags):
    ruling = ruled(parameters, two_lags)
    core, total = 64 * 64 + 64 * 10 + 2 * 64, 65 * 9
    assert ruling.verdict == "supported"
    ratios = {one.quantity: one.interval.middle for one in ruling.numbers}
    assert ratios == {parameters.CORE: 4.0, parameters.TOTAL: (4 * core + total) / (core + total)}


def test_cells_of_other_sizes_are_no_pair(tmp_path, monkeypatch):
    study = made(tmp_path, monkeypatch, {"rnn": cell(1, hidden_size=130)}, lags=(2, 8))
    assert ruled(parameters, study).verdict == "not tested"


NEAR_ONE, LITTLE, WIDE = [0.98, 1.0, 1.02, 0.99, 1.01], [0.10, 0.11, 0.12, 0.10, 0.11], [0.1, 0.9, 0.1, 0.9, 0.5]
SOME, NONE = [0.2, 0.3, 0.2, 0.3, 0.2], [0.0, 1e-6, 2e-6, 0.0, 1e-6]


def with_divergence(study: StudyData, values: dict[tuple[str, int], list[float]]) -> StudyData:
    """Return a study whose trained answers are so far apart, in bits, by (cell, lag), after words a lag back."""
    labels = {"task": "copy", "variant": study.plan.jobs[0].variant, "status": "solved", "moment": "final", "step": 1,
              "probe": "same_word", "quantity": "divergence"}  # fmt: skip
    rows = [
        labels | {"cell": cell, "lag": lag, "at": at, "seed": seed, "value": value if at == lag else 1.0}
        for (cell, lag), members in values.items()
        for seed, value in enumerate(members)
        for at in (1, lag)
    ]
    return replace(study, probes=pd.DataFrame(rows))


SHORT, LONG_LAG = 2, 8  # every cell below solves the former; the LSTM, with a span of 20, the latter too


@pytest.mark.parametrize(
    ("rnn_span", "rnn", "lstm", "verdict"),
    [
        (0.5, (NONE, NONE), (SOME, SOME), "supported"),  # an RNN that remembers nothing
        (50.0, (SOME, SOME), (SOME, SOME), "refuted"),  # one that remembers as far as the LSTM
        (3.2, (SOME, SOME), (SOME, SOME), "refuted"),  # one whose answer depends on what it cannot recall
        (3.2, (SOME, NONE), (SOME, SOME), "mixed"),  # one that remembers less far
        (0.5, (NONE, NONE), (NONE, NONE), "refuted"),  # an LSTM whose answer does not depend on what stood before
        (0.5, ([0.0, 0.03, 0.0, 0.03, 0.01],) * 2, (SOME, SOME), "not tested"),  # members disagree
    ],
)
def test_the_same_word_asks_the_rnn_for_one_answer_and_the_lstm_for_two(
    rnn_span, rnn, lstm, verdict, tmp_path, monkeypatch
):
    cells = {"rnn": cell(1, rnn_span), "lstm": cell(4, 20.0)}
    study = made(tmp_path, monkeypatch, cells, lags=(SHORT, LONG_LAG), **BARE)
    values = {("rnn", lag): members for lag, members in zip((SHORT, LONG_LAG), rnn, strict=True)}
    values |= {("lstm", lag): members for lag, members in zip((SHORT, LONG_LAG), lstm, strict=True)}
    ruling = ruled(same_word, with_divergence(study, values))
    assert ruling.verdict == verdict
    inside = [one.case for one in ruling.numbers if one.case.startswith("inside the RNN's span")]
    assert bool(inside) == (rnn_span > 1)


def test_lags_that_no_cell_solves_say_nothing_of_the_same_word(tmp_path, monkeypatch):
    study = made(tmp_path, monkeypatch, {"rnn": cell(1, 0.5), "lstm": cell(4, 4.0)}, lags=(64,), **BARE)
    ruling = ruled(same_word, with_divergence(study, {("rnn", 64): NONE, ("lstm", 64): NONE}))
    assert ruling.verdict == "not tested"


def test_an_lstm_beyond_its_own_span_may_give_the_same_answer(tmp_path, monkeypatch):
    cells = {"rnn": cell(1, 0.5), "lstm": cell(4, 4.0)}
    study = made(tmp_path, monkeypatch, cells, lags=(2, 64), **BARE)
    values = {("rnn", 2): NONE, ("rnn", 64): NONE, ("lstm", 2): SOME, ("lstm", 64): NONE}
    ruling = ruled(same_word, with_divergence(study, values))
    assert ruling.verdict == "supported"
    beside = [one for one in ruling.numbers if one.quantity == same_word.LSTM_BEYOND]
    assert [(one.case, one.claimed) for one in beside] == [("lag 64", None)]


def with_boundary(study: StudyData, **values: list[float]) -> StudyData:
    """Return a study whose probe of the boundary said this at each lag, by cell and what is left, lost or kept."""
    content, right, variance, gate = (
        ("memory/content_after_{path}", "boundary"),
        ("memory/right_answers_after_{path}", "word"),
        ("memory/content_variance_after_{path}", "boundary"),
        ("gates/content_kept_at_{path}", "boundary"),
    )
    rows = []
    for name in ("rnn", "lstm"):
        left, lost = values[f"{name}_left"], values[f"{name}_lost"]
        readable = values.get("readable", [0.9] * 5)
        numbers = {
            content: [a * b for a, b in zip(left, readable, strict=True)], (content[0], "word"): readable,
            right: [1 - share for share in lost], (right[0], "boundary"): [1.0] * 5,
            variance: left, (variance[0], "word"): [1.0] * 5,
        }  # fmt: skip
        if name == "lstm":
            numbers |= {gate: values["gate"], (gate[0], "word"): [0.9] * 5}
        rows += [
            {**study.labels, "cell": name, "lag": lag, "seed": seed, "moment": "final", "name": key, "path": path,
             "value": value}
            for lag in study.lags
            for (key, path), members in numbers.items()
            for seed, value in enumerate(members)
        ]  # fmt: skip
    return replace(study, results=pd.DataFrame(rows))


AS_CLAIMED = {"rnn_left": NEAR_ONE, "rnn_lost": NONE, "lstm_left": LITTLE, "lstm_lost": SOME, "gate": LITTLE}


@pytest.mark.parametrize(
    ("differs", "verdict"),
    [
        ({}, "supported"),
        ({"lstm_left": NEAR_ONE}, "refuted"),  # the LSTM's sentence can be read behind its end
        ({"gate": NEAR_ONE}, "refuted"),  # something else than the forget gate erases
        ({"rnn_left": LITTLE}, "refuted"),  # the RNN erases
        ({"rnn_lost": SOME}, "refuted"),  # the RNN's answers depend on the boundary
        ({"lstm_left": WIDE}, "not tested"),  # members disagree
        ({"readable": [0.1] * 5}, "not tested"),  # there was nothing to erase
    ],
)
def test_the_boundary_asks_the_lstm_for_a_reset_and_the_rnn_for_no_mechanism(differs, verdict, two_lags):
    study = with_boundary(two_lags, **(AS_CLAIMED | differs))
    ruling = ruled(sentence_boundary, study)
    assert ruling.verdict == verdict
    assert {one.case for one in ruling.numbers} == {"lag 2"}  # the RNN, with a span of 3.2, does not solve the other


def test_a_boundary_that_resets_on_one_task_and_not_on_another_is_mixed(tmp_path, monkeypatch):
    resets, keeps = (
        with_boundary(made(tmp_path / name, monkeypatch, lags=(2, 8), **BARE), **(AS_CLAIMED | differs))
        for name, differs in (("a", {}), ("b", {"lstm_left": NEAR_ONE}))
    )
    assert ruled(sentence_boundary, resets, keeps).verdict == "mixed"


def test_an_rnn_that_learns_no_lag_is_judged_at_the_shortest(tmp_path, monkeypatch):
    study = made(tmp_path, monkeypatch, {"rnn": cell(1, 0.5), "lstm": cell(4, 20.0)}, lags=(2, 8), **BARE)
    ruling = ruled(sentence_boundary, with_boundary(study, **AS_CLAIMED))
    assert (ruling.verdict, {one.case for one in ruling.numbers}) == ("supported", {"lag 2"})


def test_the_refined_wording_carries_the_numbers(tmp_path, monkeypatch):
    study = settled(made(tmp_path, monkeypatch, lags=(1, 2, 4, 8, 16, 32, 64, 128)))
    for module in (memory_span, parameters):
        ruling = ruled(module, study)
        decisive = [one for one in ruling.numbers if one.claimed is not None]
        assert any(one.text.split(" ")[0] in ruling.refined for one in decisive), ruling.refined
