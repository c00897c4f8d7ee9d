"""The Pareto front: what nothing else beats in both of two ways."""

from collections.abc import Sequence


def pareto_front(costs: Sequence[float], spans: Sequence[float]) -> list[bool]:
    """Return which points no other dominates.

    A point is dominated where another costs as little or less and spans as much or more, and is better in one of
    the two. Points that are equal in both do not dominate each other.
    """
    points = list(zip(costs, spans, strict=True))
    return [not any(_dominates(other, point) for other in points) for point in points]


def _dominates(a: tuple[float, float], b: tuple[float, float]) -> bool:
    return a != b and a[0] <= b[0] and a[1] >= b[1]
