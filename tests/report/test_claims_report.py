"""The report of a study of claims: every claim with its verdict, both wordings, its figure and its rows."""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Page
from synthetic_study import make_study

from lstm_bench.analysis.statistics import Interval
from lstm_bench.claims.contract import Claimed, Measurement
from lstm_bench.claims.evidence import load_evidence
from lstm_bench.claims.loading import rulings
from lstm_bench.records.store import StudyRecords
from lstm_bench.report.__main__ import main
from lstm_bench.report.build import build_report
from lstm_bench.report.figures import claim

Open = Callable[..., Page]
CLAIMS = 11


@pytest.fixture
def few_figures(unrendered_figures: None, only_figures: Callable[..., None]) -> None:
    """Draw two figures of each task, and render none."""
    only_figures("solve_rates", "spans")


def make_claims_study(runs: Path, studies: list[str]) -> Path:
    """Write the plan of a study of claims over these, and return its folder."""
    plan = make_study(runs / "first", lags=(2, 8, 32))
    make_study(runs / "second", lags=(2, 8), n_seeds=3)
    folder = runs / "verdicts"
    StudyRecords(folder).write_plan(
        replace(plan, study="verdicts", experiment="claims", measure="claims", jobs=[], studies=studies)
    )
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_claims_study(tmp_path_factory.mktemp("verdicts") / "runs", ["first", "second"])


@pytest.fixture(scope="module")
def claims_report(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_report(folder, tmp_path_factory.mktemp("reports")).parent


@pytest.fixture(scope="module")
def file(claims_report: Path) -> Path:
    return claims_report / "report.html"


def test_the_tables_hold_every_claim_and_every_number(claims_report: Path, folder: Path) -> None:
    evidence = load_evidence(folder)
    ruled = rulings(evidence.studies)
    claims = pd.read_csv(claims_report / "tables" / "claims.csv")
    assert claims["name"].tolist() == [ruling.name for ruling in ruled]
    assert claims["verdict"].tolist() == [ruling.verdict for ruling in ruled]
    numbers = pd.read_csv(claims_report / "tables" / "claim_numbers.csv")
    assert len(numbers) == sum(len(ruling.numbers) for ruling in ruled)
    assert numbers["middle"].tolist() == pytest.approx(
        [one.interval.middle for ruling in ruled for one in ruling.numbers], nan_ok=True
    )


def test_markdown_says_what_the_page_says(claims_report: Path, folder: Path) -> None:
    text = (claims_report / "report.md").read_text()
    for ruling in rulings(load_evidence(folder).studies):
        assert f"**{ruling.verdict}**" in text
        if ruling.verdict != "not tested":
            assert f"figures/claim_{ruling.name}.png" in text
            assert (claims_report / "figures" / f"claim_{ruling.name}.svg").is_file()
            assert "mathdefault" not in (claims_report / "figures" / f"claim_{ruling.name}.svg").read_text()
    assert "What the numbers support" in text


def test_results_and_members_are_those_of_all_studies(claims_report: Path) -> None:
    members = pd.read_csv(claims_report / "tables" / "members.csv")
    assert members.groupby("study").size().to_dict() == {"first": 30, "second": 12}
    receipt = json.loads((claims_report / "receipt.json").read_text())
    assert [study["study"] for study in receipt["studies"]] == ["first", "second"]


def test_the_page_shows_each_claim_with_its_verdict(open_page: Open) -> None:
    page = open_page()
    assert page.get_by_role("table", name="Claims").locator("tbody tr").count() == CLAIMS
    assert page.locator(".claims .verdict").count() == CLAIMS
    for section in page.locator("section.claim").all():
        assert section.locator("dt").all_inner_texts() == ["The claim", "What the numbers support", "The rule"]
        assert section.locator("svg[role=img][aria-label]").count() == 1


def test_the_claims_sort_by_their_verdict(open_page: Open) -> None:
    table = open_page().get_by_role("table", name="Claims")
    table.get_by_role("button", name="Verdict").click()
    verdicts = table.locator("tbody .verdict").all_inner_texts()
    assert verdicts == sorted(verdicts)
    assert len(set(verdicts)) > 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_sticks_out(open_page: Open, scheme: str, width: int) -> None:
    page = open_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.usefixtures("unrendered_figures")
def test_a_study_that_is_not_there_is_told_and_the_rest_is_ruled_on(tmp_path: Path, capsys) -> None:
    folder = make_claims_study(tmp_path / "runs", ["first", "absent"])
    shutil.rmtree(tmp_path / "runs" / "second")
    assert main(["verdicts", "--runs", str(folder.parent), "--reports", str(tmp_path / "reports")]) == 2
    assert "study=absent: no records at" in capsys.readouterr().err
    page = (tmp_path / "reports" / "verdicts" / "report.html").read_text()
    assert "study=absent: no records at" in page
    claims = pd.read_csv(tmp_path / "reports" / "verdicts" / "tables" / "claims.csv")
    assert set(claims["verdict"]) > {"not tested"}


@pytest.mark.usefixtures("few_figures")
def test_a_claim_of_ones_own_is_on_the_page(tmp_path: Path, folder: Path) -> None:
    root = tmp_path / "own"
    shutil.copytree(folder.parent, root / "runs")
    (root / "claims").mkdir()
    (root / "claims" / "budget.py").write_text(
        "from lstm_bench.analysis.statistics import Interval\n"
        "from lstm_bench.claims.contract import Claimed, Measurement\n"
        'TEXT = "A budget of 4,000 steps is enough."\nSOURCE = "A colleague."\nRULE = "It is."\nNEEDS = ()\n'
        "def measure(studies):\n"
        "    return [Measurement('here', 'all', 'budget', Interval(*[float(study.members['budget'].max())] * 3),"
        " Claimed(high=4000)) for study in studies[:1]]\n"
    )
    report = build_report(root / "runs" / "verdicts", tmp_path / "reports").parent
    budget_claim = pd.read_csv(report / "tables" / "claims.csv").set_index("name").loc["budget"]
    assert (budget_claim["verdict"], budget_claim["measured"]) == ("supported", "budget: 4,000")
    assert "A budget of 4,000 steps is enough." in (report / "report.html").read_text()
    (root / "claims" / "budget.py").write_text("raise ValueError('no')")
    again = build_report(root / "runs" / "first", tmp_path / "reports").parent
    assert "claims/budget.py: ValueError: no" in (again / "report.html").read_text()


@pytest.mark.usefixtures("few_figures")
def test_a_study_has_its_claims_after_its_figures_and_only_where_it_was_made_for_some(tmp_path: Path) -> None:
    plan = make_study(tmp_path / "runs" / "made_for_it", lags=(2, 8), n_seeds=2)
    assert plan.experiment == "copy_task"
    ruled = build_report(tmp_path / "runs" / "made_for_it", tmp_path / "reports").parent
    page, text = (ruled / "report.html").read_text(), (ruled / "report.md").read_text()
    last_figure = page.rindex("<figcaption>")
    assert page.index('id="comparison"') < last_figure < page.index('id="claims"') < page.index('id="protocol"')
    assert page.index('href="#comparison"') < page.index('href="#claims"') < page.index('href="#protocol"')
    assert text.rindex("![") < text.index("\n## Claims\n") < text.index("\n## Protocol\n")
    verdicts = pd.read_csv(ruled / "tables" / "claims.csv").set_index("name")["verdict"]
    assert (verdicts["memory_span"], verdicts["parameters"]) == ("not tested", "supported")
    StudyRecords(tmp_path / "runs" / "made_for_it").write_plan(replace(plan, experiment=""))
    other = build_report(tmp_path / "runs" / "made_for_it", tmp_path / "reports").parent
    assert "laims" not in (other / "report.md").read_text()
    assert 'href="#claims"' not in (other / "report.html").read_text()
    assert not (other / "tables" / "claims.csv").exists()


def test_the_figure_shows_what_decides_and_nothing_where_nothing_does(folder: Path) -> None:
    evidence = load_evidence(folder)
    ruled = {ruling.name: ruling for ruling in rulings(evidence.studies)}
    figure = claim.draw(ruled["memory_span"])
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "span of the RNN, claimed at most 5",
        "span of the LSTM, claimed at least 100",
    ]
    assert claim.finding(ruled["same_word"]) == ""
    assert len(claim.rows(ruled["memory_span"])) == len(ruled["memory_span"].numbers)
    assert asdict(evidence.plan)["studies"] == ["first", "second"]


