"""The description of an experiment, which MLflow shows above its runs: the finding, its picture, links and hints.

It is a tag of Markdown, and MLflow shows its first line until it is opened. A description that a person has changed
stays.
"""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from lstm_bench.tracking.addresses import charts, file_itself, file_page, table_of_runs
from lstm_bench.tracking.measured import MEASURED

NOTE = "mlflow.note.content"  # tag: a description
LONGEST = 3000  # letters of a finding; MLflow allows 5000 in a tag
PICTURE, COMPARISON, REPORT = "picture.svg", "comparison.json", "report.html"  # files of the report's run
PICTURES = ("solve_rates", "gradient_flow", "spans")  # figures of a report: the first that it has is the picture
WIDTH = 700  # pixels: MLflow shows a picture at its own size, next to two columns of the page
SIZE = re.compile(r'width="(?P<width>[\d.]+)(?:pt|px)?" height="(?P<height>[\d.]+)(?:pt|px)?"')
SIGNED = re.compile(r"(?P<text>.*)\n<!-- lstm_bench (?P<digest>\w+) -->", re.DOTALL)  # MLflow shows no comment
METRICS = (
    "A run is a member: a cell at a lag, with a seed. `compare/` has what is compared first; `eval/`, `train/loss` and "
    f"`grad/` are curves. All other measurements are in the table `{MEASURED}` of a run."
)
GROUPING = (
    "In a table or chart of your own, choose *Group by* `cell` and `lag`: each mean is then over comparable seeds."
)


def while_training(study: str, experiment: str) -> str:
    """Return the description of an experiment until its study has ended."""
    return _signed(f"{study}: not ended yet.\n\n{_links(experiment)}\n\n{METRICS}\n\n{GROUPING}")


def of_tuning(study: str, reported: str) -> str:
    """Return the description of the experiment of the runs that chose learning rates."""
    return _signed(f"Runs that chose the learning rates of {study}; [its reported runs]({charts(reported)}).")


def of_reports(study: str, reported: str) -> str:
    """Return the description of the experiment of a study's reports."""
    where = f"open a run, and among its artifacts `{REPORT}` and `{COMPARISON}`"
    return _signed(f"Reports of {study}: {where}; [the runs]({charts(reported)}).")


def of_ended(headline: Sequence[str], experiment: str) -> str:
    """Return the description of an experiment whose study has ended: the finding, a paragraph a task, and links."""
    return _signed("\n\n".join([_finding(headline), _links(experiment), METRICS, GROUPING]))


def of_reported(headline: Sequence[str], experiment: str, reports: str, run: str, has_picture: bool) -> str:
    """Return the description of an experiment whose study has a report.

    Args:
        headline: the finding, a paragraph a task.
        experiment: MLflow's id of the experiment.
        reports: MLflow's id of the reports' experiment.
        run: the report's run.
        has_picture: whether that run has a picture.
    """
    picture = [f"![the picture of the report]({file_itself(run, PICTURE)})"] if has_picture else []
    more = f"[The report]({file_page(reports, run, REPORT)}) · [The comparison]({file_page(reports, run, COMPARISON)})"
    return _signed("\n\n".join([_finding(headline), *picture, f"{_links(experiment)} · {more}", METRICS, GROUPING]))


def _finding(headline: Sequence[str]) -> str:
    return "\n\n".join(headline)[:LONGEST].replace("<", "&lt;")


def _links(experiment: str) -> str:
    by_group = f"[Charts by cell and lag]({charts(experiment)})"
    return f"{by_group} · [Every run, with the compared metrics]({table_of_runs(experiment)}) (both also under *Views*)"


def _signed(text: str) -> str:
    return f"{text}\n<!-- lstm_bench {_digest(text)} -->"


def is_ours(description: str) -> bool:
    """Tell whether a description is as this module wrote it: nobody has changed it."""
    match = SIGNED.fullmatch(description)
    return match is not None and match["digest"] == _digest(match["text"])


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def picture_of(report: Path) -> str | None:
    """Return the picture of a report as SVG of a width that fits MLflow's pages; None without one."""
    files = [report / "figures" / f"{name}.svg" for name in PICTURES]
    file = next((file for file in files if file.is_file()), None)
    return None if file is None else SIZE.sub(_at_width, file.read_text(encoding="utf-8"), count=1)


def _at_width(size: re.Match[str]) -> str:
    return f'width="{WIDTH}" height="{WIDTH * float(size["height"]) / float(size["width"]):.0f}"'
