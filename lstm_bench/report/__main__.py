"""Make a report from its records: python -m lstm_bench.report STUDY [STUDY ...], or a page of all reports: --index.

Heavy imports (pandas, scipy, seaborn) stand inside the functions that need them, so that a wrong name is reported at
once.
"""

import argparse
import atexit
import gc
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from lstm_bench.checks import STUDY_NAME, STUDY_NAME_RULE
from lstm_bench.matplotlib_start import prepare_matplotlib
from lstm_bench.records.reading import RecordError
from lstm_bench.report.study_folders import existing_studies, study_folder
from lstm_bench.text_encoding import allow_all_letters, restart_in_utf8

if TYPE_CHECKING:
    from lstm_bench.report.build import Measured

FAILED, WRONG_INPUT = 1, 2
Studies: TypeAlias = "Mapping[str, Measured]"  # by the name or path on the command line


class RequestError(Exception):
    """A request that cannot be met; the message is one line: the key, the value and what is allowed."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the requested report, print its path and return the exit code.

    `--text` also prints the comparison, `--pdf` writes the page as a PDF next to it, and `--open` shows it in the
    browser. Several studies stand side by side in one report; `--index` makes a page of all reports instead. The exit
    code is 2 for a wrong request and for unreadable records, which are listed one per line while the report of the
    others is still written; 1 where the report or its PDF cannot be made, for the reason printed; else 0.
    """
    prepare_matplotlib()
    allow_all_letters()
    parser = _parser()
    options = parser.parse_args(arguments)
    if not options.studies and not options.index:
        parser.error("STUDY: allowed: the name of a study; or --index alone")
    is_complete = True
    try:
        if options.index:
            return _index(options)
        printer = _printer() if options.pdf else ""
        _refuse_folders(options.studies, options.runs)
        studies, problems = _load(options.studies, options.runs)
        if studies:
            from lstm_bench.claims.evidence import own_claims
            from lstm_bench.report.build import letters_line, size_line, write_report

            claims = own_claims(study_folder(next(iter(studies)), options.runs))
            report = _as_one(studies, options.name)
            page = write_report(report, options.reports, _rebuilt_by(studies, options.name), claims)
            if options.text:
                _print_comparison(report)
            print(page)
            for line in filter(None, (letters_line(report), size_line(page))):
                print(line, file=sys.stderr)
            if printer:
                is_complete = _print_pdf(page, printer)
            if options.open:
                _show(page)
    except RequestError as error:
        problems = [str(error)]
    except Exception as error:
        first = (str(error).strip().splitlines() or [""])[0]
        print(f"No report: {type(error).__name__}: {first}", file=sys.stderr)
        return FAILED
    for problem in problems:
        print(problem, file=sys.stderr)
    return WRONG_INPUT if problems else 0 if is_complete else FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lstm_bench.report",
        description="Make the report of a study from its records, or one report of several studies side by side.",
    )
    parser.add_argument(
        "studies", nargs="*", metavar="STUDY", help="name of a study, a folder of runs/; or the path of such a folder"
    )
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of studies (default: runs)")
    parser.add_argument("--reports", type=Path, default=Path("reports"), help="folder of reports (default: reports)")
    parser.add_argument("--name", help="name of the report (default: that of the study, or a_vs_b)")
    parser.add_argument(
        "--index",
        action="store_true",
        help="write index.html and README.md, which show every report, instead of a report",
    )
    parser.add_argument("--text", action="store_true", help="also print the comparison of cells")
    parser.add_argument(
        "--pdf", action="store_true", help="print the page to report.pdf next to it, with Chromium or Chrome"
    )
    parser.add_argument("--open", action="store_true", help="show the page in the browser")
    return parser


def _index(options: argparse.Namespace) -> int:
    """Write the front page of all reports and return the exit code.

    Raises: RequestError for a study or a study's option next to --index, and where the page cannot be made.
    """
    from lstm_bench.report.index import GalleryError, write_index

    if options.studies:
        raise RequestError(f"--index {' '.join(options.studies)}: allowed: --index without STUDY, since it shows all")
    further = {"--name": options.name is not None, "--text": options.text, "--pdf": options.pdf}
    if others := [name for name, is_there in further.items() if is_there]:
        raise RequestError(f"--index {' '.join(others)}: allowed: --index with --reports and --open")
    try:
        page, problems = write_index(options.reports)
    except GalleryError as error:
        raise RequestError(str(error)) from error
    print(page)
    for problem in problems:
        print(problem, file=sys.stderr)
    if options.open:
        _show(page)
    return WRONG_INPUT if problems else 0


