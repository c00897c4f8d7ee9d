"""Draw published points on the figures of a study: hollow, each with the name of its cell."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from lstm_bench.analysis.published_points import PublishedPoint
from lstm_bench.analysis.wording import listed
from lstm_bench.report.panels import legend_entry
from lstm_bench.report.style import MUTED

Side = Literal["right", "outside"]
Across = Literal["left", "center"]
Along = Literal["bottom", "center", "top"]
NEAR = 0.06  # of the height of a panel: closer points share a label
HOLLOW: Any = {"markersize": 7, "markerfacecolor": "none", "linestyle": "none"}


class Mark(NamedTuple):
    """A published point and where it stands along x."""

    x: float
    point: PublishedPoint


def published_entries(points: Sequence[PublishedPoint]) -> list[Line2D]:
    """Return a legend entry with the sources of the hollow points; an empty list without points."""
    sources = list(dict.fromkeys(point.published.source.name for point in points))
    return [legend_entry(f"published ({listed(sources)})", color=MUTED, marker="D", **HOLLOW)] if sources else []


def mark_published(
    axes: Axes, marks: Sequence[Mark], shades: Mapping[str, str], side: Side = "right", transform: Any = None
) -> None:
    """Draw published points hollow, in the colour of our cell of the same kind, with the names of their cells.

    Call it after the y limits are set: a point beyond them is a triangle at the edge.

    Args:
        axes: the panel.
        marks: the points.
        shades: the colour of each of our cells.
        side: where names stand: to the right, or "outside", above points in the upper half and below the others.
        transform: of the points; by default that of the data.
    """
    data = transform or axes.transData
    low, high = axes.get_ylim()
    for x, point in marks:
        marker = "v" if point.value < low else "^" if point.value > high else "D"
        axes.plot(
            x, min(max(point.value, low), high), marker=marker, color=shades.get(point.cell, MUTED), transform=data,
            zorder=4, clip_on=False, **HOLLOW,
        )  # fmt: skip
    for group in _near_each_other(marks, NEAR * (high - low)):
        rightmost = max(group, key=lambda mark: mark.x)
        offset, across, along = _label_place(side, rightmost.point.value > (low + high) / 2)
        names = ", ".join(dict.fromkeys(mark.point.published.cell for mark in group))
        axes.annotate(
            names, (rightmost.x, min(max(rightmost.point.value, low), high)),
            xycoords=data, xytext=offset, textcoords="offset points", ha=across, va=along, fontsize="x-small",
            color=MUTED,
        )  # fmt: skip


def _label_place(side: Side, is_upper: bool) -> tuple[tuple[int, int], Across, Along]:
    """Return the offset of a name from its point, in points (1/72 inch), and its alignments."""
    if side == "right":
        return (7, 0), "left", "center"
    return ((0, 6), "center", "bottom") if is_upper else ((0, -6), "center", "top")


def _near_each_other(marks: Sequence[Mark], distance: float) -> list[list[Mark]]:
    """Return groups of marks of one lag and multiple, each mark at most `distance` above the one below it."""
    groups: dict[tuple[int, float], list[list[Mark]]] = defaultdict(list)
    for mark in sorted(marks, key=lambda mark: mark.point.value):
        at_place = groups[mark.point.lag, mark.point.multiple]
        if at_place and mark.point.value - at_place[-1][-1].point.value <= distance:
            at_place[-1].append(mark)
        else:
            at_place.append([mark])
    return [group for at_place in groups.values() for group in at_place]
