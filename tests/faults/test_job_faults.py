"""Every fault of a job, in its short form."""

import damaging
import full_disks
import killing
import misbehaving
import pytest
from faults import tries

SEED = 1


@pytest.mark.parametrize(
    "fault",
    [f for part in (killing, damaging, full_disks, misbehaving) for f in part.FAULTS if f.short],
    ids=lambda fault: fault.name,
)
def test_nothing_is_lost(fault, tmp_path):
    assert tries(fault, fault.short, SEED, tmp_path).losses == []
