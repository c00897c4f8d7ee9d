"""What a report folder holds, and that it is there whole or not at all."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from plain_figures import figures_left_out

from lstm_bench.analysis.frames import RESULT_COLUMNS, StudyData
from lstm_bench.analysis.headline import headline
from lstm_bench.analysis.solving import spans
from lstm_bench.report import build, figure_registry
from lstm_bench.report.build import build_report
from lstm_bench.report.summary import read_summary
from lstm_bench.report.typography import typeset

OF_WORDS = {"learned_walk", "same_word", "boundary"}  # nothing to show of the sample, whose tasks are not of words
# The sample's lags are given, and nothing was published of them.
FIGURES = set(figure_registry.FIGURES) - OF_WORDS - {"published", "span_trials"}
TABLES = {
    *("comparison", "members", "softer_criteria", "span_costs", "claims", "claim_numbers"),
    *figure_registry.FIGURES,
    *figure_registry.STUDY_FIGURES,
}


class Links(HTMLParser):
    """Everything that a page points at or loads, and the text of its titles and headings."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.opened: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.opened.append(tag)
        for name, value in attrs:
            if name in ("href", "src", "xlink:href", "action", "data", "srcset", "poster") and value is not None:
                self.links.append(value)
            if name == "id" and value is not None:
                self.ids.append(value)


@pytest.fixture(scope="module")
def html(report: Path) -> str:
    return (report / "report.html").read_text()


@pytest.fixture(scope="module")
def parsed(html: str) -> Links:
    links = Links()
    links.feed(html)
    return links


def test_all_files_are_there(report: Path) -> None:
    assert {path.stem for path in (report / "tables").iterdir()} == TABLES
    assert {path.name for path in (report / "figures").iterdir()} == {
        f"{n}.{e}" for n in FIGURES for e in ("png", "svg")
    }
    assert {path.name for path in report.iterdir()} == {
        "report.html", "report.md", "results.csv", "receipt.json", "summary.json", "figures", "tables",
    }  # fmt: skip


def test_a_report_has_the_finding_of_its_page_and_the_figure_that_answers_first(
    report: Path, sample: StudyData
) -> None:
    summary = read_summary(report / "summary.json")
    assert summary.finding == headline(sample)[0]
    assert (summary.kind, summary.figure) == ("study", "solve_rates")
    assert f"![{summary.question}" in (report / "report.md").read_text()
    assert (report / "figures" / f"{summary.figure}.svg").is_file()


def test_no_tick_shows_the_markup_of_a_formula(report: Path) -> None:
    """Which matplotlib writes into an SVG as it was given, beside its outlines."""
    assert [path.name for path in (report / "figures").glob("*.svg") if "mathdefault" in path.read_text()] == []


def test_results_csv_holds_the_results(report: Path, sample: StudyData) -> None:
    results = pd.read_csv(report / "results.csv")
    assert tuple(results.columns) == RESULT_COLUMNS
    recorded = results.head(len(sample.results))
    pd.testing.assert_frame_equal(recorded, sample.results[list(RESULT_COLUMNS)].astype(recorded.dtypes))


def test_the_page_loads_nothing_and_its_links_lead_somewhere(html: str, parsed: Links, report: Path) -> None:
    assert not re.search(r"""(src|href|action|srcset)\s*=\s*["']?\s*(\w+:)?//""", html)
    assert "@import" not in html
    assert all(link.startswith("#") for link in re.findall(r"url\(([^)]*)\)", html))
    for link in parsed.links:
        if link.startswith("#"):
            assert link[1:] in parsed.ids
        elif not link.startswith("data:image/png;base64,"):
            assert (report / link).is_file()


def test_ids_are_unique_and_every_figure_has_words(html: str, parsed: Links) -> None:
    assert len(set(parsed.ids)) == len(parsed.ids)
    (letters, *figures) = re.findall(r"<svg [^>]*>", html)
    assert 'aria-hidden="true"' in letters  # the outlines that all of them have in common
    assert len(figures) == len(FIGURES)
    assert all('role="img"' in figure and re.search(r'aria-label="[^"]{30,}"', figure) for figure in figures)
    assert html.count("<figcaption>") == len(FIGURES)


