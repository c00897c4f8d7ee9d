"""Build the folder of one report, whole or not at all."""

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from lstm_bench.analysis.comparison import comparison
from lstm_bench.analysis.frames import Study, load_study
from lstm_bench.analysis.results import all_results
from lstm_bench.report.exhibits import FIGURES
from lstm_bench.report.html import render_html
from lstm_bench.report.markdown import render_markdown
from lstm_bench.report.page import make_page
from lstm_bench.report.receipt import make_receipt, receipt_items


def build_report(study_folder: Path, reports_dir: Path, extra_receipt: Mapping[str, Any] | None = None) -> Path:
    """Write reports/<study>/ from the records of a study, and return the path of its report.html.

    Everything is made in a fresh folder beside the old report, which is replaced at the end: where something goes
    wrong the old one stays as it was. The same records give the same bytes.

    Args:
        study_folder: runs/<study>, where the records lie.
        reports_dir: where the folder named after the study goes.
        extra_receipt: further entries for receipt.json.

    Raises: RecordError where there is no study or its plan cannot be read.
    """
    study = load_study(study_folder)
    reports_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=reports_dir, prefix=f".{study.plan.study}.") as temporary:
        fresh = Path(temporary) / "new"
        _write(study, fresh, extra_receipt)
        _replace(reports_dir / study.plan.study, fresh, Path(temporary) / "old")
    return reports_dir / study.plan.study / "report.html"


def _write(study: Study, folder: Path, extra_receipt: Mapping[str, Any] | None) -> None:
    folder.mkdir()
    receipt = make_receipt(study, extra_receipt)
    page = make_page(study, folder / "figures", receipt_items(receipt))
    _write_tables(study, folder)
    (folder / "receipt.json").write_text(json.dumps(receipt, indent=1, ensure_ascii=False, default=str) + "\n", "utf-8")
    (folder / "report.md").write_text(render_markdown(page), "utf-8")
    (folder / "report.html").write_text(render_html(page), "utf-8")


def _write_tables(study: Study, folder: Path) -> None:
    (folder / "tables").mkdir()
    tables = {name: figure.rows(study) for name, figure in FIGURES.items()}
    tables |= {"comparison": comparison(study), "members": study.members}
    for name, table in tables.items():
        _write_csv(table, folder / "tables" / f"{name}.csv")
    _write_csv(all_results(study), folder / "results.csv")


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
