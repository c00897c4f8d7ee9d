"""Place names next to the points of a scatter plot, so that none covers another."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.text import Annotation
from numpy.typing import NDArray

DISTANCES = (7, 11, 16, 23, 32, 43, 56, 71, 88)  # points from a mark to the middle of the near edge of its name
DIRECTIONS = 16  # tried at each distance
MARK = 4.0  # half the width of a mark, points
THICK = 0.7  # half the width of a line, points
FAR = 14  # points: from this distance on, a line leads to the name


Point = tuple[float, float]
Box = tuple[float, float, float, float]
Array = NDArray[np.float64]


class Place(NamedTuple):
    """The middle of a name, in the unit of the points, and how far its edge is from its mark."""

    x: float
    y: float
    distance: float


def place_names(
    points: Sequence[Point], sizes: Sequence[Point], frame: Box, obstacles: Sequence[Box] = ()
) -> list[Place]:
    """Return a place for the name of each point; earlier points choose first.

    Each takes the nearest place within the frame where it covers no mark and no name that has its place; where there is
    none, the one where it covers least.

    Args:
        points: x and y of each.
        sizes: width and height of each name, in the same unit.
        frame: left, bottom, right and top of what names stay within.
        obstacles: left, bottom, right and top of each further box that names should not cover.
    """
    taken = [*obstacles, *((x - MARK, y - MARK, x + MARK, y + MARK) for x, y in points)]
    places = []
    for (x, y), (width, height) in zip(points, sizes, strict=True):
        candidates = [
            Place(x + dx * (d + width / 2 * abs(dx)), y + dy * (d + height / 2), d)
            for d in DISTANCES
            for dx, dy in _directions()
        ]
        boxes = np.array([_box(place, width, height) for place in candidates])
        covered = _overlaps(boxes, np.array(taken)).sum(axis=1)
        outside = width * height - _overlaps(boxes, np.array([frame]))[:, 0]
        best = int(np.argmin(np.round(covered + outside, 6)))  # the first of the best, which is the nearest
        taken.append(tuple(boxes[best]))
        places.append(candidates[best])
    return places


def _directions() -> list[Point]:
    """Return unit vectors all around: to the right first, then the left, above and below, then between."""
    angles = sorted(range(DIRECTIONS), key=lambda n: (n % (DIRECTIONS // 2) != 0, n % (DIRECTIONS // 4) != 0, n))
    return [(math.cos(2 * math.pi * n / DIRECTIONS), math.sin(2 * math.pi * n / DIRECTIONS)) for n in angles]


def _box(place: Place, width: float, height: float) -> Box:
    return place.x - width / 2, place.y - height / 2, place.x + width / 2, place.y + height / 2


def _overlaps(boxes: Array, others: Array) -> Array:
    """Return the area that each of some boxes [N, 4] shares with each of others [M, 4], as [N, M]."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    return np.asarray(np.clip(high - low, 0, None).prod(axis=2))


def name_points(
    axes: Axes,
    names: Sequence[str],
    points: Sequence[Point],
    colours: Sequence[str],
    line: Sequence[Point] = (),
    arrows: Sequence[tuple[Point, Point]] = (),
) -> None:
    """Write the name of each point next to it, with a thin line to it where it stands apart.

    Call it when axes and limits are final: places depend on them. Points are in data coordinates; the first names have
    the first choice. Where there is room elsewhere, no name covers `line`, a path of horizontal and vertical segments,
    or one of the `arrows`, each a point and the offset of its tip from there in points (1/72 inch).
    """
    figure = axes.get_figure(root=True)
    if figure is None or not names:
        return
    figure.draw_without_rendering()  # fixes the places of the panels
    unit = 72 / figure.dpi  # points a pixel
    texts = [
        axes.annotate(
            name, point, xytext=(0, 0), textcoords="offset points", ha="center", va="center", fontsize="x-small",
            color=colour, in_layout=False,
        )
        for name, point, colour in zip(names, points, colours, strict=True)
    ]  # fmt: skip
    centres = [(x * unit, y * unit) for x, y in axes.transData.transform(points)]
    boxes = [text.get_window_extent() for text in texts]
    sizes = [(box.width * unit, box.height * unit) for box in boxes]
    left, bottom, right, top = (edge * unit for edge in axes.get_window_extent().extents)
    path = [(x * unit, y * unit) for x, y in axes.transData.transform(line)] if line else []
    stretches = [
        (min(a, c) - THICK, min(b, d) - THICK, max(a, c) + THICK, max(b, d) + THICK)
        for (a, b), (c, d) in pairwise(path)
    ]
    tails = (
        [(x * unit, y * unit) for x, y in axes.transData.transform([point for point, _ in arrows])] if arrows else []
    )
    heads = [
        (min(x, x + dx) - MARK, min(y, y + dy) - MARK, max(x, x + dx) + MARK, max(y, y + dy) + MARK)
        for (x, y), (_, (dx, dy)) in zip(tails, arrows, strict=True)
    ]
    places = place_names(centres, sizes, (left, bottom, right, top), [*stretches, *heads])
    for text, (x, y), place in zip(texts, centres, places, strict=True):
        text.set_position((place.x - x, place.y - y))
        if place.distance >= FAR:
            _lead(axes, text)


def _lead(axes: Axes, text: Annotation) -> None:
    line = {"arrowstyle": "-", "color": text.get_color(), "linewidth": 0.5, "alpha": 0.6, "shrinkA": 5, "shrinkB": 3}
    axes.annotate("", text.xy, xytext=text.get_position(), textcoords="offset points", in_layout=False, arrowprops=line)
