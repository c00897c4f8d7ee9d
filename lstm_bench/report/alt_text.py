"""The alt text of a figure, read from the drawn figure."""

from collections.abc import Iterable, Iterator

from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator


def alt_text(figure: Figure, question: str, finding: str) -> str:
    """Return the alt text: the question, the panels, axes, rows and legend of the figure, and the finding."""
    panels = [axes for axes in figure.axes if axes.axison]
    parts = {
        "Panels": (_one_line(axes.get_title(loc="left")) for axes in panels),
        "Horizontal": _axis_names(figure.get_supxlabel(), [axes.xaxis for axes in panels]),
        "Vertical": _axis_names(figure.get_supylabel(), [axes.yaxis for axes in panels]),
        "Legend": (_one_line(text) for text in _legend_texts(figure)),
    }
    sentences = [_sentence(name, texts) for name, texts in parts.items()]
    return " ".join(filter(None, [question, *sentences, finding]))


def _sentence(name: str, texts: Iterable[str]) -> str:
    distinct = "; ".join(dict.fromkeys(filter(None, texts)))
    return f"{name}: {distinct}." if distinct else ""


def _axis_names(shared: str, axes: list[Axis]) -> Iterator[str]:
    """Yield the texts along the axes: their labels, and the tick labels that are names."""
    yield _one_line(shared)
    for axis in axes:
        yield _one_line(axis.get_label_text())
        yield ", ".join(_names_at_ticks(axis))


def _names_at_ticks(axis: Axis) -> list[str]:
    if not isinstance(axis.get_major_locator(), FixedLocator):
        return []
    texts = axis.get_major_formatter().format_ticks(list(axis.get_majorticklocs()))
    return [_one_line(text) for text in texts if text[:1].isalpha()]


def _legend_texts(figure: Figure) -> Iterator[str]:
    panel_legends = [axes.get_legend() for axes in figure.axes]
    for legend in [*figure.legends, *panel_legends]:
        if legend is not None:
            yield from (text.get_text() for text in legend.get_texts())


def _one_line(text: str) -> str:
    return " ".join(text.split())
