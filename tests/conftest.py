"""One thread, as in every worker of a study, and hypothesis examples that are the same in every run.

Slow files come first, the longest before all: workers that take whole files then end at about the same time. Python
looks for cycles among new objects alone, and rarely: to search thousands of tests and all of torch takes half a second.
"""

import gc
import os
import sys
from collections.abc import Callable, Iterator

import pytest
import torch
from hypothesis import settings
from plain_figures import figures_left_out, plain_figures_written, unrendered_figures_written
from slow_files import LONG_FILES, SLOW_FILES, SYSTEM_FILES

from lstm_bench.cores import usable_cores
from lstm_bench.report import figure_files

gc.set_threshold(20_000, 20, 100)
torch.set_num_threads(1)
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # else each process that a test starts compiles the package again
sys.dont_write_bytecode = False  # else pytest rewrites the asserts of every file again: a third of the time to collect
os.environ.pop("MLFLOW_TRACKING_URI", None)  # no test writes into the store of whoever runs it
settings.register_profile("repeatable", deadline=None, derandomize=True, database=None, max_examples=25)
settings.load_profile("repeatable")


@pytest.fixture(scope="session", autouse=True)
def figures_in_one_process() -> Iterator[None]:
    """Write the figures of every report in the test's process: no worker has to start, and a warning is an error."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(figure_files, "MOST_WORKERS", 1)
        yield


@pytest.fixture(scope="session", autouse=True)
def no_waiting_for_the_disk() -> Iterator[None]:
    """Leave writing to the disk to the system: no test cuts the power, and those about order patch fsync themselves."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture
def plain_figures() -> Iterator[None]:
    """Write figures in half the time, for a test of what else a report says."""
    with plain_figures_written():
        yield


@pytest.fixture
def unrendered_figures() -> Iterator[None]:
    """Draw figures and leave them out of the report, for a test of its words."""
    with unrendered_figures_written():
        yield


@pytest.fixture
def only_figures() -> Iterator[Callable[..., None]]:
    """Return a function that has the pages of studies show the named figures alone, for the rest of the test."""
    with figures_left_out() as keep:
        yield keep


@pytest.hookimpl(optionalhook=True)  # there is none where xdist is left out
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return the usable cores, and one more for system tests, which wait for most of their time."""
    return usable_cores() + (config.option.markexpr == "system")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the files, not what is in them, and mark those that are left out at times."""
    seconds = SYSTEM_FILES | SLOW_FILES | LONG_FILES
    items.sort(key=lambda item: -seconds.get(item.path.stem, 0))
    for item in items:
        if item.path.stem in SYSTEM_FILES:
            item.add_marker("system")
        elif item.path.stem in SLOW_FILES:
            item.add_marker("slow")


def pytest_collection_finish() -> None:
    """Leave out of every later search for cycles what is there before the first test."""
    gc.collect()
    gc.freeze()
