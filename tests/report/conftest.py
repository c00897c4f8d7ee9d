"""A report of the synthetic study, built once, and a real browser to look at pages."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

sys.path.insert(0, str(Path(__file__).parents[1] / "analysis"))  # for synthetic_study

import synthetic_study
from synthetic_study import SyntheticCell, make_study

from lstm_bench.analysis.frames import StudyData, load_study
from lstm_bench.report.build import build_report


@pytest.fixture(scope="session")
def sample_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "sample"
    make_study(folder, lags=(2, 8, 32))
    return folder


@pytest.fixture(scope="session")
def sample(sample_folder: Path) -> StudyData:
    return load_study(sample_folder)


@pytest.fixture(scope="session")
def twelve_cells(tmp_path_factory: pytest.TempPathFactory) -> StudyData:
    """Twelve cells, half of them with several paths; of one no member ran, of another one diverged."""
    names = [f"{kind}_{place}" for kind in ("lstm", "rnn") for place in range(6)]
    odd = {("rnn_3", 0): "missing", ("rnn_3", 1): "missing", ("rnn_4", 0): "diverged", ("lstm_2", 1): "failed"}
    folder = tmp_path_factory.mktemp("runs") / "twelve"
    with pytest.MonkeyPatch.context() as patched:
        for place, name in enumerate(names):
            patched.setitem(synthetic_study.CELLS, name, SyntheticCell(4, 8.0, 0.5 + 0.04 * place, 0.9, 9e4))
        make_study(
            folder, cells=names, lags=(4, 8), n_seeds=2, outcome=lambda c, lag, seed: odd.get((c, seed), "solved"),
            tuned=False, timed=False,
        )  # fmt: skip
    return load_study(folder)


@pytest.fixture(scope="session")
def report(sample_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built report."""
    return build_report(sample_folder, tmp_path_factory.mktemp("reports"), {"note": "from a test"}).parent


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no Chromium: apt-get install chromium, Debian's own")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Browser, file: Path) -> Iterator[Callable[..., Page]]:
    """Open the page of the module's `file`; at the end nothing must have been complained of or asked from elsewhere."""
    told, asked, contexts = list[str](), list[str](), []

    def opened(fragment: str = "", **settings: object) -> Page:
        contexts.append(browser.new_context(**settings))  # type: ignore[arg-type]
        page = contexts[-1].new_page()
        page.on("console", lambda message: told.append(message.text))
        page.on("pageerror", lambda error: told.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(file.as_uri() + fragment)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert told == []
    assert {url.partition("#")[0] for url in asked if not url.startswith("data:")} == {file.as_uri()}
