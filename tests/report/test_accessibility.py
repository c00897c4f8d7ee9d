"""Every kind of page as a screen reader meets it: axe-core, the rules that browsers' own audits use, finds nothing."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Browser, Page

from lstm_bench.anatomy.__main__ import main as anatomy

try:
    from axe_playwright_python.sync_playwright import Axe
except ModuleNotFoundError:
    (pytest.fail if os.environ.get("CI") else pytest.skip)("no axe-core: make bench", allow_module_level=True)

PUBLISHED = Path(__file__).parents[2] / "reports"
LAPTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
DRAWN = {"exclude": [["svg[role=img] > *"]]}  # what an image consists of is not read out
Find = Callable[..., list[str]]


@pytest.fixture(scope="module")
def pages(report: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return a page of each kind, by name: made here, but for the samples that are published."""
    folder = tmp_path_factory.mktemp("anatomy")
    torch.save(torch.nn.LSTM(2, 3).state_dict(), folder / "lstm.pt")
    output = ["--output", str(folder)]
    assert anatomy(["walk", *output]) == anatomy(["gates", str(folder / "lstm.pt"), "--text", "ab", *output]) == 0
    made = {"study": report / "report.html", "walk": folder / "walk.html", "gates": folder / "gates.html"}
    samples = {f"published {page.parent.name}": page for page in sorted(PUBLISHED.glob("*/report.html"))}
    return {**made, **samples, "gallery": PUBLISHED / "index.html"}


@pytest.fixture(scope="module")
def find(browser: Browser) -> Find:
    """Return what axe-core finds on a page, a line a finding, `prepare` having used it."""

    def found(
        file: Path, prepare: Callable[[Page], object] = lambda _: None, *, has_contrast: bool = True, **settings: object
    ) -> list[str]:
        context = browser.new_context(bypass_csp=True, **settings)  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(file.as_uri())
        prepare(page)
        options = {"resultTypes": ["violations"], "rules": {"color-contrast": {"enabled": has_contrast}}}
        violations = Axe().run(page, DRAWN, options).response["violations"]
        context.close()
        return [f"{rule['impact']} {rule['id']}: {node['html'][:99]}" for rule in violations for node in rule["nodes"]]

    return found


def test_no_page_has_a_finding(pages: dict[str, Path], find: Find) -> None:
    assert {"study", "walk", "gates", "gallery", "published claims", "published zoo"} <= pages.keys()
    for name, file in pages.items():
        has_contrast = not name.startswith("published")  # thousands of cells, in the colours of the study's
        assert (name, find(file, has_contrast=has_contrast, viewport=LAPTOP)) == (name, [])


@pytest.mark.parametrize("name", ["walk", "gates", "gallery"])
def test_a_phone_in_the_dark_has_no_finding(pages: dict[str, Path], find: Find, name: str) -> None:
    assert find(pages[name], viewport=PHONE, color_scheme="dark") == []


def test_a_walk_in_use_has_no_finding(pages: dict[str, Path], find: Find) -> None:
    def use(page: Page) -> None:
        page.get_by_role("slider", name="forget gate f").first.fill("0.5")
        page.get_by_role("slider", name="units n").fill("3")
        page.get_by_role("button", name="Projector view").click()

    assert find(pages["walk"], use, viewport=LAPTOP) == []


def test_a_page_without_alternatives_is_found(tmp_path: Path, find: Find) -> None:
    """That the above can fail."""
    page = tmp_path / "page.html"
    page.write_text('<!doctype html><html><title>a</title><main><h1>a</h1><img src="data:,"><button></button></main>')
    assert {line.partition(":")[0] for line in find(page)} == {
        "serious html-has-lang", "critical image-alt", "critical button-name"
    }  # fmt: skip
