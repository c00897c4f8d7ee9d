"""The tables of test files that take long name files that exist."""

from pathlib import Path

from slow_files import LONG_FILES, SLOW_FILES


def test_every_file_that_takes_long_exists() -> None:
    assert {*SLOW_FILES, *LONG_FILES} <= {path.stem for path in Path(__file__).parent.rglob("test_*.py")}
