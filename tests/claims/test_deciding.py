"""The verdict follows from the numbers by one rule, for every claim alike."""

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
from synthetic_study import make_study

from lstm_bench.analysis.frames import load_study
from lstm_bench.analysis.statistics import Interval
from lstm_bench.claims.cells import place_of
from lstm_bench.claims.contract import NOWHERE, Claimed, Measurement
from lstm_bench.claims.deciding import holds_in, rule_on

AT_LEAST_TEN = Claimed(low=10)


def number(
    low: float, high: float, place: str = "here", quantity: str = "q", claimed: Claimed | None = AT_LEAST_TEN
) -> Measurement:
    return Measurement(place, "cell", quantity, Interval((low + high) / 2, low, high), claimed)


HOLDS, FAILS, OPEN, UNKNOWN = (11, 12), (1, 2), (9, 11), (math.nan, math.nan)


def claim(found: list[Measurement], **others: object) -> SimpleNamespace:
    content = {"TEXT": "t", "SOURCE": "s", "RULE": "r", "NEEDS": ("copy_task",), "measure": lambda studies: found}
    return SimpleNamespace(**content | others)


@pytest.mark.parametrize(
    ("interval", "claimed", "agrees"),
    [
        ((11, 12), Claimed(low=10), True),
        ((10, 12), Claimed(low=10), True),  # ends are included
        ((9, 11), Claimed(low=10), None),
        ((8, 9), Claimed(low=10), False),
        ((2, 3), Claimed(high=5), True),
        ((4, 6), Claimed(high=5), None),
        ((6, math.inf), Claimed(high=5), False),
        ((120, math.inf), Claimed(low=100), True),
        ((16, math.inf), Claimed(low=100), None),
        ((0.85, 0.95), Claimed(0.9, 1.1), None),
        ((0.95, 1.05), Claimed(0.9, 1.1), True),
        ((3, 3), Claimed(3, 3), True),
        ((4, 4), Claimed(3, 3), False),
        ((math.nan, math.nan), Claimed(low=10), None),
        ((11, 12), None, None),
    ],
)
def test_a_number_agrees_by_its_whole_interval(interval, claimed, agrees):
    assert number(*interval, claimed=claimed).agrees is agrees


@pytest.mark.parametrize(
    ("interval", "claimed", "reach", "agrees"),
    [
        ((20, 40), Claimed(low=100), (1, 48), None),  # it could not have been 100
        ((20, 40), Claimed(low=100), (1, 100), False),
        ((20, 40), Claimed(low=100), (1, 128), False),
        ((120, math.inf), Claimed(low=100), (1, 120), True),
        ((128, math.inf), Claimed(low=100), (100, 128), None),  # nor less
        ((20, math.inf), Claimed(high=5), (10, 20), None),
        ((20, math.inf), Claimed(high=5), (5, 20), False),
        ((0, 4), Claimed(high=5), (4, 32), True),
        ((0, 4), Claimed(high=5), (4, 5), None),
        ((0, math.inf), Claimed(high=1), (0.5, 2), None),
        ((0.9, 1.2), Claimed(0.8, 1.25), (0.5, 2), True),
        ((0.9, 1.2), Claimed(0.8, 1.25), (1, 1), None),
    ],
)
def test_a_number_decides_only_where_it_could_have_come_out_either_way(interval, claimed, reach, agrees):
    one = replace(number(*interval, claimed=claimed), reach=Claimed(*reach))
    assert one.agrees is agrees
    assert one.decides is (agrees is not None)
    assert not replace(one, reach=NOWHERE).decides


def test_an_interval_on_both_sides_of_the_claim_is_open_where_it_ends_and_decides_nothing_where_its_reach_does():
    ends, stops = (replace(number(9, high), reach=Claimed(1, 50)) for high in (11, math.inf))
    assert (ends.agrees, ends.decides, stops.decides) == (None, True, False)
    assert rule_on("name", claim([ends]), []).because == "It is open in the one setting measured."
    assert rule_on("name", claim([stops]), []).verdict == "not tested"


def test_a_setting_with_a_number_that_decides_nothing_holds_nowhere_and_may_fail():
    blind = replace(number(*FAILS, quantity="b"), reach=NOWHERE)
    assert holds_in([number(*HOLDS, quantity="a"), blind]) == {}
    assert holds_in([number(*FAILS, quantity="a"), blind]) == {"here": False}
    ruling = rule_on("name", claim([number(*FAILS, quantity="a", place="there"), number(*HOLDS), blind]), [])
    assert ruling.verdict == "refuted"
    assert ruling.because.endswith("The lags, members or budget cannot decide: b (cell, here).")


@pytest.mark.parametrize(
    ("numbers", "verdict"),
    [
        ([HOLDS], "supported"),
        ([HOLDS, HOLDS], "supported"),
        ([FAILS], "refuted"),
        ([FAILS, FAILS], "refuted"),
        ([FAILS, OPEN], "refuted"),
        ([HOLDS, FAILS], "mixed"),
        ([HOLDS, OPEN], "mixed"),
        ([OPEN], "not tested"),  # nothing speaks for either side
        ([OPEN, OPEN], "not tested"),
        ([HOLDS, UNKNOWN], "supported"),  # a number without an interval decides nothing
        ([UNKNOWN], "not tested"),
        ([], "not tested"),
    ],
)
def test_the_verdict_over_settings(numbers, verdict):
    measured = [number(*ends, place=str(place)) for place, ends in enumerate(numbers)]
    assert rule_on("name", claim(measured), []).verdict == verdict


