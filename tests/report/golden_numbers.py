"""The numbers that reports of one fixed set of records say, as they were when they were last agreed to.

Where a change of them is meant, renew them and read what `git diff` says of each:

    python tests/report/golden_numbers.py
"""

import io
import sys
import tempfile
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1] / "analysis"))  # for synthetic_study

from synthetic_study import likely_outcome, make_study

from lstm_bench.analysis.comparison import comparison
from lstm_bench.analysis.frames import StudyData, load_study
from lstm_bench.analysis.headline import headline
from lstm_bench.report.figure_registry import FIGURES

GOLDEN = Path(__file__).parent / "golden"
EXHIBITS = ("solve_rates", "spans", "contrasts", "gradient_milestones", "length_generalisation", "speed", "tuning")


def outcome(cell: str, lag: int, seed: int) -> str:
    """One member of the whole study diverges, one fails, one is missing; others end as they are likely to."""
    odd = {("lstm", 32, 0): "diverged", ("rnn", 8, 1): "failed", ("lstm", 2, 4): "missing"}
    return odd.get((cell, lag, seed)) or likely_outcome(cell, lag, seed)


def fixed_study(folder: Path) -> StudyData:
    """Write the records into a folder and return them as frames."""
    make_study(folder / "golden", lags=(2, 8, 32), tasks=("copy", "adding"), outcome=outcome, held=True)
    return load_study(folder / "golden")


def numbers(study: StudyData) -> dict[str, pd.DataFrame]:
    """Return the tables to be kept, by name, as a reader of their files gets them."""
    tables = {name: FIGURES[name].rows(study) for name in EXHIBITS}
    tables |= {"comparison": comparison(study), "headline": pd.DataFrame({"paragraph": headline(study)})}
    return {name: pd.read_csv(io.StringIO(table.to_csv(index=False))) for name, table in tables.items()}


def kept(name: str) -> pd.DataFrame:
    """Return a table as it was agreed to."""
    return pd.read_csv(GOLDEN / f"{name}.csv")


def renew() -> None:
    """Write the numbers of today over those that were agreed to."""
    GOLDEN.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, table in numbers(fixed_study(Path(folder))).items():
            table.to_csv(GOLDEN / f"{name}.csv", index=False, lineterminator="\n")


if __name__ == "__main__":
    renew()
