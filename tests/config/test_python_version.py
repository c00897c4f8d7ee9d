"""A Python that cannot run the package is named in one line, at every door to a study."""

import runpy
import sys
import tomllib
from pathlib import Path

import pytest

from lstm_bench import python_version
from lstm_bench.cli import main

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"


@pytest.mark.parametrize("version", [(3, 10), (3, 14), (3, 15), (4, 0)])
def test_another_version_is_refused_in_a_line(version, monkeypatch, capsys):
    monkeypatch.setattr(python_version.sys, "version_info", (*version, 0, "final", 0))
    line = f"Python {version[0]}.{version[1]}: allowed: 3.11 to 3.13\n"
    assert main(["+experiment=smoke"]) == 2
    assert capsys.readouterr().err == line
    monkeypatch.setattr(sys, "argv", ["lstm_bench"])
    with pytest.raises(SystemExit, match="2"):
        runpy.run_module("lstm_bench", run_name="__main__")
    assert capsys.readouterr().err == line


@pytest.mark.parametrize("minor", [11, 12, 13])
def test_these_run(minor, monkeypatch):
    monkeypatch.setattr(python_version.sys, "version_info", (3, minor, 0, "final", 0))
    assert python_version.refusal() == ""


def test_the_package_says_the_same():
    oldest, newest = (".".join(map(str, version)) for version in (python_version.OLDEST, python_version.FIRST_TOO_NEW))
    assert tomllib.loads(PYPROJECT.read_text())["project"]["requires-python"] == f">={oldest},<{newest}"
