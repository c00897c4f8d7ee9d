"""Write figures as SVG for the page and as PNG for elsewhere. Imports no seaborn, so that a worker starts quickly."""

import io
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from loky import ProcessPoolExecutor  # accepts lambdas, and starts fresh processes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from lstm_bench.cores import usable_cores
from lstm_bench.matplotlib_start import prepare_matplotlib

MOST_WORKERS = 4  # one process draws for all of them: more workers would wait for it


@contextmanager
def theme_alone(theme: Mapping[str, Any]) -> Iterator[None]:
    """Use matplotlib's defaults and a theme within the block, and none of the user's settings."""
    settings: Any = dict(theme)  # matplotlib types each of its names
    with mpl.rc_context(), warnings.catch_warnings():
        mpl.rcdefaults()
        mpl.rcParams.update(settings)
        warnings.filterwarnings("ignore", "Glyph .* missing from")  # `fonts.missing_letters` says so once
        yield


def write_figures(
    figures: Iterable[tuple[str, Figure]], folder: Path, theme: Mapping[str, Any], dpi: float
) -> dict[str, str]:
    """Write each figure as `write_figure` does; return SVG text by name.

    Up to `MOST_WORKERS` processes write while this one draws the next figures; without workers it does both.
    """
    pool = _pool(min(usable_cores(), MOST_WORKERS))
    if pool is None:
        return {name: write_figure(figure, folder, name, theme, dpi) for name, figure in figures}
    with pool:
        written = {name: pool.submit(write_figure, figure, folder, name, theme, dpi) for name, figure in figures}
        return {name: future.result() for name, future in written.items()}


def _pool(workers: int) -> ProcessPoolExecutor | None:
    """Return a pool of processes; None for one worker, and where the machine lacks the semaphores that a pool needs."""
    if workers == 1:
        return None
    try:
        return ProcessPoolExecutor(workers, initializer=prepare_matplotlib)
    except (OSError, ImportError, NotImplementedError):
        return None


def write_figure(figure: Figure, folder: Path, name: str, theme: Mapping[str, Any], dpi: float) -> str:
    """Write <name>.svg and <name>.png; return the SVG text. Same figure, same bytes.

    Args:
        figure: drawn, but not yet laid out.
        folder: created if missing.
        name: of both files, without the extension.
        theme: matplotlib's settings, which apply when text is set.
        dpi: pixels per inch, of the PNG and of rasterised parts of the SVG.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with theme_alone(theme):
        _lay_out(figure, dpi)
        figure.savefig(folder / f"{name}.png", dpi=dpi, facecolor="white", metadata={"Software": None})
        svg = svg_text(figure, dpi)
    (folder / f"{name}.svg").write_text(svg, encoding="utf-8")
    return svg


def _lay_out(figure: Figure, dpi: float) -> None:
    """Lay the figure out, once for both formats."""
    figure.set_dpi(dpi)
    FigureCanvasAgg(figure)  # the canvas that measures the letters also draws the PNG, and measures once
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
    figure.set_layout_engine(None)


def svg_text(figure: Figure, dpi: float) -> str:
    """Return a figure as SVG, without a date; `dpi` is that of its rasterised parts."""
    buffer = io.StringIO()
    no_metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(buffer, format="svg", dpi=dpi, facecolor="white", metadata=no_metadata)
    return buffer.getvalue()
