"""Any letter in names, folders and files, whatever the locale and the encoding of the output."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lstm_bench.cli import main
from lstm_bench.records.journal import Journal
from lstm_bench.records.locking import held, holder

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
LATIN_1 = {"PYTHONIOENCODING": "latin-1"}
ABOUT = "\u95e8\u63a7 \U0001f9e0"


@pytest.mark.parametrize(
    ("module", "arguments"), [("lstm_bench", ["--help", "-cd", "\u95e8"]), ("lstm_bench.report", ["\u95e8"])]
)
@pytest.mark.parametrize("encoding", [ASCII, LATIN_1], ids=["ascii", "latin-1"])
def test_a_command_prints_letters_that_its_output_lacks(tmp_path, module, arguments, encoding):
    folder = tmp_path / "\u95e8" / "cell"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text(f"# {ABOUT}\n_target_: mine.Mine\n", "utf-8")
    (tmp_path / "runs").mkdir()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)} | encoding
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, timeout=120, check=False)
    said = (done.stdout + done.stderr).decode("latin-1" if encoding is LATIN_1 else "utf-8")
    expected = ABOUT if module == "lstm_bench" else "study=\u95e8: allowed: none, since runs holds no study"
    assert (
        expected.encode("latin-1", "backslashreplace").decode("latin-1") if encoding is LATIN_1 else expected
    ) in said
    assert done.returncode == (0 if module == "lstm_bench" else 2)
    assert "Traceback" not in said


def test_an_argument_that_is_no_text_is_told_in_a_line(capsys):
    assert main(["study=s", "cell.label=\udcff"]) == 2
    assert capsys.readouterr().err == "'cell.label=\\udcff': allowed: text in UTF-8\n"


def test_notes_and_journals_hold_any_letter(tmp_path: Path) -> None:
    """Those of a folder whose name is no UTF-8, too."""
    with held(tmp_path / "lock", "study=\u95e8 \udcff"):
        found = holder(tmp_path / "lock")
    assert found is not None
    assert found["command"] == "study=\u95e8 \udcff"
    journal = Journal(tmp_path / "journal.jsonl")
    journal.note("began", folder="\u95e8 \udcff")
    assert journal.read()[0][0]["folder"] == "\u95e8 \udcff"
