"""Figures written in half the time, for tests of what else a report says."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure

from lstm_bench.report import figure_files


@contextmanager
def plain_figures_written() -> Iterator[None]:
    """Render figures as SVG without a layout; leave an empty file in place of each PNG."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(figure_files, "write_figure", _write_plain_figure)
        yield


def _write_plain_figure(figure: Figure, folder: Path, name: str, theme: Mapping[str, Any], dpi: float) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    figure.set_layout_engine(None)
    with mpl.rc_context(dict(theme)):
        svg = figure_files.svg_text(figure, dpi)
    (folder / f"{name}.svg").write_text(svg, encoding="utf-8")
    (folder / f"{name}.png").touch()
    return svg
