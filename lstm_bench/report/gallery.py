"""Read the reports of a folder: the receipt, the summary, the picture and the files of each."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter

from lstm_bench.records.reading import RecordError, read_file, read_json
from lstm_bench.report.summary import SUMMARY, Summary, read_summary

RECEIPT = "receipt.json"
FILES = ("report.html", "report.md", "results.csv", RECEIPT)
PUBLISHED = "_published"  # the end of the name of a study with a published budget


@dataclass(frozen=True)
class Machine:
    """The machine that a study ran on; an earlier version may not have recorded all of it."""

    cores: int | None = None
    processor: str | None = None
    device: str | None = None
    system: str | None = None


@dataclass(frozen=True)
class Receipt:
    """What the gallery shows of a receipt. `studies` are those that a study of claims rules on, None for any other.

    `wall_s` is the time of the last run, `training_s` the core time of all members, absent in an earlier version.
    """

    command: str
    rebuild: str
    started: str
    wall_s: float | None
    environment: Machine
    training_s: float | None = None
    taken_over: Annotated[int, Field(alias="members taken over from other studies")] = 0
    studies: list["Receipt"] | None = None

    @property
    def members_taken_over(self) -> int:
        """How many members other studies had trained."""
        return self.taken_over + sum(study.members_taken_over for study in self.studies or [])

    @property
    def member_seconds(self) -> float | None:
        """The training time of all members in seconds, None where it is not known for every study."""
        times = [study.training_s for study in (self.studies if self.studies is not None else [self])]
        return None if None in times else sum(time for time in times if time is not None)


@dataclass(frozen=True)
class Report:
    """One report: its folder's name, its receipt and summary, the bytes of each file, and its picture as SVG.

    `summary` is None for a report of an earlier version; `svg` is "" where there is no picture.
    """

    name: str
    receipt: Receipt
    summary: Summary | None
    sizes: dict[str, int]
    svg: str

    @property
    def is_published(self) -> bool:
        """Whether the study had a published budget."""
        return self.name.endswith(PUBLISHED)


def read_reports(folder: Path) -> tuple[list[Report], list[str]]:
    """Return the reports of a folder in the order of the gallery, and a line for each file that cannot be read.

    Those of published budgets come first; within both groups, those of claims come first, then all by name.
    A report is a folder with a receipt.json or a report.html.
    """
    reports: list[Report] = []
    problems: list[str] = []
    for place in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        if not any((place / name).exists() for name in (RECEIPT, "report.html")):
            continue
        try:
            receipt = read_json(place / RECEIPT, TypeAdapter(Receipt), has_schema=False)
        except RecordError as error:
            problems.append(str(error))
            continue
        summary, svg, further = _in_short(place)
        problems += further
        sizes = {name: (place / name).stat().st_size for name in FILES if (place / name).is_file()}
        reports.append(Report(place.name, receipt, summary, sizes, svg))
    return sorted(reports, key=_place), problems


def _place(report: Report) -> tuple[bool, bool, str]:
    return not report.is_published, report.receipt.studies is None, report.name


def _in_short(place: Path) -> tuple[Summary | None, str, list[str]]:
    """Return the summary of a report and its picture, and a line for a file that cannot be read."""
    if not (place / SUMMARY).exists():
        return None, "", []
    try:
        summary = read_summary(place / SUMMARY)
    except RecordError as error:
        return None, "", [str(error)]
    if not summary.figure:
        return summary, "", []
    try:
        svg, _ = (read_file(place / "figures" / f"{summary.figure}.{ending}") for ending in ("svg", "png"))
        return summary, svg.decode(errors="replace"), []
    except RecordError as error:
        return summary, "", [str(error)]
