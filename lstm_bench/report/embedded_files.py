"""The files beside a page that are embedded in it, so that it can be sent alone."""

from collections.abc import Mapping
from itertools import accumulate

ROOM = 2**20  # letters: about what the figures of a study of two cells take


def carried(files: Mapping[str, str], room: int = ROOM) -> dict[str, str]:
    """Return text by path of the smallest files, as many as there is room for.

    Args:
        files: text by path, from the page's folder.
        room: letters that all of them may have together.
    """
    smallest_first = sorted(files, key=lambda path: (len(files[path]), path))
    totals = accumulate(len(files[path]) for path in smallest_first)
    return {path: files[path] for path, total in zip(smallest_first, totals, strict=True) if total <= room}
