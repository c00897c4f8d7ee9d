"""The explainer's claims and a user's own are ruled on alike, and one bad file takes no other along."""

from pathlib import Path

import pytest

from lstm_bench.claims.evidence import own_claims
from lstm_bench.claims.explainer import CLAIMS
from lstm_bench.claims.loading import REQUIRED, rulings

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
    "gates",
    "parameters",
    "same_word",
    "sentence_boundary",
    "additive_path",
]


def test_without_studies_every_claim_is_not_tested_and_says_what_would_test_it():
    found = rulings([])
    assert [ruling.name for ruling in found] == EXPLAINERS
    assert {ruling.verdict for ruling in found} == {"not tested"}
    for ruling in found:
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


def test_without_own_claims_the_sevens_remain():
    assert len(rulings([], None)) == len(EXPLAINERS)
