"""Every fault of an output folder, in its short form."""

import output_folders
import pytest
from faults import tries

SEED = 1


@pytest.mark.parametrize(
    "fault",
    [fault for fault in output_folders.FAULTS if fault.short],
    ids=lambda fault: fault.name,
)
def test_nothing_is_lost(fault, tmp_path):
    assert tries(fault, fault.short, SEED, tmp_path).losses == []
