"""Names beside points: none covers another, a mark, a line or the edge, where there is room."""

import random
from itertools import combinations

import pytest

from lstm_bench.report.labels import MARK, Place, place_names

FRAME = (0.0, 0.0, 600.0, 260.0)
Size = tuple[float, float]


def box(place: Place, size: Size) -> tuple[float, float, float, float]:
    return place.x - size[0] / 2, place.y - size[1] / 2, place.x + size[0] / 2, place.y + size[1] / 2


def overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    width, height = (min(a[i + 2], b[i + 2]) - max(a[i], b[i]) for i in (0, 1))
    return max(width, 0.0) * max(height, 0.0)


@pytest.mark.parametrize("seed", range(5))
def test_thirty_names_cover_neither_each_other_nor_a_mark(seed: int) -> None:
    generator = random.Random(seed)
    points = [(generator.uniform(40, 560), generator.uniform(30, 230)) for _ in range(30)]
    sizes = [(generator.uniform(20, 90), 8.0) for _ in points]
    boxes = [box(place, size) for place, size in zip(place_names(points, sizes, FRAME), sizes, strict=True)]
    marks = [(x - MARK, y - MARK, x + MARK, y + MARK) for x, y in points]
    assert all(overlap(a, b) == 0 for a, b in combinations(boxes, 2))
    assert all(overlap(name, mark) == 0 for name in boxes for mark in marks)
    assert all(overlap(name, FRAME) == pytest.approx((name[2] - name[0]) * (name[3] - name[1])) for name in boxes)


def test_a_lone_name_stands_close_to_the_right() -> None:
    (place,) = place_names([(100, 100)], [(40, 8)], FRAME)
    assert place.y == 100
    assert 100 + MARK < place.x - 20 < 112


def test_at_the_right_edge_it_stands_to_the_left() -> None:
    (place,) = place_names([(595, 100)], [(40, 8)], FRAME)
    assert place.x + 20 < 595


def test_a_name_keeps_off_a_line_where_there_is_room() -> None:
    line = (100.0, 99.0, 600.0, 101.0)
    (place,) = place_names([(100, 100)], [(40, 8)], FRAME, [line])
    assert overlap(box(place, (40, 8)), line) == 0


def test_the_first_point_chooses_first() -> None:
    points = [(100, 100), (100, 104)]
    first, second = place_names(points, [(40, 8), (40, 8)], FRAME)
    assert first == place_names(points[:1], [(40, 8)], FRAME)[0] or first.distance <= second.distance
    assert overlap(box(first, (40, 8)), box(second, (40, 8))) == 0
