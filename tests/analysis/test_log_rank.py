"""The log-rank test against scipy, tables in plain loops and every way to deal members out."""

import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from scipy import stats
from test_survival import PLACEBO, TREATED

from lstm_bench.analysis.log_rank import DRAWS, MANY, Strata, log_rank
from lstm_bench.analysis.statistics import smallest_p_value
from lstm_bench.analysis.survival import Times

BUDGET = 2.0
Member = tuple[float, bool]  # its time, and whether it solved then


def drawn(rng: np.random.Generator, n: int, *, ties: bool = False) -> Times:
    times = rng.exponential(1.3, n)
    times = np.ceil(4 * times) / 4 if ties else times
    return Times(tuple(times[times <= BUDGET].tolist()), (BUDGET,) * int((times > BUDGET).sum()))


def by_scipy(a: Times, b: Times) -> tuple[float, float]:
    truth = stats.logrank(
        *(stats.CensoredData(uncensored=side.solved_at, right=side.unsolved_until) for side in (a, b))
    )
    return float(truth.statistic), float(truth.pvalue)


def test_a_published_trial() -> None:
    """Chi-square 16.79, as in Klein & Moeschberger and the manuals of most packages."""
    assert log_rank(((TREATED, PLACEBO),)).z ** 2 == pytest.approx(16.79, abs=0.005)
    assert log_rank(((PLACEBO, TREATED),)).z > 0  # those of placebo fell ill sooner


@pytest.mark.parametrize("seed", range(5))
def test_z_of_one_stratum_is_that_of_scipy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = drawn(rng, 6, ties=True), drawn(rng, 5, ties=True)
    assert log_rank(((a, b),)).z == pytest.approx(by_scipy(a, b)[0])


def observed_less_expected(a: Sequence[Member], b: Sequence[Member]) -> float:
    """Return O - E of the first side in plain loops."""
    total = 0.0
    for moment in {time for time, solved in [*a, *b] if solved}:
        solving = [sum(time == moment and solved for time, solved in side) for side in (a, b)]
        at_risk = [sum(time >= moment for time, _ in side) for side in (a, b)]
        total += solving[0] - sum(solving) * at_risk[0] / sum(at_risk)
    return total


def every_deal(a: Times, b: Times) -> Iterator[float]:
    """Return O - E for every way to deal the members out, the way it was first."""
    members = [(time, True) for time in a.solved_at] + [(time, False) for time in a.unsolved_until]
    members += [(time, True) for time in b.solved_at] + [(time, False) for time in b.unsolved_until]
    for chosen in itertools.combinations(range(len(members)), a.n):
        sides = [[m for place, m in enumerate(members) if (place in chosen) == first] for first in (True, False)]
        yield observed_less_expected(*sides)


def doubled_tail(sums: np.ndarray) -> float:
    return min(1.0, 2 * min(np.mean(sums <= sums[0] + 1e-9), np.mean(sums >= sums[0] - 1e-9)))


@pytest.mark.parametrize(("n", "m", "seed"), [(5, 5, 1), (5, 5, 2), (3, 6, 3), (4, 2, 4)])
def test_p_counts_every_way_to_deal_the_members_out(n: int, m: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = drawn(rng, n, ties=True), drawn(rng, m)
    assert log_rank(((a, b),)).p == pytest.approx(doubled_tail(np.array(list(every_deal(a, b)))))


def test_p_of_strata_deals_within_each() -> None:
    rng = np.random.default_rng(7)
    strata = tuple((drawn(rng, n), drawn(rng, m)) for n, m in ((3, 3), (2, 4), (3, 2)))
    sums = [np.array(list(every_deal(*pair))) for pair in strata]
    together = np.add.outer(np.add.outer(sums[0], sums[1]), sums[2]).ravel()
    assert log_rank(strata).p == pytest.approx(doubled_tail(together))


def test_z_of_strata_adds_differences_and_variances() -> None:
    rng = np.random.default_rng(3)
    pairs = [(drawn(rng, 5), drawn(rng, 4)) for _ in range(3)]
    differences = [next(every_deal(*pair)) for pair in pairs]
    variances = [(difference / by_scipy(*pair)[0]) ** 2 for difference, pair in zip(differences, pairs, strict=True)]
    assert log_rank(tuple(pairs)).z == pytest.approx(sum(differences) / math.sqrt(sum(variances)))


SOONER, NEVER = Times((600.0,) * 5, ()), Times((), (5000.0,) * 5)


def test_the_normal_approximation_promises_too_much_of_few_members() -> None:
    z, p = log_rank(((SOONER, NEVER),))
    assert z == pytest.approx(3)
    assert p == pytest.approx(2 / 252)
    assert by_scipy(SOONER, NEVER)[1] == pytest.approx(0.0027, abs=5e-5)


@pytest.mark.parametrize(("n", "m"), [(2, 5), (5, 2), (1, 1), (3, 3), (4, 4)])
def test_p_is_never_below_the_smallest_that_so_many_members_can_reach(n: int, m: int) -> None:
    clear = log_rank(((Times((600.0,) * n, ()), Times((), (5000.0,) * m)),))
    assert clear.p == pytest.approx(smallest_p_value(n, m))


def test_few_members_at_many_lags_suffice_together() -> None:
    assert log_rank(((SOONER, NEVER),) * 2).p == pytest.approx(2 / 252**2)
    assert log_rank(((SOONER, NEVER),) * 6).p == pytest.approx(2 / (DRAWS + 1))  # drawn: 252^6 are too many to count
    opposed: Strata = ((SOONER, NEVER), (NEVER, SOONER))
    assert log_rank(opposed) == (0, 1)


@pytest.mark.parametrize("many", [MANY, 0])
def test_p_of_drawn_deals_is_that_of_all_deals(monkeypatch: pytest.MonkeyPatch, many: int) -> None:
    monkeypatch.setattr("lstm_bench.analysis.log_rank.MANY", many)
    rng = np.random.default_rng(11)
    strata = tuple((drawn(rng, 5), drawn(rng, 4)) for _ in range(2))
    exact = log_rank(strata)
    monkeypatch.setattr("lstm_bench.analysis.log_rank.ENUMERABLE", 0)
    estimate = log_rank.__wrapped__(strata)
    assert estimate.p == pytest.approx(exact.p, abs=0.005)
    assert estimate.p != exact.p
    assert log_rank.__wrapped__(strata) == estimate  # always the same deals


def test_p_of_many_members_is_that_of_the_normal_approximation() -> None:
    rng = np.random.default_rng(11)
    many = (drawn(rng, 30), drawn(rng, 30))
    assert log_rank((many,)).p == pytest.approx(by_scipy(*many)[1], abs=0.01)


def test_nothing_is_tested_without_events_or_with_an_empty_side() -> None:
    for strata in (((NEVER, NEVER),), ((SOONER, Times((), ())),), ()):
        assert all(math.isnan(number) for number in log_rank(strata))
    assert log_rank(((SOONER, NEVER), (NEVER, NEVER), (SOONER, Times((), ())))) == log_rank(((SOONER, NEVER),))


def test_all_at_one_time_is_no_difference() -> None:
    assert log_rank(((SOONER, SOONER),)) == (0, 1)
