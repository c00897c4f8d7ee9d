"""Reports of one figure and its table, for tests of what else a report says."""

from collections.abc import Iterator

import pytest

from lstm_bench.report import build, figure_registry
from lstm_bench.report.pages import study as study_page

KEPT = {"solve_rates": figure_registry.FIGURES["solve_rates"]}


def _keep_one(patched: pytest.MonkeyPatch) -> None:
    for module in (build, study_page):
        patched.setattr(module, "FIGURES", KEPT)


@pytest.fixture
def one_figure(monkeypatch: pytest.MonkeyPatch, unrendered_figures: None) -> None:
    """Have reports of studies draw the first figure alone, and render none."""
    _keep_one(monkeypatch)


@pytest.fixture(scope="module")
def one_figure_throughout() -> Iterator[None]:
    """Have the reports of studies in a whole file draw the first figure alone."""
    with pytest.MonkeyPatch.context() as patched:
        _keep_one(patched)
        yield
