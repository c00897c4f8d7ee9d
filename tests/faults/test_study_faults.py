"""Every fault of a whole study, in its short form."""

import bad_jobs
import pytest
import stopping_studies
from faults import tries

SEED = 1


@pytest.mark.parametrize(
    "fault",
    [f for part in (stopping_studies, bad_jobs) for f in part.FAULTS if f.short],
    ids=lambda fault: fault.name,
)
def test_nothing_is_lost(fault, tmp_path):
    assert tries(fault, fault.short, SEED, tmp_path).losses == []
