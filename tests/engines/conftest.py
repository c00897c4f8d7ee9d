"""Engines for the tests, each started on loopback where its programs are there, and a table of what became of them."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
sys.path += [str(TESTS / "tracking"), str(TESTS / "analysis")]  # for mirror_faults, and what that needs

from slurm_node import SlurmNode, is_installed  # noqa: E402
from small_study import LONG, results_hash, studying  # noqa: E402

TABLE = "LSTM_BENCH_ENGINES_TABLE"  # the file that `make engines` prints
AddRow = Callable[[str, int, float, float | None, str, bool], None]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs an engine, unless it is asked for: pytest -m engines."""
    if "engines" in str(config.getoption("markexpr")):
        return
    left_out = [item for item in items if item.get_closest_marker("engines")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def _write_row(*row: object) -> None:
    if table := os.environ.get(TABLE):
        with Path(table).open("a") as lines:
            lines.write(json.dumps(row) + "\n")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note a row for a test that failed, as one that fails comes to none of its own."""
    if report.failed:
        _write_row(report.nodeid.rpartition("::")[2], None, None, None, "", False)


@pytest.fixture(scope="session")
def add_row() -> AddRow:
    """Note a row of the table: engine, jobs, wall_s, overhead_s a job, faults injected, survived."""
    return _write_row


@pytest.fixture(scope="session")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmNode]:
    """A SLURM of one node whose arrays have at most three jobs."""
    if not is_installed() or os.geteuid() != 0:
        pytest.skip("needs root, and slurm-wlm and munge: apt-get install slurm-wlm munge")
    if find_spec("submitit") is None:
        pytest.skip("needs submitit: pip install 'lstm_bench[slurm]'")
    node = SlurmNode(tmp_path_factory.mktemp("slurm"), max_array_size=3)
    try:
        node.start()
        yield node
    finally:
        node.stop()


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The hash of the results of the long job that nothing disturbs."""
    with studying(tmp_path_factory.mktemp("undisturbed"), *LONG, "hydra/launcher=basic") as study:
        assert study.wait() == 0, study.said
        return results_hash(study.records)
