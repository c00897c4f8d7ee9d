"""The front page of a folder of reports as two files, index.html and README.md: python -m lstm_bench.report --index."""

from pathlib import Path

from lstm_bench.records.atomic import write_text
from lstm_bench.report.gallery import read_reports
from lstm_bench.report.html import render_html
from lstm_bench.report.markdown import render_markdown
from lstm_bench.report.pages.gallery import gallery_page

MARK = "<!-- made by python -m lstm_bench.report --index -->"  # in both files, and in no file written by hand


class GalleryError(Exception):
    """The front page cannot be made; the message is one line."""


def write_index(folder: Path) -> tuple[Path, list[str]]:
    """Write index.html and README.md into a folder of reports.

    Returns the path of index.html, and a line for each file of a report that cannot be read. The same reports give
    the same bytes.

    Raises: GalleryError where there is no such folder, or where it has a file of these names from elsewhere.
    """
    if not folder.is_dir():
        raise GalleryError(f"reports={folder}: allowed: a folder of reports")
    index, readme = folder / "index.html", folder / "README.md"
    for path in (index, readme):
        if path.exists() and MARK.encode() not in path.read_bytes():
            raise GalleryError(f"{path}: not made by --index: allowed: another folder, or one without this file")
    reports, problems = read_reports(folder)
    page = gallery_page(reports)
    write_text(readme, f"{MARK}\n\n{render_markdown(page)}", lasting=False)
    write_text(index, f"{render_html(page)}{MARK}\n", lasting=False)
    return index, problems
