"""A small study on disk and in memory, made once."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for synthetic_study, which tests/report uses too

from synthetic_study import make_study

from lstm_bench.analysis.frames import StudyData, load_study


@pytest.fixture(scope="session")
def sample_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "sample"
    make_study(folder)
    return folder


@pytest.fixture(scope="session")
def sample(sample_folder: Path) -> StudyData:
    return load_study(sample_folder)