def test_sections_stand_in_their_order(html: str) -> None:
    order = ["<h1>", 'id="comparison"', 'id="task-solve_rates"', 'id="task-tuning"', 'id="claims"', 'id="failures"',
             'id="definitions"', 'id="protocol"', 'id="receipt"']  # fmt: skip
    places = [html.index(text) for text in order]
    assert places == sorted(places)


@pytest.mark.parametrize("file", ["report.html", "report.md"])
def test_both_pages_say_the_headline_and_the_spans(report: Path, sample: StudyData, file: str) -> None:
    text = (report / file).read_text()
    assert typeset(headline(sample)[0]) in text
    for span in spans(sample).values():
        assert typeset(span.text) in text
    assert "Matched hidden size (H = 64); n = 5 members a cell and lag." in text
    assert "python -m lstm_bench.report sample" in text


def test_the_receipt_tells_versions_settings_and_times(report: Path, sample: StudyData) -> None:
    receipt = json.loads((report / "receipt.json").read_text())
    assert receipt["wall_s"] == 432.0
    assert receipt["environment"]["commit"] == "0123456789ab"
    assert receipt["report_packages"]["pandas"] == pd.__version__
    assert receipt["note"] == "from a test"
    assert [job["config"] for job in receipt["jobs"]] == [job.config for job in sample.plan.jobs]
    assert sum(receipt["members"].values()) == 2 * 3 * 5


def test_tables_hold_the_rows_behind_the_figures(report: Path, sample: StudyData) -> None:
    rates = pd.read_csv(report / "tables" / "solve_rates.csv")
    assert rates["solved"].sum() == (sample.members["status"] == "solved").sum()
    compared = pd.read_csv(report / "tables" / "comparison.csv")
    assert compared["span"].tolist() == [span.text for span in spans(sample).values()]
    assert (pd.read_csv(report / "tables" / "members.csv")["status"] == sample.members["status"]).all()


def test_the_same_records_give_the_same_bytes_and_a_failing_rebuild_keeps_them(
    sample_folder: Path, report: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rebuilt = build_report(sample_folder, tmp_path, {"note": "from a test"}).parent
    files = sorted(path.relative_to(report) for path in report.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(rebuilt) for path in rebuilt.rglob("*") if path.is_file())
    for name in (Path("report.md"), *files):  # the shortest text that shows what differs comes first
        before, after = ((folder / name).read_bytes().splitlines() for folder in (report, rebuilt))
        assert [pair for pair in zip(before, after, strict=False) if pair[0] != pair[1]] == [], name
        assert len(before) == len(after), name

    def fail(*_: object) -> str:
        raise OSError("disk full")

    monkeypatch.setattr(build, "study_page", fail)
    with pytest.raises(OSError, match="disk full"):
        build_report(sample_folder, tmp_path)
    assert (rebuilt / "report.html").read_bytes() == (report / "report.html").read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["sample"]


def test_figures_that_a_test_leaves_out_come_back_in_their_order() -> None:
    before = list(figure_registry.FIGURES)
    with figures_left_out() as keep:
        keep("spans", "solve_rates")
        assert list(figure_registry.FIGURES) == ["solve_rates", "spans"]
    assert list(figure_registry.FIGURES) == before


def test_an_older_report_is_replaced_whole(tmp_path: Path) -> None:
    old, fresh = tmp_path / "sample", tmp_path / "fresh"
    for folder, name in ((old, "stale.txt"), (fresh, "report.html")):
        folder.mkdir()
        (folder / name).write_text(name)
    build._replace(old, fresh, tmp_path / "aside")
    assert [path.name for path in old.iterdir()] == ["report.html"]
    with pytest.raises(OSError, match="No such file"):
        build._replace(old, tmp_path / "absent", tmp_path / "aside2")
    assert [path.name for path in old.iterdir()] == ["report.html"]
