"""The front page of a folder of reports, from folders written by hand."""

import json
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from playwright.sync_api import Page

from lstm_bench.report.gallery import read_reports
from lstm_bench.report.index import MARK, GalleryError, write_index

SVG = '<svg width="9pt" height="9pt" xmlns="http://www.w3.org/2000/svg"><g id="a"/><use href="#a"/></svg>'
CONTRASTS = (Path(__file__).parent / "contrasts.js").read_text()
FILES = ("report.html", "report.md", "results.csv", "receipt.json")
MACHINE = {"cores": 2, "processor": "AMD EPYC", "system": "Linux x86_64", "device": "cpu"}


def receipt(name: str, **further: Any) -> dict[str, Any]:
    return {
        "study": name,
        "command": f"python -m lstm_bench study={name}",
        "rebuild": f"python -m lstm_bench.report {name}",
        "started": "2026-11-29T01:07:41+00:00",
        "wall_s": 3723.4,
        "environment": {"packages": {"torch": "2.13.0"}, **MACHINE},
        "jobs": [{"seeds": [0]}],
        **further,
    }


def make_report(folder: Path, name: str, summary: dict[str, str] | None = None, size: int = 9, **further: Any) -> Path:
    """Write what the gallery reads of a report; without a summary it is one of an earlier version."""
    place = folder / name
    (place / "figures").mkdir(parents=True)
    (place / "report.html").write_bytes(b"x" * size)
    (place / "report.md").write_text("# A report\n")
    (place / "results.csv").write_text("study\n")
    (place / "receipt.json").write_text(json.dumps(receipt(name, **further)))
    if summary is not None:
        (place / "summary.json").write_text(json.dumps({"kind": "study", "finding": f"{name} remembers.", **summary}))
        if figure := summary.get("figure"):
            (place / "figures" / f"{figure}.svg").write_text(SVG)
            (place / "figures" / f"{figure}.png").write_bytes(b"png")
    return place


PICTURE = {"figure": "solve_rates", "question": "How far?", "caption": "Thrice as far.", "alt": "Two curves."}


def titles(page: str) -> list[str]:
    return [re.sub(r"<[^>]*>", "", title) for title in re.findall(r"<h2>(.*?)</h2>", page)]


def test_each_report_stands_there_with_picture_finding_command_cost_and_files(tmp_path: Path) -> None:
    make_report(tmp_path, "copy_task", PICTURE, size=2_240_000)
    index, problems = write_index(tmp_path)
    assert (index, problems) == (tmp_path / "index.html", [])
    page, text = index.read_text(), (tmp_path / "README.md").read_text()
    assert titles(page)[0] == "copy_task"
    for shown in ("copy_task remembers.", "How far? Thrice as far.", "python -m lstm_bench study=copy_task"):
        assert shown in page
        assert shown in text
    for shown in (page, text):
        assert "1 h 2 min 3 s on 2 cores (AMD EPYC, Linux x86_64), 2026-11-29" in shown
        assert "(2.2 MB)" in shown
        assert "1 report: what was found" in shown
    assert page.count('<svg role="img" aria-label="Two curves."') == 1
    assert "![Two curves.](copy_task/figures/solve_rates.png)" in text


def test_published_reports_come_first_and_those_of_claims_before_others(tmp_path: Path) -> None:
    for name in ("b", "a_published", "c_published"):
        make_report(tmp_path, name, {})
    for name in ("z_claims", "z_published"):
        make_report(tmp_path, name, {}, studies=[receipt("b")])
    page = write_index(tmp_path)[0].read_text()
    assert titles(page)[:5] == ["z_published", "a_published", "c_published", "z_claims", "b"]
    assert "5 reports, 3 of them with a published budget: what" in page


