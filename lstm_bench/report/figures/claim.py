"""The numbers measured for a claim, and the range that it claims."""

import math
from collections.abc import Sequence

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from lstm_bench.claims.contract import Claimed, Measurement
from lstm_bench.claims.deciding import Ruling
from lstm_bench.report.panels import count_ticks, legend, legend_entry, new_figure, power_ticks
from lstm_bench.report.style import MUTED, RULE, themed

METHOD = (
    "Marks are numbers that decide the claim, with 95% intervals; an arrow marks an interval without an end. The range "
    "that the claim gives is shaded. Several numbers of one cell are in the order in which they were taken, the "
    "start first."
)
HOLDS, FAILS, OPEN = True, False, None
WORDS = {HOLDS: "holds", FAILS: "fails", OPEN: "open"}
MARKERS = {HOLDS: "o", FAILS: "X", OPEN: "D"}
STEP, GROUP_GAP, ROW_INCHES, PANEL_INCHES = 0.62, 1.0, 0.2, 0.62
LOG_BEYOND = 10.0  # ratio of the ends above which an axis is logarithmic
PLAIN_FROM = 0.01  # ticks of such an axis from 0.01 to 100 are plain numbers
MARGIN = 0.06


@themed
def draw(ruling: Ruling) -> Figure:
    """Draw a panel per quantity: each number with its interval, a row per cell and place, the claimed range shaded."""
    panels = _panels(ruling)
    heights = [PANEL_INCHES + ROW_INCHES * (_places(numbers)[-1] + 1) for numbers in panels.values()]
    figure = new_figure(0.45 + sum(heights))
    grid = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes, (quantity, numbers) in zip(grid, panels.items(), strict=True):
        _draw_panel(axes, numbers)
        claimed = numbers[0].claimed.text if numbers[0].claimed else ""
        axes.set_title(f"{quantity}, claimed {claimed}", fontsize="medium")
    shades, answers = _shades(), {number.agrees for numbers in panels.values() for number in numbers}
    entries = [
        legend_entry(WORDS[answer], color=shades[answer], marker=MARKERS[answer], markersize=5)
        for answer in WORDS
        if answer in answers
    ]
    legend(figure, [*entries, Patch(color=RULE, label="as claimed")])
    return figure


def _panels(ruling: Ruling) -> dict[str, list[Measurement]]:
    """Return the numbers of each quantity that the claim restricts, those of one cell and place together."""
    claimed = [number for number in ruling.numbers if number.claimed is not None]
    groups = list(dict.fromkeys((number.cell, number.place) for number in claimed))
    claimed.sort(key=lambda number: groups.index((number.cell, number.place)))
    names = dict.fromkeys(number.quantity for number in claimed)
    return {name: [number for number in claimed if number.quantity == name] for name in names}


def _places(numbers: Sequence[Measurement]) -> list[float]:
    """Return the y of each number; those of one cell and place are close together."""
    y, last, places = 0.0, None, []
    for number in numbers:
        group = number.cell, number.place
        y += 0.0 if last is None else STEP if group == last else GROUP_GAP
        last = group
        places.append(y)
    return places


def _draw_panel(axes: Axes, numbers: Sequence[Measurement]) -> None:
    shades, places = _shades(), _places(numbers)
    low, high, scale = _range(numbers)
    axes.set(xscale=scale, xlim=(low, high), ylim=(places[-1] + 0.7, -0.7))
    if scale == "log":
        power_ticks(axes.xaxis, PLAIN_FROM)
    elif all(end.is_integer() for end in _ends(numbers)):
        count_ticks(axes.xaxis, most=6)
    if numbers[0].claimed is not None:
        axes.axvspan(*_within(numbers[0].claimed, low, high), color=RULE, alpha=0.55, linewidth=0)
    for number, y in zip(numbers, places, strict=True):
        _draw_number(axes, number, y, low, high, shades[number.agrees])
    labels = _labels(numbers, places)
    axes.set_yticks(list(labels.values()), list(labels), fontsize="small")
    axes.set_xlabel(numbers[0].unit)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", left=False)
    axes.spines["left"].set_visible(False)


def _draw_number(axes: Axes, number: Measurement, y: float, low: float, high: float, shade: str) -> None:
    """Draw an interval and its middle; an arrow where the interval has no end."""
    interval = number.interval
    left, right = _within(Claimed(interval.low, interval.high), low, high)
    if not math.isnan(left + right):
        axes.plot([left, right], [y, y], color=shade, linewidth=1.6, solid_capstyle="butt")
    for end, edge, marker in ((interval.low, low, "<"), (interval.high, high, ">")):
        if math.isinf(end):
            axes.plot(edge, y, marker=marker, color=shade, markersize=5, clip_on=False)
    middle = min(max(interval.middle, low), high)
    axes.plot(middle, y, marker=MARKERS[number.agrees], color=shade, markersize=5, markeredgecolor="none", zorder=3)


def _labels(numbers: Sequence[Measurement], places: Sequence[float]) -> dict[str, float]:
    """Return the middle y of each cell and place by its label."""
    groups: dict[str, list[float]] = {}
    for number, y in zip(numbers, places, strict=True):
        groups.setdefault(f"{number.cell}, {number.place}", []).append(y)
    return {name: (group[0] + group[-1]) / 2 for name, group in groups.items()}


def _range(numbers: Sequence[Measurement]) -> tuple[float, float, str]:
    """Return the ends of the axis, with some room, and its scale."""
    ends = _ends(numbers)
    low, high = min(ends), max(ends)
    if low > 0 and high / low > LOG_BEYOND:
        room = (high / low) ** MARGIN
        return low / room, high * room, "log"
    room = MARGIN * (high - low) or 1.0
    return low - room, high + room, "linear"


def _ends(numbers: Sequence[Measurement]) -> list[float]:
    """Return the finite middles and ends of all intervals, and the finite ends of all claimed ranges."""
    ends = [float(end) for number in numbers for end in (*number.interval, *(number.claimed or ()))]
    return [end for end in ends if math.isfinite(end)]


def _within(claimed: Claimed, low: float, high: float) -> tuple[float, float]:
    return max(claimed.low, low), min(claimed.high, high)


def _shades() -> dict[bool | None, str]:
    palette = sns.color_palette("colorblind").as_hex()
    return {HOLDS: palette[0], FAILS: palette[3], OPEN: MUTED}


def finding(ruling: Ruling) -> str:
    """Return the reason for the verdict; "" where no number decides."""
    return ruling.because if _panels(ruling) else ""


def rows(ruling: Ruling) -> pd.DataFrame:
    """Return the rows behind the figure, one per number."""
    return measurement_rows([ruling])


COLUMNS = (
    "claim", "verdict", "place", "cell", "case", "quantity", "middle", "low", "high", "unit", "claimed_low",
    "claimed_high", "agrees",
)  # fmt: skip


def measurement_rows(rulings: Sequence[Ruling]) -> pd.DataFrame:
    """Return a row per number of these rulings: claimed_low and _high are NaN, agrees "", where it decides nothing."""
    records = [
        {
            **{"claim": ruling.name, "verdict": ruling.verdict, "place": number.place, "cell": number.cell},
            **{"case": number.case, "quantity": number.quantity, **number.interval._asdict(), "unit": number.unit},
            **dict(zip(COLUMNS[10:12], number.claimed or (math.nan, math.nan), strict=True)),
            "agrees": "" if number.agrees is None else str(number.agrees).lower(),
        }
        for ruling in rulings
        for number in ruling.numbers
    ]
    return pd.DataFrame(records, columns=list(COLUMNS))
