"""A table as plain text for the terminal."""

from collections.abc import Sequence


def text_table(columns: Sequence[tuple[str, Sequence[str]]], left: Sequence[str] = ()) -> str:
    """Return columns (heading, texts) side by side, aligned right except for those named in `left`."""
    widths = [max(map(len, (heading, *texts))) for heading, texts in columns]
    lines = [[heading for heading, _ in columns], *zip(*(texts for _, texts in columns), strict=True)]
    sides = ["<" if heading in left else ">" for heading, _ in columns]
    return "\n".join(_line(line, widths, sides) for line in lines)


def _line(entries: Sequence[str], widths: Sequence[int], sides: Sequence[str]) -> str:
    padded = [f"{entry:{side}{width}}" for entry, width, side in zip(entries, widths, sides, strict=True)]
    return "  ".join(padded).rstrip()
