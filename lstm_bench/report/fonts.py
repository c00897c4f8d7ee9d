"""The fonts of all figures, and the letters that none of them has."""

from collections.abc import Iterable
from functools import cache

from matplotlib.font_manager import findfont, fontManager, get_font

FAMILY = "DejaVu Sans"  # comes with matplotlib, so the same on every machine
FALLBACKS = (  # for letters that it lacks, where they are installed: on Linux, macOS and Windows
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "Source Han Sans SC", "WenQuanYi Zen Hei"),
    *("WenQuanYi Micro Hei", "Droid Sans Fallback", "PingFang SC", "Hiragino Sans GB", "Heiti TC", "Arial Unicode MS"),
    *("Microsoft YaHei", "SimHei", "MS Gothic", "Yu Gothic", "Malgun Gothic", "Apple SD Gothic Neo", "NanumGothic"),
    *("Noto Sans Devanagari", "Noto Sans Thai", "Nirmala UI", "Noto Emoji", "Segoe UI Emoji"),
)


@cache
def font_families() -> list[str]:
    """Return the families that are searched for a letter, in order."""
    installed = {font.name for font in fontManager.ttflist}
    return [FAMILY, *(family for family in FALLBACKS if family in installed)]


def missing_letters(texts: Iterable[str]) -> str:
    """Return the letters of some texts that no font of the figures has, each once; they are drawn as boxes."""
    letters = sorted({letter for text in texts for letter in text if letter.isprintable()})
    if all(letter.isascii() for letter in letters):
        return ""
    known = {code for family in font_families() for code in get_font(findfont(family)).get_charmap()}
    return "".join(letter for letter in letters if ord(letter) not in known)
