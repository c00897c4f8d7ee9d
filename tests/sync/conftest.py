"""The studies and faults of the mirror's own tests."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "analysis"))  # for synthetic_study
sys.path.insert(0, str(Path(__file__).parents[1] / "tracking"))  # for mirror_faults

from mirror_faults import Scene, small_scene

from lstm_bench.tracking.opening import open_store


@pytest.fixture(scope="session")
def one_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a store that all tests share, each with a study of its own name."""
    folder = tmp_path_factory.mktemp("shared")
    open_store(f"sqlite:///{folder / 'mlflow.db'}")
    return folder


@pytest.fixture
def scene(one_store: Path, request: pytest.FixtureRequest) -> Scene:
    """A study of two members that ended."""
    return small_scene(one_store, request.node.name.removeprefix("test_")[:60].replace("[", "-").replace("]", ""))


@pytest.fixture
def scene_of_its_own(one_store: Path, tmp_path: Path) -> Scene:
    """A study in a store that this process has not opened yet: one that is locked fails after 5 s, not 20."""
    shutil.copy(one_store / "mlflow.db", tmp_path)
    return small_scene(tmp_path, "small")
