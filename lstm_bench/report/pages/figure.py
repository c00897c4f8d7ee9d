"""The section of one figure."""

from collections.abc import Sequence

from lstm_bench.report.document import Block, Callout, FigureBlock, Section


def figure_section(figure: FigureBlock, anchor: str, further: Sequence[Block] = ()) -> Section:
    """Return a question with its figure, or with what is missing where there is nothing to draw.

    Args:
        figure: the figure.
        anchor: what the anchor of the section begins with.
        further: blocks below the figure.
    """
    content = figure if figure.figure else Callout(figure.caption, "gap")
    return Section(figure.question, [content, *further], f"{anchor}-{figure.table}")