def _printer() -> str:
    """Return the path of a browser that prints a PDF. Raises: RequestError where there is none."""
    from lstm_bench.report.pdf import NO_BROWSER, browser

    if (path := browser()) is None:
        raise RequestError(f"--pdf: allowed: {NO_BROWSER}")
    return path


def _print_comparison(report: "Measured") -> None:
    """Print the comparison of the cells, or a line that nothing was trained."""
    from lstm_bench.analysis.frames import StudyData
    from lstm_bench.report.comparison_text import comparison_text

    text = comparison_text(report) if isinstance(report, StudyData) else ""
    print(f"{text}\n" if text else "Nothing was trained, so there is nothing to compare.")


def _print_pdf(page: Path, printer: str) -> bool:
    """Write a page as PDF and print its path; where that fails, print the reason and return False."""
    from lstm_bench.report.pdf import PdfError, write_pdf

    try:
        print(write_pdf(page, printer))
    except PdfError as error:
        print(f"--pdf: {error}", file=sys.stderr)
        return False
    return True


def _show(page: Path) -> None:
    """Show a page in the user's browser; print a line where there is none."""
    import webbrowser

    if not webbrowser.open(page.resolve().as_uri()):
        print(f"--open: no browser here; the page is {page}", file=sys.stderr)


def _refuse_folders(studies: Sequence[str], runs: Path) -> None:
    """Raise RequestError for a folder of studies where a study belongs, and for a study that is named twice."""
    folders = [study_folder(study, runs).resolve() for study in studies]
    for study, folder in zip(studies, folders, strict=True):
        if not (folder / "study.json").exists() and existing_studies(Path(study)):
            raise RequestError(f"study={study}: this folder holds studies: allowed: --runs {study}")
        if folders.count(folder) > 1:
            raise RequestError(f"study={study}: named twice: allowed: each study once")


def _load(names: Sequence[str], runs: Path) -> tuple[Studies, list[str]]:
    """Return the studies that can be read, and one line for each problem."""
    studies: dict[str, Measured] = {}
    problems: list[str] = []
    for name in names:
        folder = study_folder(name, runs)
        if not (folder / "study.json").exists():
            allowed = ", ".join(existing_studies(runs)) or f"none, since {runs} holds no study"
            problems.append(f"study={name}: allowed: {allowed}")
            continue
        from lstm_bench.report.build import load

        try:
            studies[name] = load(folder)
        except RecordError as error:
            problems.append(str(error))
    # a speed study has no problems: it is read whole or not at all
    return studies, [*problems, *(problem for study in studies.values() for problem in getattr(study, "problems", ()))]


def _as_one(studies: Studies, name: str | None) -> "Measured":
    """Return the study, or several side by side, under the name of the report.

    Raises: RequestError for a name that is not allowed, and for one of several studies that trains nothing.
    """
    from lstm_bench.analysis.frames import StudyData
    from lstm_bench.analysis.side_by_side import default_name, join, labels

    plans = {key: study.plan for key, study in studies.items()}
    if len(studies) == 1:
        study = next(iter(studies.values()))
        return replace(study, plan=replace(study.plan, study=_checked(study.plan.study if name is None else name)))
    trained = {key: study for key, study in studies.items() if isinstance(study, StudyData)}
    if other := [key for key in studies if key not in trained]:
        measured = plans[other[0]].measure
        raise RequestError(f"study={other[0]}: a study of {measured}: allowed: side by side, studies that train")
    by_label = dict(zip(labels(plans), trained.values(), strict=True))
    return join(by_label, _checked(default_name(plans) if name is None else name))


def _checked(name: str) -> str:
    if not STUDY_NAME.fullmatch(name):
        raise RequestError(f"name={name}: allowed: {STUDY_NAME_RULE}")
    return name


def _rebuilt_by(studies: Studies, name: str | None) -> dict[str, Any]:
    """Return the receipt's entry for the command that makes this report, empty where the study's name alone does."""
    if len(studies) == 1 and name is None:
        return {}
    options = [] if name is None else ["--name", name]
    return {"rebuild": shlex.join(["python", "-m", "lstm_bench.report", *studies, *options])}


if __name__ == "__main__":
    restart_in_utf8()
    atexit.register(gc.freeze)  # Python would search all of pandas and seaborn for cycles before it ends: half a second
    sys.exit(main())