def test_numbers_of_one_cell_stand_together_however_they_were_taken(folder: Path) -> None:
    """Two starts and two moments: all at the start, then all trained."""
    ruled = {ruling.name: ruling for ruling in rulings(load_evidence(folder).studies)}["memory_span"]
    taken = [("a", 1.0), ("b", 2.0), ("c", 3.0), ("a", 4.0), ("b", 5.0), ("c", 6.0)]
    numbers = [Measurement("here", cell, "K", Interval(x, x, x), Claimed(low=2)) for cell, x in taken]
    axes = claim.draw(replace(ruled, numbers=tuple(numbers))).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a, here", "b, here", "c, here"]
    marks = sorted(
        (float(line.get_ydata()[0]), float(line.get_xdata()[0])) for line in axes.lines if len(line.get_xdata()) == 1
    )
    assert [x for _, x in marks] == [1, 4, 2, 5, 3, 6]
    places = [y for y, _ in marks]
    middles = [(first + second) / 2 for first, second in zip(places[::2], places[1::2], strict=True)]
    assert axes.get_yticks().tolist() == middles


def test_counts_are_read_off_an_axis_of_whole_numbers(folder: Path) -> None:
    ruled = {ruling.name: ruling for ruling in rulings(load_evidence(folder).studies)}["gate_count"]
    for axes in claim.draw(ruled).axes:
        ticks = axes.get_xticks()
        assert ticks.tolist() == ticks.round().tolist()
        assert len(ticks) > 1