def test_in_one_setting_every_number_must_hold():
    measured = [number(*HOLDS, quantity="a"), number(*FAILS, quantity="b"), number(*HOLDS, place="there")]
    assert holds_in(measured) == {"here": False, "there": True}
    assert holds_in([number(*HOLDS, quantity="a"), number(*OPEN, quantity="b")]) == {"here": None}


def test_a_cell_alone_is_a_setting_of_its_own():
    together = [
        Measurement("here", cell, "q", Interval(m, m, m), AT_LEAST_TEN, "start") for cell, m in (("a", 11), ("b", 1))
    ]
    apart = [Measurement(one.place, one.cell, "q", one.interval, one.claimed, one.case, alone=True) for one in together]
    assert holds_in(together) == {"start, here": False}
    assert holds_in(apart) == {"a, start, here": True, "b, start, here": False}


def test_what_was_measured_in_part_is_never_supported():
    in_part = rule_on("name", claim([number(*HOLDS, quantity="a")], DECIDED_BY=("a", "b")), [])
    assert in_part.verdict == "not tested"
    assert in_part.because == "There is no number with an interval of: b; copy_task would measure it."
    whole = [number(*HOLDS, quantity="a"), number(*HOLDS, quantity="b")]
    assert rule_on("name", claim(whole, DECIDED_BY=("a", "b")), []).verdict == "supported"


def test_half_a_claim_that_fails_refutes_the_whole():
    assert rule_on("name", claim([number(*FAILS, quantity="a")], DECIDED_BY=("a", "b")), []).verdict == "refuted"


def test_a_number_of_which_nothing_is_claimed_decides_nothing():
    beside = number(*FAILS, quantity="beside", claimed=None)
    assert rule_on("name", claim([beside]), []).verdict == "not tested"
    assert rule_on("name", claim([beside, number(*HOLDS)]), []).verdict == "supported"


def test_the_reason_counts_settings_and_shows_a_number_each_way():
    measured = [
        number(*HOLDS, place="a"),
        number(*FAILS, place="b"),
        number(*FAILS, place="c"),
        number(*OPEN, place="d"),
    ]
    because = rule_on("name", claim(measured), []).because
    assert because == (
        "It holds in 1 of 4 settings, fails in 2 and is open in 1. "
        "Fails: q 1.50 (1.00-2.00), claimed at least 10 (cell, b). "
        "Holds: q 11.5 (11.0-12.0), claimed at least 10 (cell, a)."
    )


def test_refuted_shows_no_number_that_agrees():
    measured = [number(*FAILS, quantity="a"), number(*HOLDS, quantity="b")]
    ruling = rule_on("name", claim(measured), [])
    assert ruling.verdict == "refuted"
    assert ruling.because == (
        "It fails in the one setting measured. Fails: a 1.50 (1.00-2.00), claimed at least 10 (cell, here)."
    )


def test_what_was_measured_is_listed_or_told_by_its_range():
    few = rule_on("name", claim([number(11, 13, place="a"), number(1, 3, place="b")]), [])
    assert few.measured == ["q: 12.0 (11.0-13.0) (cell, a); 2.00 (1.00-3.00) (cell, b)"]
    many = rule_on("name", claim([number(n, n + 2, place=f"p{n}") for n in range(6)]), [])
    assert many.measured == ["q: from 1.00 (0-2.00) (cell, p0) to 6.00 (5.00-7.00) (cell, p5), 6 in all"]
    alike = rule_on("name", claim([number(4, 4, place=f"p{n}") for n in range(6)]), [])
    assert alike.measured == ["q: 4.00, in all 6"]


def test_the_refined_wording_is_left_out_of_what_was_not_measured():
    refined = {"refined": lambda found: f"{len(found)} numbers"}
    assert rule_on("name", claim([number(*FAILS)], **refined), []).refined == "1 numbers"
    assert rule_on("name", claim([], **refined), []).refined == ""


@pytest.mark.parametrize(
    ("claimed", "text"),
    [
        (Claimed(low=100), "at least 100"),
        (Claimed(high=5), "at most 5"),
        (Claimed(3.5, 4.5), "3.5 to 4.5"),
        (Claimed(3, 3), "exactly 3"),
        (Claimed(high=0.93325), "at most 0.933"),
    ],
)
def test_the_claimed_range_in_words(claimed, text):
    assert claimed.text == text


def test_two_variants_of_a_task_are_two_places(tmp_path):
    make_study(tmp_path / "s", lags=(2, 4), n_seeds=1, timed=False, probed=False, tuned=False)
    study = load_study(tmp_path / "s")
    jobs = [replace(job, variant="bai, 3 symbols" if job.lag == 4 else job.variant) for job in study.plan.jobs]
    mixed = replace(study, plan=replace(study.plan, jobs=jobs, study="copy_two_ways"))
    assert [place_of(one_task) for one_task in mixed.by_task()] == [
        "copy (bai, 3 symbols) in copy_two_ways", "copy (arjovsky, 3 symbols) in copy_two_ways",
    ]  # fmt: skip
    assert [place_of(one_task) for one_task in study.by_task()] == ["copy in s"]
