"""Several studies in one report: both pages say what differs, and every figure shows the cells of all."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest
from plain_figures import unrendered_figures_written
from synthetic_study import make_study

from lstm_bench.report.__main__ import main

CELLS = ["lstm [plain]", "rnn [plain]", "lstm [tall]", "rnn [tall]"]


def compare(folder: Path, names: Sequence[str], *options: str) -> Path:
    """Put studies of a folder side by side and return the folder of the report."""
    with unrendered_figures_written():
        assert main([*names, "--runs", str(folder / "runs"), "--reports", str(folder / "reports"), *options]) == 0
    (report,) = (folder / "reports").iterdir()
    return report


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two studies of copy whose lags and numbers of members differ, the second with a task of its own."""
    folder = tmp_path_factory.mktemp("beside")
    make_study(folder / "runs" / "plain", lags=(2, 8, 32), n_seeds=3)
    make_study(folder / "runs" / "tall", lags=(4, 8, 64), n_seeds=2, tasks=("copy", "adding"))
    plan = folder / "runs" / "tall" / "study.json"
    content = json.loads(plan.read_text())
    content["environment"]["commit"] = "ba5eba11"
    plan.write_text(json.dumps(content))
    return compare(folder, ["plain", "tall"])


@pytest.mark.parametrize("file", ["report.html", "report.md"])
def test_both_pages_say_what_differs_first(report: Path, file: str) -> None:
    text = (report / file).read_text()
    assert re.search(r"What differs</h2>|## What differs", text)
    for difference in (
        "2, 8, 32",
        "4, 8, 64",
        "lstm_bench.tasks.copy.CopyTask, lstm_bench.tasks.adding.AddingTask",
        "0123456789ab",
        "ba5eba11",
    ):
        assert difference in text
    assert "batch_size" not in text[text.index("What differs") : text.index("Comparison", text.index("What differs"))]
    assert "Speed was timed in each study by itself" in text


def test_members_of_one_settings_and_seed_are_no_independent_evidence(report: Path) -> None:
    text = (report / "report.md").read_text()
    assert (  # 2 cells at lag 8, and the 2 seeds that both have
        "4 members of one study have the settings, seed and random numbers of another's (lstm [plain] and lstm [tall]; "
        "rnn [plain] and rnn [tall]): they repeat one another and are no independent evidence. 4 of 4 ended alike"
    ) in text


def test_tables_hold_the_cells_of_both(report: Path) -> None:
    compared = pd.read_csv(report / "tables" / "comparison.csv")
    assert compared["cell"].tolist() == [*CELLS, *CELLS[2:]]
    assert compared["task"].tolist() == ["copy"] * 4 + ["adding"] * 2
    assert set(pd.read_csv(report / "results.csv")["study"]) == {"plain", "tall"}
    members = pd.read_csv(report / "tables" / "members.csv")
    assert members.groupby(["study", "cell"]).size().to_dict() == {
        ("plain", CELLS[0]): 9, ("plain", CELLS[1]): 9, ("tall", CELLS[2]): 12, ("tall", CELLS[3]): 12,
    }  # fmt: skip


def test_every_figure_of_the_shared_task_shows_the_cells_of_both(report: Path) -> None:
    text = (report / "report.md").read_text()
    described = dict(re.findall(r"!\[([^]]*(?:\[[^]]*][^]]*)*)]\(figures/(copy_[a-z0-9_]+)\.png\)", text))
    assert len(described) >= 12
    for alt in described:
        assert ("[plain]" in alt) == ("[tall]" in alt), alt


def test_a_cell_is_not_missing_at_a_lag_that_its_study_does_not_have(report: Path) -> None:
    text = (report / "report.md").read_text()
    solved = next(line for line in text.splitlines() if line.startswith("| lstm [plain] | 3/3"))
    assert solved.count("–") == 2
    assert "of those that ran to their end; a dash where a lag was not tried." in text
    assert "did not run" not in text
    assert "Not run" not in text
    assert "at lag 32-64, before training" in text.replace("–", "-")


def test_the_receipt_is_of_both(report: Path) -> None:
    receipt = json.loads((report / "receipt.json").read_text())
    assert receipt["study"] == report.name == "plain_vs_tall"
    assert receipt["rebuild"] == "python -m lstm_bench.report plain tall"
    assert receipt["environment"]["commit"] == "plain: 0123456789ab; tall: ba5eba11"
    assert receipt["wall_s"] == 864.0
    assert {job["cell"] for job in receipt["jobs"]} == set(CELLS)


def test_a_repetition_says_that_nothing_differs(tmp_path: Path) -> None:
    for name in ("first", "second", "third"):
        make_study(tmp_path / "runs" / name, lags=(2,), n_seeds=1, cells=["rnn"], tuned=False, probed=False)
    text = (compare(tmp_path, ["first", "second", "third"], "--name", "again") / "report.md").read_text()
    assert text.startswith("# again\n")
    assert "The studies record the same settings and the same machine." in text
    assert "1 member of one study" in text
    assert "(rnn [first], rnn [second] and rnn [third])" in text
    assert "--name again" in text
