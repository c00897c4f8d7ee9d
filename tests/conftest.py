"""One thread, as in every worker of a study, and hypothesis examples that are the same in every run.

Files with few long tests come first: workers that take whole files then end at about the same time.
"""

import pytest
import torch
from hypothesis import settings

torch.set_num_threads(1)
settings.register_profile("repeatable", deadline=None, derandomize=True, database=None, max_examples=25)
settings.load_profile("repeatable")

LONGEST_FIRST = ("test_every_yaml", "test_study_faults", "test_output_faults", "test_job_faults", "test_server_faults")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the files, not what is in them."""
    rank = {name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(rank)))
