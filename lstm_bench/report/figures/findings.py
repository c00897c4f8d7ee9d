"""Words that the findings of several figures share."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lstm_bench.analysis.wording import counted, listed, with_range

NAMED = 4  # most cells for which a finding gives every number


def by_cell(texts: Mapping[str, str], rank: Callable[[str], Any], pattern: str = "{cell} {text}") -> list[str]:
    """Return a text for each cell; for many cells only for the two at each end, or one for all if it is the same.

    Args:
        texts: the text of each cell.
        rank: returns the key by which many cells are ordered.
        pattern: the format of a cell and its text.
    """

    def write(cell: str, text: str) -> str:
        return pattern.format(cell=cell, text=text)

    if len(texts) <= NAMED:
        return [write(cell, text) for cell, text in texts.items()]
    if len(set(texts.values())) == 1:
        return [write("every cell", next(iter(texts.values())))]
    ranked, half = sorted(texts, key=rank), NAMED // 2
    between = f"{counted(len(texts) - NAMED, 'cell')} between"
    ends = [write(cell, texts[cell]) for cell in (*ranked[:half], *ranked[-half:])]
    return [*ends[:half], between, *ends[half:]]


def not_measured(cells: Sequence[str]) -> str:
    """Return "Not measured: rnn."; "" for no cells."""
    return f"Not measured: {listed(list(cells))}." if cells else ""


def joined(*sentences: str) -> str:
    """Return the sentences that are not empty, joined by spaces."""
    return " ".join(filter(None, sentences))


def with_interval(row: Any) -> str:
    """Return the middle of a summary's row with its interval, to three digits."""
    return with_range(float(row["middle"]), float(row["low"]), float(row["high"]))
