"""The explainer's claims and a user's own are ruled on alike, and one bad file takes no other along."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import synthetic_study
from synthetic_study import make_study

from lstm_bench.analysis.frames import StudyData, load_study
from lstm_bench.claims.evidence import own_claims
from lstm_bench.claims.explainer import CLAIMS
from lstm_bench.claims.loading import REQUIRED, rulings, rulings_of

OWN = """
from lstm_bench.analysis.statistics import Interval
from lstm_bench.claims.contract import Claimed, Measurement

TEXT = "Seven is at least ten."
SOURCE = "Somebody."
RULE = "Holds where it is."
NEEDS = ()


def measure(studies):
    return [Measurement("a head", "seven", "value", Interval(7.0, 6.0, 8.0), Claimed(low=10))]
"""
EXPLAINERS = [
    "memory_span",
    "vanishing_gradient",
    "nearly_zero",
    "gate_count",
    "gates",
    "gate_roles",
    "parameters",
    "same_word",
    "sentence_boundary",
    "additive_path",
    "conveyor_belt",
]


def test_without_studies_every_claim_is_not_tested_and_says_what_would_test_it():
    ruled = rulings([])
    assert [ruling.name for ruling in ruled] == EXPLAINERS
    assert {ruling.verdict for ruling in ruled} == {"not tested"}
    for ruling in ruled:
        assert ruling.needs
        assert all(need in ruling.because for need in ruling.needs)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda module: module.__name__.rpartition(".")[2])
def test_every_claim_has_its_parts(claim):
    assert all(hasattr(claim, name) for name in (*REQUIRED, "DECIDED_BY", "refined"))
    assert all(len(text) > 20 for text in (claim.TEXT, claim.SOURCE, claim.RULE))
    experiments = {path.stem for path in (Path(__file__).parents[2] / "conf" / "experiment").glob("*.yaml")}
    assert set(claim.NEEDS) <= experiments
    assert claim.measure([]) == []


def test_a_claim_of_ones_own_takes_one_file(tmp_path):
    (tmp_path / "seven.py").write_text(OWN)
    ruling = rulings([], tmp_path)[-1]
    assert (ruling.name, ruling.text, ruling.verdict) == ("seven", "Seven is at least ten.", "refuted")
    assert ruling.measured == ["value: 7.00 (6.00-8.00)"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("TEXT = ", "SyntaxError"),
        ('TEXT = "t"\n', "has no SOURCE, RULE, NEEDS, measure"),
        (OWN.replace('"a head", ', ""), "TypeError"),
        (OWN + "\nraise RuntimeError('at import')\n", "RuntimeError: at import"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_and_takes_no_other_along(content, problem, tmp_path):
    (tmp_path / "bad.py").write_text(content)
    (tmp_path / "seven.py").write_text(OWN)
    bad, seven = rulings([], tmp_path)[-2:]
    assert (bad.name, bad.verdict) == ("bad", "not tested")
    assert bad.problem.startswith("claims/bad.py: ")
    assert problem in bad.problem
    assert seven.verdict == "refuted"


def test_own_claims_lie_beside_the_runs(tmp_path):
    study = tmp_path / "runs" / "copy_task"
    study.mkdir(parents=True)
    assert own_claims(study) is None
    (tmp_path / "claims").mkdir()
    assert own_claims(study) == tmp_path / "claims"


def test_without_own_claims_the_explainers_remain():
    assert len(rulings([], None)) == len(EXPLAINERS)


README = Path(__file__).parents[2] / "experiments" / "claims" / "README.md"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> StudyData:
    folder = tmp_path_factory.mktemp("runs") / "mine"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(synthetic_study.CELLS, "gru", synthetic_study.CELLS["lstm"])
        make_study(folder, cells=("lstm", "gru"), tuned=False, timed=False, probed=False)
    return load_study(folder)


def of(study: StudyData, experiment: str, name: str = "mine") -> StudyData:
    return replace(study, plan=replace(study.plan, experiment=experiment, study=name))


@pytest.mark.parametrize(
    ("experiment", "claims"),
    [
        ("", []),
        ("smoke", []),
        ("bai2018_copy", []),
        ("anatomy", ["gate_roles", "same_word", "sentence_boundary"]),
        ("ablation", ["gate_count", "gates"]),
        ("adding_task", ["memory_span", "vanishing_gradient", "additive_path", "conveyor_belt"]),
        (
            "copy_task",
            [
                "memory_span",
                "vanishing_gradient",
                "gate_count",
                "gate_roles",
                "parameters",
                "additive_path",
                "conveyor_belt",
            ],
        ),
    ],
)
def test_a_study_is_ruled_on_by_the_claims_that_its_experiment_was_made_for(study, experiment, claims):
    assert [ruling.name for ruling in rulings_of(of(study, experiment))] == claims


@pytest.mark.parametrize(
    ("needs", "experiment", "name", "told"),
    [
        ("('smoke',)", "smoke", "mine", True),
        ("('mine',)", "smoke", "mine", True),
        ("('copy_task', 'mine')", "", "mine", True),
        ("('copy_task',)", "smoke", "mine", False),
        ("()", "", "any", True),
    ],
)
def test_a_claim_of_ones_own_is_ruled_on_where_it_names_the_study_or_its_experiment(
    study, tmp_path, needs, experiment, name, told
):
    (tmp_path / "seven.py").write_text(OWN.replace("NEEDS = ()", f"NEEDS = {needs}"))
    names = [ruling.name for ruling in rulings_of(of(study, experiment, name), tmp_path)]
    assert ("seven" in names) is told


def test_the_documented_claim_is_ruled_on_in_the_documented_study(study, tmp_path):
    text = README.read_text()
    (code,) = re.findall(r"```python\n(.*?)```", text, re.S)
    assert "+experiment=smoke cell=lstm,gru study=mine" in text
    (tmp_path / "gru_as_far.py").write_text(code)
    (ruling,) = rulings_of(of(study, "smoke"), tmp_path)
    assert (ruling.text, ruling.problem) == ("A GRU remembers as far as an LSTM.", "")
    assert [one.cell for one in ruling.numbers] == ["gru"]
    assert 0.8 < ruling.numbers[0].interval.middle < 1.25  # the same members solved
