"""Studies of the tests begin with torch imported, in a third of the time; those of `make faults` from nothing."""

from collections.abc import Iterator

import pytest
import studies
import warm_studies


@pytest.fixture(scope="session", autouse=True)
def warm_starts() -> Iterator[None]:
    """Begin every study by a fork."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(studies, "begin", warm_studies.begin)
        yield
