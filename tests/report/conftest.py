"""A report of the synthetic study, built once."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "analysis"))  # for synthetic_study

from synthetic_study import make_study

from lstm_bench.analysis.frames import Study, load_study
from lstm_bench.report.build import build_report


@pytest.fixture(scope="session")
def sample_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "sample"
    make_study(folder, lags=(2, 8, 32))
    return folder


@pytest.fixture(scope="session")
def sample(sample_folder: Path) -> Study:
    return load_study(sample_folder)


@pytest.fixture(scope="session")
def report(sample_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built report."""
    return build_report(sample_folder, tmp_path_factory.mktemp("reports"), {"note": "from a test"}).parent
