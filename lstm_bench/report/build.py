"""Build the folder of one report, whole or not at all."""

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from lstm_bench.analysis.comparison import comparison
from lstm_bench.analysis.contest import load_contest
from lstm_bench.analysis.frames import load_study
from lstm_bench.analysis.results import all_results
from lstm_bench.records.schema import Measure
from lstm_bench.records.store import StudyRecords
from lstm_bench.report.exhibits import FIGURES
from lstm_bench.report.html import render_html, render_speed_html
from lstm_bench.report.markdown import render_markdown
from lstm_bench.report.page import make_page
from lstm_bench.report.receipt import make_receipt, receipt_items
from lstm_bench.report.speed_markdown import render_speed_markdown
from lstm_bench.report.speed_page import make_speed_page, speed_csv_tables


def build_report(study_folder: Path, reports_dir: Path, extra_receipt: Mapping[str, Any] | None = None) -> Path:
    """Write reports/<study>/ from the records of a study, and return the path of its report.html.

    What the study measured says which page is made. Everything is made in a fresh folder beside the old report, which
    is replaced at the end: where something goes wrong the old one stays as it was. The same records give the same
    bytes.

    Args:
        study_folder: runs/<study>, where the records lie.
        reports_dir: where the folder named after the study goes.
        extra_receipt: further entries for receipt.json.

    Raises: RecordError where there is no study or its records cannot be read.
    """
    plan = StudyRecords(study_folder).read_plan()
    make_contents = CONTENTS[plan.measure]
    reports_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=reports_dir, prefix=f".{plan.study}.") as temporary:
        fresh = Path(temporary) / "new"
        fresh.mkdir()
        _write(make_contents(study_folder, fresh / "figures", extra_receipt), fresh)
        _replace(reports_dir / plan.study, fresh, Path(temporary) / "old")
    return reports_dir / plan.study / "report.html"


@dataclass(frozen=True)
class Contents:
    """What the files of a report hold, figures aside."""

    html: str
    markdown: str
    receipt: dict[str, Any]
    results: pd.DataFrame
    tables: dict[str, pd.DataFrame]


def _training_contents(study_folder: Path, figures: Path, extra_receipt: Mapping[str, Any] | None) -> Contents:
    study = load_study(study_folder)
    statuses = study.members["status"].value_counts().sort_index()
    outcome = {"members": {str(status): int(n) for status, n in statuses.items()}, "problems": study.problems}
    receipt = make_receipt(study.plan, outcome, extra_receipt)
    page = make_page(study, figures, receipt_items(receipt))
    tables = {name: figure.rows(study) for name, figure in FIGURES.items()}
    tables |= {"comparison": comparison(study), "members": study.members}
    return Contents(render_html(page), render_markdown(page), receipt, all_results(study), tables)


def _speed_contents(study_folder: Path, figures: Path, extra_receipt: Mapping[str, Any] | None) -> Contents:
    contest = load_contest(study_folder)
    receipt = make_receipt(contest.plan, {"limit": asdict(contest.limit)}, extra_receipt)
    page = make_speed_page(contest, figures, receipt_items(receipt))
    turns = contest.turns.assign(study=contest.plan.study)
    return Contents(render_speed_html(page), render_speed_markdown(page), receipt, turns, speed_csv_tables(contest))


MakeContents = Callable[[Path, Path, Mapping[str, Any] | None], Contents]
CONTENTS: Mapping[Measure, MakeContents] = {"training": _training_contents, "speed": _speed_contents}


def _write(contents: Contents, folder: Path) -> None:
    receipt = json.dumps(contents.receipt, indent=1, ensure_ascii=False, default=str) + "\n"
    texts = {"receipt.json": receipt, "report.md": contents.markdown, "report.html": contents.html}
    for name, text in texts.items():
        (folder / name).write_text(text, "utf-8")
    (folder / "tables").mkdir()
    for name, table in contents.tables.items():
        _write_csv(table, folder / "tables" / f"{name}.csv")
    _write_csv(contents.results, folder / "results.csv")


def _write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a frame, `study` first."""
    first = [name for name in ("study",) if name in table.columns]
    table[[*first, *table.columns.drop(first)]].to_csv(path, index=False, lineterminator="\n")


def _replace(place: Path, fresh: Path, old: Path) -> None:
    """Put a fresh folder in the place of an old one; should the second rename fail, the old one comes back."""
    is_there = place.exists()
    if is_there:
        place.rename(old)
    try:
        fresh.rename(place)
    except OSError:
        if is_there:
            shutil.move(old, place)
        raise
