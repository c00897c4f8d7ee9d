"""The table of slow test files names files that exist."""

from pathlib import Path

from slow_files import SLOW_FILES


def test_every_slow_file_exists() -> None:
    assert set(SLOW_FILES) <= {path.stem for path in Path(__file__).parent.rglob("test_*.py")}
