"""Figures written by workers, and what a worker needs for it."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from lstm_bench.report import figure_files
from lstm_bench.report.panels import new_figure
from lstm_bench.report.style import save, save_all, themed


@themed
def _figure(exponent: int) -> Figure:
    figure = new_figure(2.0)
    axes = figure.subplots()
    axes.plot([1, 2, 3], [k**exponent for k in (1, 2, 3)])
    axes.set_title(f"k to the power of {exponent}")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda k, _: f"{k:g} steps"))
    return figure


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_write_the_same_bytes_as_one_process_by_name(
    workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figure_files, "usable_cores", lambda: workers)
    monkeypatch.setattr(figure_files, "MOST_WORKERS", 2)
    exponents = {f"power_{exponent}": exponent for exponent in (3, 1, 2)}
    here = {name: save(_figure(exponent), tmp_path / "here", name) for name, exponent in exponents.items()}
    there = save_all(((name, _figure(exponent)) for name, exponent in exponents.items()), tmp_path / "there")
    assert there == here
    names = {path.name for path in (tmp_path / "there").iterdir()}
    assert names == {f"{name}.{kind}" for name in exponents for kind in ("png", "svg")}
    for name in names:
        assert (tmp_path / "there" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_figure_that_cannot_be_drawn_is_an_error(
    workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figure_files, "usable_cores", lambda: workers)
    monkeypatch.setattr(figure_files, "MOST_WORKERS", 2)

    def drawn() -> Iterator[tuple[str, Figure]]:
        yield "good", _figure(1)
        raise ValueError("nothing to draw")

    with pytest.raises(ValueError, match="nothing to draw"):
        save_all(drawn(), tmp_path)


def test_without_semaphores_figures_are_written_in_this_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lack(*_: object, **__: object) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(figure_files, "usable_cores", lambda: 2)
    monkeypatch.setattr(figure_files, "MOST_WORKERS", 2)
    monkeypatch.setattr("multiprocessing.synchronize.SemLock.__init__", lack)
    assert set(save_all([("power", _figure(2))], tmp_path)) == {"power"}
    assert (tmp_path / "power.png").is_file()


def test_a_worker_imports_neither_pandas_nor_scipy() -> None:
    script = "import sys, lstm_bench.report.figure_files; print({'pandas', 'scipy', 'seaborn'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
