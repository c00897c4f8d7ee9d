"""Published points on the figures of a study: hollow, each with the name of its cell."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from matplotlib.axes import Axes

from lstm_bench.analysis.published_points import PublishedPoint
from lstm_bench.analysis.wording import listed
from lstm_bench.report.style import MUTED

Side = Literal["right", "outside"]
Across = Literal["left", "center"]
Along = Literal["bottom", "center", "top"]
NEAR = 0.06  # of the height of a panel: closer points have one label


class Mark(NamedTuple):
    """A published point and where it stands along x."""

    x: float
    point: PublishedPoint


def mark_published(
    axes: Axes, marks: Sequence[Mark], shades: Mapping[str, str], side: Side = "right", transform: Any = None
) -> None:
    """Draw published points hollow, in the colour of our cell of the kind, and name their cells beside them.

    Where the values lie on the axis must have been settled before: what is off the scale is a triangle at its edge.

    Args:
        axes: the panel.
        marks: the points.
        shades: the colour of each of our cells.
        side: where names stand: right, or "outside", above what lies in the upper half and below the rest.
        transform: of the points; by default that of the data.
    """
    data = transform or axes.transData
    low, high = axes.get_ylim()
    for x, point in marks:
        marker = "v" if point.value < low else "^" if point.value > high else "D"
        axes.plot(
            x, min(max(point.value, low), high), marker=marker, markersize=7, markerfacecolor="none", linestyle="none",
            color=shades.get(point.cell, MUTED), transform=data, zorder=4, clip_on=False,
        )  # fmt: skip
    for some in _near_each_other(marks, NEAR * (high - low)):
        edge = max(some, key=lambda mark: mark.x)
        offset, across, along = _beside(side, edge.point.value > (low + high) / 2)
        names = ", ".join(dict.fromkeys(mark.point.published.cell for mark in some))
        axes.annotate(
            names, (edge.x, min(max(edge.point.value, low), high)),
            xycoords=data, xytext=offset, textcoords="offset points", ha=across, va=along, fontsize="x-small",
            color=MUTED,
        )  # fmt: skip


def _beside(side: Side, is_upper: bool) -> tuple[tuple[int, int], Across, Along]:
    """Return where a name stands from its point, and how it is aligned."""
    if side == "right":
        return (7, 0), "left", "center"
    return ((0, 6), "center", "bottom") if is_upper else ((0, -6), "center", "top")


def _near_each_other(marks: Sequence[Mark], reach: float) -> list[list[Mark]]:
    """Return marks in groups: of one lag and multiple, each no further than `reach` above the one below it."""
    groups: dict[tuple[int, float], list[list[Mark]]] = defaultdict(list)
    for mark in sorted(marks, key=lambda mark: mark.point.value):
        own = groups[mark.point.lag, mark.point.multiple]
        if own and mark.point.value - own[-1][-1].point.value <= reach:
            own[-1].append(mark)
        else:
            own.append([mark])
    return [group for own in groups.values() for group in own]


def hollow_note(points: Sequence[PublishedPoint], where: str = "Hollow") -> str:
    """Return the sentence of a caption that tells where hollow points are from; "" without any."""
    sources = list(dict.fromkeys(point.published.source.name for point in points))
    return f"{where}: published ({listed(sources)})." if sources else ""
