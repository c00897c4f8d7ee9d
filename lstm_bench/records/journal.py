"""The journal of a study: its events, one JSON object a line, appended and never changed.

A process that dies while it writes leaves an incomplete line. The next write ends that line and readers skip it, so
only that event is lost.
"""

import errno
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


class Journal:
    """The journal of one study, runs/<study>/journal.jsonl, to which any process of the study may append."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def note(self, event: str, **facts: Any) -> None:
        """Append an event, with its time and process, in one write that is on the disk when this returns.

        Raises: OSError where it cannot be written whole.
        """
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"at": now, "pid": os.getpid(), "event": event, **facts}, ensure_ascii=False) + "\n"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            content = (_end_of_a_torn_line(descriptor) + line).encode(errors="backslashreplace")
            if os.write(descriptor, content) < len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def read(self, start: int = 0) -> tuple[list[dict[str, Any]], int]:
        """Return the complete lines from byte `start` onwards, and the byte at which the next read starts."""
        if not self.path.is_file():
            return [], start
        with self.path.open("rb") as file:
            file.seek(start)
            content = file.read()
        whole = content[: content.rfind(b"\n") + 1]
        lines = (_parsed(line) for line in whole.splitlines())
        return [line for line in lines if line is not None], start + len(whole)


def _end_of_a_torn_line(descriptor: int) -> str:
    size = os.fstat(descriptor).st_size
    return "\n" if size and os.pread(descriptor, 1, size - 1) != b"\n" else ""


def _parsed(line: bytes) -> dict[str, Any] | None:
    """Return the event of a line, None for an incomplete line."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None
