"""Few figures, written in half the time or in none, for tests of what else a report says."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

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


@contextmanager
def unrendered_figures_written() -> Iterator[None]:
    """Leave an SVG without marks and an empty PNG in place of each figure, which is drawn all the same."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(figure_files, "write_figure", _write_no_marks)
        yield


@contextmanager
def figures_left_out() -> Iterator[Callable[..., None]]:
    """Give a function that has the pages of studies show the named figures alone; all come back, in their order."""
    from lstm_bench.report.figure_registry import FIGURES  # all of the report: few tests need it

    shown, all_figures = cast(dict[str, Any], FIGURES), dict(FIGURES)

    def keep(*names: str) -> None:
        for name in all_figures.keys() - set(names):
            shown.pop(name, None)

    yield keep
    shown.clear()
    shown.update(all_figures)


def _write_no_marks(_: Figure, folder: Path, name: str, __: Mapping[str, Any], ___: float) -> str:
    return _write(folder, name, '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"></svg>')


def _write_plain_figure(figure: Figure, folder: Path, name: str, theme: Mapping[str, Any], dpi: float) -> str:
    figure.set_layout_engine(None)
    with mpl.rc_context(dict(theme)):
        return _write(folder, name, figure_files.svg_text(figure, dpi))


def _write(folder: Path, name: str, svg: str) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.svg").write_text(svg, encoding="utf-8")
    (folder / f"{name}.png").touch()
    return svg
