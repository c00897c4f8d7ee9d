"""Render a document as one HTML file that loads nothing from elsewhere."""

from collections.abc import Mapping
from itertools import accumulate
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import escape

from lstm_bench.report.compact_svg import share_outlines
from lstm_bench.report.document import Document, parts
from lstm_bench.report.typography import typeset

TEMPLATES = Path(__file__).parent / "templates"
LARGEST_PAGE = 3_000_000  # bytes: what a mail, a repository and a browser on a phone take well
ROOM = 2**20  # bytes: about what the figures of a study of two cells take
SCRIPT = "\n<script>\n"  # occurs once on a page, since the text of a page is escaped
EMBEDDED = '\n<template data-file="{}">{}</template>'


def render_html(document: Document) -> str:
    """Return a page with its style, script, figures and embedded files inside; all text is escaped."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=lambda name: name is not None and name.endswith(".html.j2"),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"typeset": typeset, "parts": parts, "kind": lambda value: type(value).__name__}
    return share_outlines(environment.get_template("page.html.j2").render(document=document))


def embed(page: str, files: Mapping[str, str]) -> str:
    """Return a page with files embedded: a link to one of them saves it, where scripts are run.

    Args:
        page: a page of `render_html`.
        files: text by path, relative to the folder of the page.
    """
    before, script, after = page.rpartition(SCRIPT)
    return before + "".join(_embedded(path, text) for path, text in files.items()) + script + after


def files_to_embed(files: Mapping[str, str], room: int = ROOM) -> dict[str, str]:
    """Return the smallest files, as many as there is room for, so that they can be sent within a page.

    Args:
        files: text by path, relative to the folder of the page.
        room: bytes of the page that all of them may take together.
    """
    sizes = {path: _size(path, text) for path, text in files.items()}
    smallest_first = sorted(files, key=lambda path: (sizes[path], path))
    totals = accumulate(sizes[path] for path in smallest_first)
    return {path: files[path] for path, total in zip(smallest_first, totals, strict=True) if total <= room}


def _embedded(path: str, text: str) -> str:
    return EMBEDDED.format(escape(path), escape(text))


def _size(path: str, text: str) -> int:
    """Return the number of bytes that a file takes on a page."""
    return len(_embedded(path, text).encode("utf-8", "backslashreplace"))
