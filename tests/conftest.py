"""One thread, as in every worker of a study, and hypothesis examples that are the same in every run.

Files with few long tests come first: workers that take whole files then end at about the same time.
"""

from collections.abc import Iterator

import pytest
import torch
from hypothesis import settings

from lstm_bench.report import figure_files

torch.set_num_threads(1)
settings.register_profile("repeatable", deadline=None, derandomize=True, database=None, max_examples=25)
settings.load_profile("repeatable")

LONGEST_FIRST = ("test_every_yaml", "test_study_faults", "test_output_faults", "test_job_faults", "test_server_faults")


@pytest.fixture(scope="session", autouse=True)
def figures_in_one_process() -> Iterator[None]:
    """Write the figures of every report in the test's process: no worker has to start, and a warning is an error."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(figure_files, "MOST_WORKERS", 1)
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the files, not what is in them."""
    rank = {name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(rank)))
