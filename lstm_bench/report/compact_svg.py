"""Make SVG figures of matplotlib smaller without changing the picture, one alone and many on a page."""

import re
from zlib import crc32

DECIMALS = 2  # of a point: 1/7200 inch, which no screen shows
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
REFERENCE = re.compile(r'(?:xlink:)?(href="#|url\(#)([^")]+)')
IDENTIFIER = re.compile(r' id="([^"]*)"')
OUR_NAME = re.compile(r"[a-z]+-[a-z_]+")  # matplotlib's own are "patch_1", "DejaVuSans-41" and checksums
PLACE = re.compile(r' (?:d|x|y|width|height)="[^"]*"|translate\([^)]*\)')  # not scale(): its factors are small
LONG_NUMBER = re.compile(rf"-?\d+\.\d{{{DECIMALS + 1},}}(?![\de])")
PATH = re.compile(r' d="([^"]*)"')
COMMAND = re.compile(r"([A-Za-z])([^A-Za-z]*)")

OUTLINE = re.compile(r'<path id="([^"]+)"( d="[^"]*" transform="scale\(0\.015625\)")/>')  # a letter of matplotlib
USE = re.compile(r'(<use href="#)([^"]+)')
EMPTY = "<defs></defs>"
HOLDER = '<svg width="0" height="0" style="position:absolute" aria-hidden="true"><defs>{}</defs></svg>'
BODY = "<body>\n"


def compact_svg(svg: str, name: str) -> str:
    """Return an SVG in which only parts that are referred to have ids: a checksum of the figure's name, and a number.

    A part that a figure names itself (`gid="box-f"`) keeps that name after the checksum, for a script that moves it.
    Places have two decimals, a path omits repeated commands, and there is no space between elements.

    Args:
        svg: the SVG that matplotlib writes.
        name: of the figure, by which its ids differ from those of others on a page.
    """
    begin = f"f{crc32(name.encode()):x}"
    body = COMMENT.sub("", svg)
    targets = dict.fromkeys(target for _, target in REFERENCE.findall(body))
    short = {target: f"{begin}-{place:x}" for place, target in enumerate(targets)}
    names = [name for name in IDENTIFIER.findall(body) if OUR_NAME.fullmatch(name)]
    short |= {name: f"{begin}-{name}" for name in names}
    body = IDENTIFIER.sub(lambda match: f' id="{short[match[1]]}"' if match[1] in short else "", body)
    body = REFERENCE.sub(lambda match: f"{match[1]}{short[match[2]]}", body)
    body = PLACE.sub(lambda match: LONG_NUMBER.sub(_rounded, match[0]), body)
    body = PATH.sub(lambda match: f' d="{_path(match[1])}"', body)
    return re.sub(r">\s+<", "><", body)


def share_outlines(page: str) -> str:
    """Return a page that defines the letters of its figures once, at the start of its body, not once per figure.

    The page looks the same; one without such letters is returned unchanged.
    """
    shared: dict[str, str] = {}
    moved: dict[str, str] = {}

    def take(outline: re.Match[str]) -> str:
        moved[outline[1]] = shared.setdefault(outline[2], f"letter-{len(shared):x}")
        return ""

    remaining = OUTLINE.sub(take, page)
    if not shared:
        return page
    remaining = USE.sub(lambda use: f"{use[1]}{moved.get(use[2], use[2])}", remaining).replace(EMPTY, "")
    letters = "".join(f'<path id="{name}"{outline}/>' for outline, name in shared.items())
    return remaining.replace(BODY, f"{BODY}{HOLDER.format(letters)}\n", 1)


def _rounded(number: re.Match[str]) -> str:
    text = f"{float(number[0]):.{DECIMALS}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _path(commands: str) -> str:
    """Return a path without the command letters that are implied: "M 1 2 L 3 4 L 5 6" becomes "M1 2 3 4 5 6"."""
    letters: list[str] = []
    implied = ""
    for command, numbers in COMMAND.findall(commands):
        letters += [" " if command == implied else command, " ".join(numbers.split())]
        implied = {"M": "L", "m": "l"}.get(command, command)
    return "".join(letters)
