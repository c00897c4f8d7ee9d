"""One thread, as in every worker of a study, and hypothesis examples that are the same in every run.

Slow files come first, the longest before all: workers that take whole files then end at about the same time.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest
import torch
from hypothesis import settings
from matplotlib.figure import Figure
from slow_files import SLOW_FILES

from lstm_bench.report import figure_files

torch.set_num_threads(1)
settings.register_profile("repeatable", deadline=None, derandomize=True, database=None, max_examples=25)
settings.load_profile("repeatable")


@pytest.fixture(scope="session", autouse=True)
def figures_in_one_process() -> Iterator[None]:
    """Write the figures of every report in the test's process: no worker has to start, and a warning is an error."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(figure_files, "MOST_WORKERS", 1)
        yield


@pytest.fixture
def plain_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Render figures as SVG without a layout or a PNG, in half the time, for tests of what else a report says."""

    def write_plain_figure(figure: Figure, folder: Path, name: str, theme: Mapping[str, Any], dpi: float) -> str:
        folder.mkdir(parents=True, exist_ok=True)
        figure.set_layout_engine(None)
        with mpl.rc_context(dict(theme)):
            svg = figure_files.svg_text(figure, dpi)
        (folder / f"{name}.svg").write_text(svg, encoding="utf-8")
        (folder / f"{name}.png").touch()
        return svg

    monkeypatch.setattr(figure_files, "write_figure", write_plain_figure)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the files, not what is in them, and mark the slow ones."""
    items.sort(key=lambda item: -SLOW_FILES.get(item.path.stem, 0))
    for item in items:
        if item.path.stem in SLOW_FILES:
            item.add_marker("slow")
