"""python -m lstm_bench.report"""

import subprocess
import sys
from pathlib import Path

import pytest
from synthetic_study import make_study

from lstm_bench.report.__main__ import main

CHECK = """
import sys
from lstm_bench.report.__main__ import main
code = main(sys.argv[1:])
print(sorted({"torch", "mlflow", "hydra", "omegaconf"} & set(sys.modules)))
sys.exit(code)
"""


def test_a_report_is_made_from_records_alone(tmp_path: Path) -> None:
    make_study(tmp_path / "runs" / "small", cells=["rnn"], lags=[2], n_seeds=1, tuned=False, timed=False)
    command = [sys.executable, "-W", "error", "-c", CHECK, "small", "runs"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [str(Path("reports") / "small" / "report.html"), "[]"]
    assert (tmp_path / "reports" / "small" / "report.html").is_file()


def test_an_unknown_study_is_refused_in_one_line(sample_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["smaple", str(sample_folder.parent)]) == 2
    assert capsys.readouterr().err == "study=smaple: allowed: sample\n"


def test_a_folder_without_studies_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sample", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"study=sample: allowed: none, since {tmp_path} holds no study\n"


def test_a_plan_that_cannot_be_read_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "study.json").write_text("{")
    assert main(["broken", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert "study.json: cannot be read" in error
    assert error.count("\n") == 1
