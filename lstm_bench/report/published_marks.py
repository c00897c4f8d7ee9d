"""Published points on the figures of a study: hollow, each with the name of its cell."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes

from lstm_bench.analysis.published_points import PublishedPoint
from lstm_bench.analysis.wording import listed
from lstm_bench.report.style import MUTED

NEAR = 0.06  # of the height of a panel: closer points have one label


class Mark(NamedTuple):
    """A published point and where it stands along x."""

    x: float
    point: PublishedPoint


def mark_published(
    axes: Axes, marks: Sequence[Mark], shades: Mapping[str, str], side: str = "right", transform: Any = None
) -> None:
    """Draw published points hollow, in the colour of our cell of the kind, and name their cells at one side.

    Where the values lie on the axis must have been settled before.
    """
    data = transform or axes.transData
    for mark in marks:
        axes.plot(
            mark.x, mark.point.value, marker="D", markersize=7, markerfacecolor="none", linestyle="none",
            color=shades.get(mark.point.cell, MUTED), transform=data, zorder=4,
        )  # fmt: skip
    for some in _near_each_other(marks, NEAR * abs(axes.get_ylim()[1] - axes.get_ylim()[0])):
        edge = (max if side == "right" else min)(some, key=lambda mark: mark.x)
        axes.annotate(
            ", ".join(dict.fromkeys(mark.point.published.cell for mark in some)), (edge.x, edge.point.value),
            xycoords=data, xytext=(7 if side == "right" else -7, 0), textcoords="offset points", va="center",
            ha="left" if side == "right" else "right", fontsize="x-small", color=MUTED,
        )  # fmt: skip


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