def test_all_links_lead_to_files(tmp_path: Path) -> None:
    make_report(tmp_path, "a b_(c)", PICTURE)
    make_report(tmp_path, "old")
    make_report(tmp_path, "rows_alone", {"finding": ""})
    for name in ("report.html", "report.md"):
        (tmp_path / "rows_alone" / name).unlink()
    index, _ = write_index(tmp_path)
    page, text = index.read_text(), (tmp_path / "README.md").read_text()
    addresses = re.findall(r' href="([^"#][^"]*)"', page)
    in_markdown = re.findall(r"\]\((\S*)\)(?=[ ,\n])", text)
    for linked in (addresses, in_markdown):
        assert {f"old/{name}" for name in FILES} < set(linked)
        assert [address for address in linked if not (tmp_path / unquote(unescape(address))).is_file()] == []
    assert "rows_alone/receipt.json" in addresses
    anchors = set(re.findall(r' href="#([^"]+)"', page))
    assert anchors <= set(re.findall(r' id="([^"]+)"', page))


def test_a_report_in_one_format_is_linked_by_its_name_from_both_pages(tmp_path: Path) -> None:
    for name, absent in (("page", "report.md"), ("text", "report.html")):
        (make_report(tmp_path, name, PICTURE) / absent).unlink()
    page, text = write_index(tmp_path)[0].read_text(), (tmp_path / "README.md").read_text()
    assert '<h2><a href="page/report.html">page</a></h2>' in page
    assert '<h2><a href="text/report.md">text</a></h2>' in page
    assert "## [page](page/report.html)" in text
    assert "## [text](text/report.md)" in text


def test_two_pictures_of_one_name_have_ids_of_their_own(tmp_path: Path) -> None:
    for name in ("a", "b"):
        make_report(tmp_path, name, PICTURE)
    page = write_index(tmp_path)[0].read_text()
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    drawn = re.findall(r'<svg [^>]*><g id="([^"]+)"/><use href="#([^"]+)"/></svg>', page)
    assert [identifier for identifier, target in drawn if identifier == target] == [one for one, _ in drawn]
    assert len(set(drawn)) == 2


def test_a_report_of_an_earlier_version_is_listed_with_what_its_receipt_says(tmp_path: Path) -> None:
    environment = {"device": "NVIDIA H200"}
    make_report(tmp_path, "old", environment=environment, wall_s=None, **{"members taken over from other studies": 7})
    index, problems = write_index(tmp_path)
    text = (tmp_path / "README.md").read_text()
    assert problems == []
    assert "To make it again, run `python -m lstm_bench.report old`." in text
    assert "Not finished on unknown cores (NVIDIA H200), 2026-11-29; 7 members had been trained by other stud" in text
    assert "<svg" not in index.read_text()


@pytest.mark.parametrize(
    ("training_s", "told"),
    [
        (3600.0, "; members trained for 1 h 0 min 0 s of core time\n"),
        (16_572.0, "; members trained for 4 h 36 min 12 s of core time, in part before this run\n"),
    ],
)
def test_a_study_of_several_runs_is_not_told_as_cheap_as_its_last(tmp_path: Path, training_s: float, told: str) -> None:
    make_report(tmp_path, "resumed", training_s=training_s)
    write_index(tmp_path)
    assert f"2026-11-29{told}" in (tmp_path / "README.md").read_text()


def test_what_claims_cost_is_known_where_the_cost_of_every_study_is(tmp_path: Path) -> None:
    make_report(tmp_path, "known", studies=[receipt("a", training_s=60.0), receipt("b", training_s=120.0)])
    make_report(tmp_path, "older", studies=[receipt("a", training_s=60.0), receipt("b")])
    write_index(tmp_path)
    assert (tmp_path / "README.md").read_text().count("members trained for 3 min 0 s of core time") == 1


def test_members_that_a_study_of_claims_took_over_are_those_of_its_studies(tmp_path: Path) -> None:
    taken = {"members taken over from other studies": 20}
    make_report(tmp_path, "claims", {}, studies=[receipt("a", **taken), receipt("b"), receipt("c", **taken)])
    write_index(tmp_path)
    assert "2026-11-29; 40 members had been trained by other studies" in (tmp_path / "README.md").read_text()


