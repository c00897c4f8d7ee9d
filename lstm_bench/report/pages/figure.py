"""A figure on a page: its section, and its method among the definitions."""

from collections.abc import Iterable, Sequence

from lstm_bench.report.document import Block, Callout, FigureBlock, Section, Term


def figure_section(figure: FigureBlock, anchor: str, further: Sequence[Block] = ()) -> Section:
    """Return a question with its figure, or with what is missing where there is nothing to draw.

    Args:
        figure: the figure.
        anchor: the prefix of the section's anchor.
        further: blocks below the figure.
    """
    content = figure if figure.figure else Callout(figure.caption, "gap")
    return Section(figure.question, [content, *further], f"{anchor}-{figure.table}")


def method_terms(figures: Iterable[FigureBlock]) -> list[Term]:
    """Return the methods of figures, once for each kind, with the anchors that their captions link to."""
    by_anchor = {figure.method_anchor: figure for figure in figures if figure.figure and figure.method}
    return [Term(figure.question, figure.method, anchor) for anchor, figure in by_anchor.items()]
