"""The page of `anatomy walk`, as one HTML file."""

from dataclasses import dataclass
from pathlib import Path

from lstm_bench.analysis.wording import listed
from lstm_bench.anatomy.audit import findings
from lstm_bench.anatomy.section import WalkSection, make_walk_section
from lstm_bench.anatomy.walk import Walk
from lstm_bench.report.html import render
from lstm_bench.report.receipt import receipt_items, report_packages


@dataclass(frozen=True)
class AnatomyPage:
    """The page's content, top to bottom."""

    study: str
    started: str
    headline: list[str]
    walk: WalkSection
    receipt: list[tuple[str, str]]


def make_anatomy_page(walk: Walk, command: str, source: Path, unknown: list[str]) -> AnatomyPage:
    """Return the page of a walk.

    Args:
        walk: the walk.
        command: the command line that makes the page.
        source: the yaml file of the walk.
        unknown: words of the sentence that the walk does not have.
    """
    facts = {"command": command, "walk": source.name, "report_packages": report_packages()}
    return AnatomyPage(
        study="One LSTM step after another",
        started="",
        headline=_headline(walk, unknown),
        walk=make_walk_section(walk),
        receipt=receipt_items(facts),
    )


def _headline(walk: Walk, unknown: list[str]) -> list[str]:
    sentences = [f"“{' '.join(words)}”" for words in walk.sentences]
    subject = f"{listed(sentences)}, word by word through an LSTM of one unit with given gates."
    first_finding = findings(walk)[:1]
    left_out = [f"Not in the walk, so left out: {', '.join(unknown)}."] if unknown else []
    return [" ".join([subject, *first_finding]), *left_out]


def render_anatomy_html(page: AnatomyPage) -> str:
    """Return the page as HTML, with style, script and diagrams inside it."""
    return render("anatomy.html.j2", page, {})
