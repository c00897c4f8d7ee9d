"""make says in one line what is wrong with the Python that it finds, and how to mend it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
OLD = "exit 1"
WITHOUT_PIP = 'test "$1" = -c'

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="no make")


@pytest.fixture
def folder(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).touch()
    return tmp_path


def python(file: Path, body: str) -> Path:
    """Write a stand-in for Python."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{body}\n")
    file.chmod(0o755)
    return file


def told(folder: Path, *arguments: str) -> str:
    """Return the first line of the error of make."""
    done = subprocess.run(
        ["make", *arguments], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    return done.stderr.splitlines()[0]


@pytest.mark.parametrize("target", ["bench", "lint", "tests"])
def test_an_old_python_is_told(target, folder):
    old = python(folder / "old", OLD)
    mend = "is not Python 3.11 to 3.13: make ... PYTHON=python3.12"
    assert told(folder, target, f"PYTHON={old}") == f"{old} {mend}"
    assert told(folder, target, "PYTHON=./none") == f"./none {mend}"
    assert not (folder / ".venv").exists()


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (OLD, ".venv is not of Python 3.11 to 3.13: rm -rf .venv && make ... PYTHON=python3.12"),
        (
            WITHOUT_PIP,
            ".venv is incomplete and has no pip: rm -rf .venv && make (on Debian apt install python3-venv before)",
        ),
    ],
)
def test_an_environment_that_is_no_use_is_told(body, line, folder):
    python(folder / ".venv/bin/python", body)
    assert told(folder, "bench") == line


@pytest.mark.parametrize(
    ("address", "line"),
    [
        ("", "ui --host 127.0.0.1 --backend-store-uri sqlite:///mlflow.db"),
        ("sqlite:///other.db", "ui --host 127.0.0.1 --backend-store-uri sqlite:///other.db"),
        ("http://h:5000", "The runs are at http://h:5000 (MLFLOW_TRACKING_URI)."),
    ],
)
def test_the_store_of_the_environment_is_looked_at(address, line, folder):
    python(folder / ".venv/bin/mlflow", 'echo "$@"')
    (folder / ".venv/installed").touch()
    done = subprocess.run(
        ["make", "--silent", "--old-file=.venv/installed", "ui"],
        cwd=folder,
        env=ENVIRONMENT | {"MLFLOW_TRACKING_URI": address},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == f"{line}\n"
