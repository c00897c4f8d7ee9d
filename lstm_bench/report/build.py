"""Build the folder of one report, whole or not at all."""

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from lstm_bench.analysis.comparison import comparison
from lstm_bench.analysis.frames import StudyData, load_study, of_all_tasks
from lstm_bench.analysis.results import all_results
from lstm_bench.analysis.softer_criteria import softer_spans
from lstm_bench.analysis.span_costs import span_costs
from lstm_bench.analysis.speed_benchmark import SpeedBenchmark, load_benchmark
from lstm_bench.claims.evidence import Evidence, load_evidence, own_claims
from lstm_bench.claims.loading import rulings_of
from lstm_bench.records.plan import Measure
from lstm_bench.records.store import StudyRecords
from lstm_bench.report.document import Document
from lstm_bench.report.figure_registry import FIGURES, STUDY_FIGURES
from lstm_bench.report.fonts import missing_letters
from lstm_bench.report.html import LARGEST_PAGE, ROOM, embed, files_to_embed, render_html
from lstm_bench.report.markdown import render_markdown
from lstm_bench.report.pages.claims import claims_page
from lstm_bench.report.pages.claims_section import claim_tables, has_claims
from lstm_bench.report.pages.sensitivity import sensitivity_page, sensitivity_tables
from lstm_bench.report.pages.speed import speed_csv_tables, speed_page
from lstm_bench.report.pages.study import study_page
from lstm_bench.report.receipt import make_receipt, receipt_items
from lstm_bench.report.summary import SUMMARY, summarise, summary_text

Measured = StudyData | SpeedBenchmark | Evidence
LOADERS: Mapping[Measure, Callable[[Path], Measured]] = {
    "training": load_study,
    "sensitivity": load_study,
    "speed": load_benchmark,
    "claims": load_evidence,
}
TABLE_FORMAT = "%.10g"  # members train in float32, which has 7 digits; results.csv has all of them
Files = dict[str, str]  # text by path, relative to the folder of the report
Parts = tuple[Files, Callable[[], Document]]  # the data files, and a function that draws the page


def build_report(study_folder: Path, reports_dir: Path, extra_receipt: Mapping[str, Any] | None = None) -> Path:
    """Write reports/<study>/ from the records of a study, and return the path of its report.html.

    Args:
        study_folder: runs/<study>, where the records lie.
        reports_dir: where the folder named after the study goes.
        extra_receipt: further entries for receipt.json.

    Raises: RecordError where there is no study or its records cannot be read.
    """
    return write_report(load(study_folder), reports_dir, extra_receipt, own_claims(study_folder))


def load(study_folder: Path) -> Measured:
    """Return the records of a study as frames; their type follows from what the study measured.

    Raises: RecordError where there is no study or its records cannot be read.
    """
    return LOADERS[StudyRecords(study_folder).read_plan().measure](study_folder)


def write_report(
    study: Measured,
    reports_dir: Path,
    extra_receipt: Mapping[str, Any] | None = None,
    own_claims: Path | None = None,
) -> Path:
    """Write reports/<study>/ from the frames of a study, and return the path of its report.html.

    All files are written to a fresh folder, which replaces the old report at the end: after an error the old report is
    as before. Where there is no old report and the page cannot be drawn, the data files are written without the page.
    The same records give the same bytes.
    """
    name = study.plan.study
    reports_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=reports_dir, prefix=f".{name}.") as temporary:
        place, fresh, old = reports_dir / name, Path(temporary) / "new", Path(temporary) / "old"
        fresh.mkdir()
        rows, draw_page = _parts(study, fresh / "figures", extra_receipt, own_claims)
        _write(rows, fresh)
        try:
            _write(_pages(draw_page(), rows), fresh)
        except OSError:  # of the disk: the files written so far may be incomplete
            raise
        except Exception:
            shutil.rmtree(fresh / "figures", ignore_errors=True)
            if not place.exists():
                _replace(place, fresh, old)
            raise
        _replace(place, fresh, old)
    return place / "report.html"


def letters_line(study: Measured) -> str:
    """Return a line with the letters of names that no font of the figures has, "" where there are none."""
    plans = [part.plan for part in study.studies] if isinstance(study, Evidence) else [study.plan]
    missing = missing_letters(f"{job.task} {job.variant} {job.cell}" for plan in plans for job in plan.jobs)
    return missing and f"Figures: no font here has {missing}, which they show as boxes; the tables have these letters."


def size_line(page: Path) -> str:
    """Return a line that reports a page larger than `LARGEST_PAGE`, "" for a smaller one."""
    size = page.stat().st_size
    line = f"{page}: {size / 1e3:,.0f} kB, more than {LARGEST_PAGE / 1e3:,.0f} kB even without embedded files."
    return line if size > LARGEST_PAGE else ""


