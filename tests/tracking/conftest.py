"""A store that is there already, and small studies with a known truth."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock

sys.path.insert(0, str(Path(__file__).parents[1] / "analysis"))  # for synthetic_study

from mirror_faults import Scene, small_scene
from waiting import HANGS_S

from lstm_bench.study.folders import tracking_uri
from lstm_bench.tracking.opening import open_store


@pytest.fixture(scope="module", autouse=True)
def answers_take_their_time() -> Iterator[None]:
    """Wait for a server for as long as it takes: on a busy machine an answer can take more than our 10 seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", f"{HANGS_S:.0f}")
        yield


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a store without experiments: making one takes seconds, so all workers of pytest share it."""
    temporary = tmp_path_factory.getbasetemp()
    folder = temporary.parent if "PYTEST_XDIST_WORKER" in os.environ else temporary
    file = folder / "empty_store" / "mlflow.db"
    file.parent.mkdir(exist_ok=True)
    with FileLock(f"{file}.made"):  # however long the first of them takes
        open_store(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def ended_study(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A study of two members that ended, to be copied."""
    return small_scene(tmp_path_factory.mktemp("ended"), "small")


@pytest.fixture
def scene(tmp_path: Path, empty_store: Path, ended_study: Scene) -> Scene:
    """A study of two members that ended, and a store that knows nothing of it."""
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    shutil.copytree(ended_study.folder, tmp_path, dirs_exist_ok=True)
    return Scene(tmp_path, ended_study.plan, tracking_uri(tmp_path, None)[0])


@pytest.fixture
def another_scene(tmp_path: Path) -> Callable[[str], Scene]:
    return lambda name: small_scene(tmp_path, name)
