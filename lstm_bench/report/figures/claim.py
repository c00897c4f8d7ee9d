"""What was measured of a claim, beside what it says."""

import math
from collections import Counter
from collections.abc import Sequence

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from lstm_bench.analysis.wording import listed
from lstm_bench.claims.contract import Claimed, Measurement
from lstm_bench.claims.deciding import Ruling
from lstm_bench.report.style import MUTED, RULE, new_figure, themed

HOLDS, FAILS, OPEN = True, False, None
WORDS = {HOLDS: "holds", FAILS: "fails", OPEN: "open"}
MARKERS = {HOLDS: "o", FAILS: "X", OPEN: "D"}
STEP, GROUP_GAP, ROW_INCHES, PANEL_INCHES = 0.62, 1.0, 0.2, 0.62
LOG_BEYOND = 10.0  # a range of so many times is shown on a log axis
MARGIN = 0.06


@themed
def draw(ruling: Ruling) -> Figure:
    """Draw a panel a quantity: each number with its interval, a row a cell and place, the claimed range shaded."""
    panels = _panels(ruling)
    heights = [PANEL_INCHES + ROW_INCHES * (_places(own)[-1] + 1) for own in panels.values()]
    figure = new_figure(0.45 + sum(heights))
    axes = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights)[:, 0]
    for place, (quantity, own) in zip(axes, panels.items(), strict=True):
        _draw_panel(place, own)
        place.set_title(f"{quantity}, claimed {own[0].claimed.text if own[0].claimed else ''}", fontsize="medium")
    _legend(figure, ruling)
    return figure


def _panels(ruling: Ruling) -> dict[str, list[Measurement]]:
    """Return the numbers of each quantity of which something is claimed."""
    claimed = [one for one in ruling.found if one.claimed is not None]
    names = dict.fromkeys(one.quantity for one in claimed)
    return {name: [one for one in claimed if one.quantity == name] for name in names}


def _places(own: Sequence[Measurement]) -> list[float]:
    """Return where each number stands: those of one cell and place close together."""
    at, last, places = 0.0, None, []
    for one in own:
        group = one.cell, one.place
        at += 0.0 if last is None else STEP if group == last else GROUP_GAP
        last = group
        places.append(at)
    return places


def _draw_panel(axes: Axes, own: Sequence[Measurement]) -> None:
    shades, places = _shades(), _places(own)
    low, high, scale = _range(own)
    axes.set(xscale=scale, xlim=(low, high), ylim=(places[-1] + 0.7, -0.7))
    if own[0].claimed is not None:
        axes.axvspan(*_within(own[0].claimed, low, high), color=RULE, alpha=0.55, linewidth=0)
    for one, at in zip(own, places, strict=True):
        _draw_number(axes, one, at, low, high, shades[one.agrees])
    labels = _labels(own, places)
    axes.set_yticks(list(labels.values()), list(labels), fontsize="small")
    axes.set_xlabel(own[0].unit)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", left=False)
    axes.spines["left"].set_visible(False)


def _draw_number(axes: Axes, one: Measurement, at: float, low: float, high: float, shade: str) -> None:
    """Draw an interval and its middle; an arrow where the interval has no end."""
    left, right = _within(Claimed(one.found.low, one.found.high), low, high)
    if not math.isnan(left + right):
        axes.plot([left, right], [at, at], color=shade, linewidth=1.6, solid_capstyle="butt")
    if math.isinf(one.found.high):
        axes.plot(high, at, marker=">", color=shade, markersize=5, clip_on=False)
    middle = min(max(one.found.middle, low), high)
    axes.plot(middle, at, marker=MARKERS[one.agrees], color=shade, markersize=5, markeredgecolor="none", zorder=3)


def _labels(own: Sequence[Measurement], places: Sequence[float]) -> dict[str, float]:
    """Return the middle of each cell and place by its name."""
    groups: dict[str, list[float]] = {}
    for one, at in zip(own, places, strict=True):
        groups.setdefault(f"{one.cell}, {one.place}", []).append(at)
    return {name: (at[0] + at[-1]) / 2 for name, at in groups.items()}


def _range(own: Sequence[Measurement]) -> tuple[float, float, str]:
    """Return the ends of the axis, with some room, and its scale."""
    ends = [end for one in own for end in (*one.found, *(one.claimed or ())) if math.isfinite(end)]
    low, high = min(ends), max(ends)
    if low > 0 and high / low > LOG_BEYOND:
        room = (high / low) ** MARGIN
        return low / room, high * room, "log"
    room = MARGIN * ((high - low) or abs(high) or 1)
    return low - room, high + room, "linear"


def _within(claimed: Claimed, low: float, high: float) -> tuple[float, float]:
    return max(claimed.low, low), min(claimed.high, high)


def _shades() -> dict[bool | None, str]:
    palette = sns.color_palette("colorblind").as_hex()
    return {HOLDS: palette[0], FAILS: palette[3], OPEN: MUTED}


def _legend(figure: Figure, ruling: Ruling) -> None:
    shades = _shades()
    answers = {one.agrees for one in ruling.found if one.claimed is not None}
    seen = [answer for answer in WORDS if answer in answers]
    handles: list[Line2D | Patch] = [
        Line2D([], [], color=shades[answer], marker=MARKERS[answer], markersize=5, label=WORDS[answer])
        for answer in seen
    ]
    handles.append(Patch(color=RULE, label="as claimed"))
    figure.legend(handles=handles, loc="outside upper left", ncols=len(handles), handlelength=1.6)


def caption(ruling: Ruling) -> str:
    """Return the reason for the verdict, and what the rows are; "" where nothing decides."""
    if not _panels(ruling):
        return ""
    rows_of = Counter((one.quantity, one.cell, one.place) for one in ruling.found if one.claimed is not None)
    cases = max(rows_of.values()) > 1
    rows = " Several numbers of one cell are in the order in which they were taken, the start first." if cases else ""
    return f"{ruling.because} 95% intervals; the range that the claim gives is shaded.{rows}"


def alt(ruling: Ruling) -> str:
    """Return a description for who cannot see the figure."""
    return f"Numbers with 95% intervals beside what is claimed. {listed(ruling.measured)}."


def rows(ruling: Ruling) -> pd.DataFrame:
    """Return the rows behind it: a row a number."""
    return measurement_rows([ruling])


COLUMNS = (
    "claim", "verdict", "place", "cell", "case", "quantity", "middle", "low", "high", "unit", "claimed_low",
    "claimed_high", "agrees",
)  # fmt: skip


def measurement_rows(rulings: Sequence[Ruling]) -> pd.DataFrame:
    """Return every number of some rulings: claimed_low and _high are NaN, agrees "" where it decides nothing."""
    found = [
        {
            **{"claim": ruling.name, "verdict": ruling.verdict, "place": one.place, "cell": one.cell, "case": one.case},
            **{"quantity": one.quantity, **one.found._asdict(), "unit": one.unit},
            **dict(zip(COLUMNS[10:12], one.claimed or (math.nan, math.nan), strict=True)),
            "agrees": "" if one.agrees is None else str(one.agrees).lower(),
        }
        for ruling in rulings
        for one in ruling.found
    ]
    return pd.DataFrame(found, columns=list(COLUMNS))
