"""The page of `anatomy walk`."""

from pathlib import Path

from lstm_bench.analysis.wording import listed
from lstm_bench.anatomy.audit import findings
from lstm_bench.anatomy.section import walk_sections
from lstm_bench.anatomy.toy_cell import toy_section
from lstm_bench.anatomy.walk import Walk
from lstm_bench.report.document import Document
from lstm_bench.report.receipt import receipt_items, receipt_section, report_packages


def walk_page(walk: Walk, command: str, source: Path, unknown: list[str]) -> Document:
    """Return the page of a walk.

    Args:
        walk: the walk.
        command: the command line that makes the page.
        source: the yaml file of the walk.
        unknown: words of the sentence that the walk does not have.
    """
    facts = {"command": command, "walk": source.name, "report_packages": report_packages()}
    walked, *tables = walk_sections(walk)
    blocks = [walked, toy_section(), *tables, receipt_section(receipt_items(facts), has_file=False)]
    return Document("One LSTM step after another", "anatomy", "", _headline(walk, unknown), blocks)


def _headline(walk: Walk, unknown: list[str]) -> list[str]:
    sentences = [f"“{' '.join(words)}”" for words in walk.sentences]
    subject = f"{listed(sentences)}, word by word through an LSTM of one unit with given gates."
    first_finding = findings(walk)[:1]
    left_out = [f"Not in the walk, so left out: {', '.join(unknown)}."] if unknown else []
    return [" ".join([subject, *first_finding]), *left_out]
