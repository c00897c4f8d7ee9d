"""The tables of test files that take long name files that exist, each in one table."""

from pathlib import Path

from slow_files import LONG_FILES, SLOW_FILES, SYSTEM_FILES

TABLES = (SYSTEM_FILES, SLOW_FILES, LONG_FILES)


def test_every_file_that_takes_long_exists_and_stands_in_one_table() -> None:
    listed = [stem for table in TABLES for stem in table]
    assert set(listed) <= {path.stem for path in Path(__file__).parent.rglob("test_*.py")}
    assert len(listed) == len(set(listed))


def test_every_browser_test_is_a_system_test() -> None:
    assert {path.stem for path in Path(__file__).parent.rglob("test_*_in_browser.py")} <= set(SYSTEM_FILES)
