"""An SVG of matplotlib in three quarters of its letters, with the same picture."""

import re
from zlib import crc32

DECIMALS = 2  # of a point: 1/7200 inch, which no screen shows
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
REFERENCE = re.compile(r'(?:xlink:)?(href="#|url\(#)([^")]+)')
IDENTIFIER = re.compile(r' id="([^"]*)"')
OUR_NAME = re.compile(r"[a-z]+-[a-z_]+")  # matplotlib's own are "patch_1", "DejaVuSans-41" and checksums
PLACE = re.compile(r' (?:d|x|y|width|height)="[^"]*"|translate\([^)]*\)')  # and not scale(), whose factors are small
LONG_NUMBER = re.compile(rf"-?\d+\.\d{{{DECIMALS + 1},}}(?![\de])")
PATH = re.compile(r' d="([^"]*)"')
COMMAND = re.compile(r"([A-Za-z])([^A-Za-z]*)")


def compact_svg(svg: str, name: str) -> str:
    """Return an SVG with ids for what is referred to alone: a checksum of the figure's name, and a number.

    A part that a figure names itself (`gid="box-f"`) keeps that name behind the checksum: a script moves it.
    Places have two decimals, a path names a command once where it repeats, and there is no space between elements.

    Args:
        svg: what matplotlib writes.
        name: of the figure, by which its ids differ from those of others on a page.
    """
    begin = f"f{crc32(name.encode()):x}"
    body = COMMENT.sub("", svg)
    targets = dict.fromkeys(target for _, target in REFERENCE.findall(body))
    short = {target: f"{begin}-{place:x}" for place, target in enumerate(targets)}
    names = [name for name in IDENTIFIER.findall(body) if OUR_NAME.fullmatch(name)]
    short |= {name: f"{begin}-{name}" for name in names}
    body = IDENTIFIER.sub(lambda found: f' id="{short[found[1]]}"' if found[1] in short else "", body)
    body = REFERENCE.sub(lambda found: f"{found[1]}{short[found[2]]}", body)
    body = PLACE.sub(lambda found: LONG_NUMBER.sub(_rounded, found[0]), body)
    body = PATH.sub(lambda found: f' d="{_path(found[1])}"', body)
    return re.sub(r">\s+<", "><", body)


def _rounded(number: re.Match[str]) -> str:
    text = f"{float(number[0]):.{DECIMALS}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _path(commands: str) -> str:
    """Return a path without letters that the numbers before them imply: "M 1 2 L 3 4 L 5 6" is "M1 2 3 4 5 6"."""
    letters: list[str] = []
    implied = ""
    for command, numbers in COMMAND.findall(commands):
        letters += [" " if command == implied else command, " ".join(numbers.split())]
        implied = {"M": "L", "m": "l"}.get(command, command)
    return "".join(letters)
