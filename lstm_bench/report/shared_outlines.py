"""The outlines of letters that the figures of a page have in common, each on the page once."""

import re

OUTLINE = re.compile(r'<path id="([^"]+)"( d="[^"]*" transform="scale\(0\.015625\)")/>')  # a letter, as matplotlib does
REFERENCE = re.compile(r'(<use href="#)([^"]+)')
EMPTY = "<defs></defs>"
HOLDER = '<svg width="0" height="0" style="position:absolute" aria-hidden="true"><defs>{}</defs></svg>'
BODY = "<body>\n"


def share_outlines(page: str) -> str:
    """Return a page whose letters in figures are defined once, at the beginning of its body, in place of once a figure.

    It looks the same. A page without such letters comes back as it is.
    """
    shared: dict[str, str] = {}
    moved: dict[str, str] = {}

    def take(outline: re.Match[str]) -> str:
        moved[outline[1]] = shared.setdefault(outline[2], f"letter-{len(shared):x}")
        return ""

    rest = OUTLINE.sub(take, page)
    if not shared:
        return page
    rest = REFERENCE.sub(lambda use: f"{use[1]}{moved.get(use[2], use[2])}", rest).replace(EMPTY, "")
    letters = "".join(f'<path id="{name}"{outline}/>' for outline, name in shared.items())
    return rest.replace(BODY, f"{BODY}{HOLDER.format(letters)}\n", 1)