def test_an_empty_folder_says_how_to_begin(tmp_path: Path) -> None:
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "figures").mkdir()
    assert read_reports(tmp_path) == ([], [])
    page = write_index(tmp_path)[0].read_text()
    assert "There is no report here yet." in page
    assert "python -m lstm_bench +experiment=smoke" in page


def test_what_cannot_be_read_is_named_in_a_line_and_the_others_are_shown(tmp_path: Path) -> None:
    for name in ("cut", "nothing", "wrong", "well"):
        make_report(tmp_path, name, PICTURE)
    (tmp_path / "cut" / "receipt.json").write_text("{")
    (tmp_path / "nothing" / "receipt.json").unlink()
    (tmp_path / "wrong" / "receipt.json").write_text(json.dumps(receipt("wrong", wall_s="long")))
    make_report(tmp_path, "worse", {"finding": 3})  # type: ignore[dict-item]
    (make_report(tmp_path, "without", PICTURE) / "figures" / "solve_rates.png").unlink()
    index, problems = write_index(tmp_path)
    assert [problem.removeprefix(f"{tmp_path}/").split("EOF")[0] for problem in problems] == [
        "cut/receipt.json: cannot be read: ",
        "nothing/receipt.json: cannot be read: No such file or directory",
        "without/figures/solve_rates.png: cannot be read: No such file or directory",
        "worse/summary.json: finding=3: allowed: a valid string",
        "wrong/receipt.json: wall_s=long: allowed: a valid number",
    ]
    page = index.read_text()
    assert titles(page)[:-1] == ["well", "without", "worse"]
    assert page.count("<svg") == 1


def test_the_same_reports_give_the_same_bytes(tmp_path: Path) -> None:
    for place, names in (("one", "abc"), ("two", "cab")):
        for name in names:
            make_report(tmp_path / place, name, PICTURE)
    pages = [write_index(tmp_path / place)[0].read_bytes() for place in ("one", "two", "one")]
    assert pages[0] == pages[1] == pages[2]
    assert (tmp_path / "one" / "README.md").read_bytes() == (tmp_path / "two" / "README.md").read_bytes()
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == ["README.md", "a", "b", "c", "index.html"]


def test_words_of_a_report_are_no_markup(tmp_path: Path) -> None:
    make_report(tmp_path, "a", {**PICTURE, "finding": "<script>alert(1)</script> *x*", "alt": '"><script>2</script>'})
    page = write_index(tmp_path)[0].read_text()
    assert "<script>alert" not in page
    assert "<script>2" not in page
    assert "\\<script>alert(1)\\</script> \\*x\\*" in (tmp_path / "README.md").read_text()


@pytest.mark.parametrize("name", ["README.md", "index.html"])
def test_a_file_that_someone_wrote_is_not_written_over(tmp_path: Path, name: str) -> None:
    make_report(tmp_path, "a", PICTURE)
    (tmp_path / name).write_text("Mine.\n")
    with pytest.raises(GalleryError) as error:
        write_index(tmp_path)
    assert (
        str(error.value) == f"{tmp_path / name}: not made by --index: allowed: another folder, or one without this file"
    )
    assert (tmp_path / name).read_text() == "Mine.\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["a", name])
    (tmp_path / name).write_text(f"{MARK}\n")
    assert MARK in write_index(tmp_path)[0].read_text()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    make_report(tmp_path, "copy_task_published", {**PICTURE, "finding": "lstm remembers 9 times as long. " * 9})
    make_report(tmp_path, "old")
    return write_index(tmp_path)[0]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_in_a_browser_it_fits_a_phone_and_its_words_stand_out(open_page: Callable[..., Page], scheme: str) -> None:
    page = open_page(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert [told for ratio, told in page.evaluate(CONTRASTS) if ratio < 4.5] == []
    assert page.get_by_role("img", name="Two curves.").count() == 1
    assert page.get_by_role("heading").all_inner_texts()[1:3] == ["copy_task_published", "old"]
    in_contents, title = page.get_by_role("link", name="old", exact=True).all()
    assert [link.get_attribute("href") for link in (in_contents, title)] == ["#report-old", "old/report.html"]