def _parts(study: Measured, figures: Path, extra_receipt: Mapping[str, Any] | None, own_claims: Path | None) -> Parts:
    if isinstance(study, SpeedBenchmark):
        return _speed_parts(study, figures, extra_receipt)
    if isinstance(study, Evidence):
        return _claims_parts(study, figures, extra_receipt)
    return _training_parts(study, figures, extra_receipt, own_claims)


def _training_parts(
    study: StudyData, figures: Path, extra_receipt: Mapping[str, Any] | None, own_claims: Path | None
) -> Parts:
    statuses = study.members["status"].value_counts().sort_index()
    members = {str(status): int(n) for status, n in statuses.items()}
    outcome = {"training_s": study.training_seconds(), "members": members, "problems": study.problems}
    receipt = make_receipt(study.plan, outcome, extra_receipt)
    ruled = rulings_of(study, own_claims)
    if study.plan.measure == "sensitivity":
        tables = sensitivity_tables(study) | {"comparison": comparison(study), "members": study.members}
        rows = _row_files(receipt, all_results(study), tables)
        return rows, lambda: sensitivity_page(study, figures, receipt_items(receipt))
    tables = {name: figure.rows(study) for name, figure in {**FIGURES, **STUDY_FIGURES}.items()}
    tables |= {"comparison": comparison(study), "members": study.members}
    tables["span_costs"] = span_costs(study)
    tables["softer_criteria"] = of_all_tasks(study, softer_spans)
    tables |= claim_tables(ruled) if has_claims(ruled) else {}
    rows = _row_files(receipt, all_results(study), tables)
    return rows, lambda: study_page(study, figures, receipt_items(receipt), ruled)


def _claims_parts(evidence: Evidence, figures: Path, extra_receipt: Mapping[str, Any] | None) -> Parts:
    ruled = evidence.rulings
    studies = [make_receipt(study.plan, {"training_s": study.training_seconds()}, None) for study in evidence.studies]
    receipt = make_receipt(evidence.plan, {"problems": evidence.problems, "studies": studies}, extra_receipt)
    tables = {"comparison": [comparison(study) for study in evidence.studies]}
    tables["members"] = [study.members for study in evidence.studies]
    joined = {name: pd.concat(frames, ignore_index=True) for name, frames in tables.items() if frames}
    results = pd.concat([all_results(study) for study in evidence.studies], ignore_index=True)
    rows = _row_files(receipt, results, {**joined, **claim_tables(ruled)})
    return rows, lambda: claims_page(evidence, ruled, figures, receipt_items(receipt))


def _speed_parts(benchmark: SpeedBenchmark, figures: Path, extra_receipt: Mapping[str, Any] | None) -> Parts:
    receipt = make_receipt(benchmark.plan, {"limit": asdict(benchmark.limit)}, extra_receipt)
    rounds = benchmark.rounds.assign(study=benchmark.plan.study)
    rows = _row_files(receipt, rounds, speed_csv_tables(benchmark))
    return rows, lambda: speed_page(benchmark, figures, receipt_items(receipt))


def _pages(page: Document, rows: Files) -> Files:
    """Return the page in both formats, and its summary.

    The page in HTML embeds the smallest data files, up to `ROOM` bytes and without growing beyond `LARGEST_PAGE`.
    """
    html = render_html(page)
    room_left = LARGEST_PAGE - len(html.encode("utf-8", "backslashreplace"))
    html = embed(html, files_to_embed(rows, min(ROOM, room_left)))
    return {"report.md": render_markdown(page), "report.html": html, SUMMARY: summary_text(summarise(page))}


def _row_files(receipt: Mapping[str, Any], results: pd.DataFrame, tables: Mapping[str, pd.DataFrame]) -> Files:
    """Return the data files: the receipt, the results, and the rows behind each table and figure."""
    return {
        "receipt.json": json.dumps(receipt, indent=1, ensure_ascii=False, default=str) + "\n",
        "results.csv": _csv(results),
        **{f"tables/{name}.csv": _csv(table, TABLE_FORMAT) for name, table in tables.items()},
    }


def _csv(table: pd.DataFrame, float_format: str | None = None) -> str:
    """Return a frame as CSV, `study` first."""
    first = [name for name in ("study",) if name in table.columns]
    return table[[*first, *table.columns.drop(first)]].to_csv(
        index=False, lineterminator="\n", float_format=float_format
    )


def _write(files: Files, folder: Path) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8", "backslashreplace", newline="\n")


def _replace(place: Path, fresh: Path, old: Path) -> None:
    """Put a fresh folder in the place of an old one; where the second rename fails, restore the old one."""
    is_there = place.exists()
    if is_there:
        place.rename(old)
    try:
        fresh.rename(place)
    except OSError:
        if is_there:
            shutil.move(old, place)
        raise
