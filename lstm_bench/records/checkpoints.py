"""The checkpoints of one job's phase: two generations, each named by its step and by the SHA-256 of its content.

One rename makes a complete checkpoint appear under its name, and the name contains the hash of the content, so neither
exists without the other. The oldest checkpoint is removed only when the new one is on the disk.
"""

import hashlib
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from lstm_bench.records.atomic import write_bytes

GENERATIONS = 2
NAME = re.compile(r"step-(\d+)\.([0-9a-f]{64})\.pt")


class Checkpoint(NamedTuple):
    """One generation; `content` is None where it cannot be read or does not match the hash in its name."""

    path: Path
    step: int
    content: bytes | None


class Checkpoints:
    """A folder of checkpoints, runs/<study>/checkpoints/<job>-<role>/."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, step: int, content: bytes) -> None:
        """Write a checkpoint, and keep the one before it."""
        digest = hashlib.sha256(content).hexdigest()
        write_bytes(self.folder / f"step-{step:09d}.{digest}.pt", content)
        for _, path in self._generations()[GENERATIONS:]:
            with suppress(OSError):  # an old checkpoint does no harm
                path.unlink()

    def newest_first(self) -> Iterator[Checkpoint]:
        """Yield the checkpoints, with their content read and checked."""
        for step, path in self._generations():
            yield Checkpoint(path, step, _content(path))

    def exist(self) -> bool:
        """Tell whether there is any checkpoint, readable or not."""
        return bool(self._generations())

    def clear(self) -> None:
        """Remove all checkpoints, when the phase has ended."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _generations(self) -> list[tuple[int, Path]]:
        matches = [(match, path) for path in self.folder.glob("step-*.pt") if (match := NAME.fullmatch(path.name))]
        return sorted(((int(match[1]), path) for match, path in matches), reverse=True)


def _content(path: Path) -> bytes | None:
    try:
        content = path.read_bytes()
    except OSError:
        return None
    return content if hashlib.sha256(content).hexdigest() == path.name.split(".")[1] else None
