"""Words that the findings of several figures share."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lstm_bench.analysis.wording import counted, listed

NAMED = 4  # cells of which a finding has every number


def by_cell(texts: Mapping[str, str], rank: Callable[[str], Any]) -> list[str]:
    """Return the texts of a few cells as they come; of many those of the two at each end, and how many lie between.

    Args:
        texts: by cell.
        rank: returns what many cells are ordered by.
    """
    if len(texts) <= NAMED:
        return list(texts.values())
    ranked, half = sorted(texts, key=rank), NAMED // 2
    between = f"{counted(len(texts) - NAMED, 'cell')} between"
    return [*(texts[cell] for cell in ranked[:half]), between, *(texts[cell] for cell in ranked[-half:])]


def not_measured(cells: Sequence[str]) -> str:
    """Return "Not measured: rnn."; "" of no cell."""
    return f"Not measured: {listed(list(cells))}." if cells else ""


def joined(*sentences: str) -> str:
    """Return those sentences that are not empty, one after another."""
    return " ".join(filter(None, sentences))
