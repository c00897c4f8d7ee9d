"""The Pareto front, against its definition by brute force and by hand."""

import itertools
import random

from lstm_bench.analysis.span_costs import pareto_front


def brute_force(costs: list[int], spans: list[int]) -> list[bool]:
    """Return of which points every other one is worse in one way, or equal in both."""
    points = list(zip(costs, spans, strict=True))
    return [all(other == (c, t) or other[0] > c or other[1] < t for other in points) for c, t in points]


def test_a_front_by_hand() -> None:
    costs, spans = [1.0, 2.0, 3.0, 4.0, 4.0], [5.0, 4.0, 9.0, 9.0, 10.0]
    assert pareto_front(costs, spans) == [True, False, True, False, True]


def test_equal_points_do_not_dominate_each_other() -> None:
    assert pareto_front([2.0, 2.0, 3.0], [7.0, 7.0, 7.0]) == [True, True, False]


def test_nothing_has_no_front() -> None:
    assert pareto_front([], []) == []


def test_all_small_sets_agree_with_brute_force() -> None:
    for points in itertools.product(itertools.product((1, 2, 3), repeat=2), repeat=3):
        costs, spans = ([point[axis] for point in points] for axis in (0, 1))
        assert pareto_front(costs, spans) == brute_force(costs, spans)


def test_the_front_is_the_running_maximum_of_points_in_order() -> None:
    """Another way to it: sorted by cost, a point is on the front where its span exceeds all cheaper ones."""
    generator = random.Random(0)
    costs, spans = ([generator.random() for _ in range(200)] for _ in range(2))
    best, expected = -1.0, set()
    for cost, span in sorted(zip(costs, spans, strict=True)):
        if span > best:
            best = span
            expected.add((cost, span))
    flags = pareto_front(costs, spans)
    assert {point for point, flag in zip(zip(costs, spans, strict=True), flags, strict=True) if flag} == expected
