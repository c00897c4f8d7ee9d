"""Reports of one figure and its table, for tests of what else a report says."""

import pytest

from lstm_bench.report import build, figure_registry
from lstm_bench.report.pages import study as study_page

KEPT = "solve_rates"


@pytest.fixture
def one_figure(monkeypatch, plain_figures) -> None:
    """Have reports draw the first figure alone."""
    figures = {KEPT: figure_registry.FIGURES[KEPT]}
    for module in (build, figure_registry, study_page):
        if hasattr(module, "FIGURES"):
            monkeypatch.setattr(module, "FIGURES", figures)
