"""A report as PDF, printed by a Chromium or Chrome of this machine."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
NO_BROWSER = "a Chromium or Chrome on the PATH: apt install chromium on Debian and Ubuntu, brew install --cask chromium"
TIMEOUT_S = 120.0


class PdfError(Exception):
    """A page cannot be printed; the message is one line."""


def browser() -> str | None:
    """Return the path of a browser that prints, None where there is none."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def write_pdf(page: Path, browser_path: str) -> Path:
    """Print a page to a PDF next to it, with its style sheet for print, and return the path of the PDF.

    Raises: PdfError where the browser fails, or takes longer than `TIMEOUT_S` seconds.
    """
    printed = page.with_suffix(".pdf")
    with tempfile.TemporaryDirectory(prefix="lstm_bench_pdf_") as profile:
        fresh = Path(profile) / printed.name
        options = [
            "--headless",
            "--disable-gpu",
            "--no-first-run",
            "--no-pdf-header-footer",
            f"--user-data-dir={profile}",
        ]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            options.append("--no-sandbox")  # Chromium has no sandbox for root, and the page is ours
        command = [browser_path, *options, f"--print-to-pdf={fresh}", page.resolve().as_uri()]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise PdfError(f"{browser_path}: {' '.join(str(error).split())}") from error
        if done.returncode or not fresh.is_file():
            last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
            raise PdfError(f"{browser_path}: {last}")
        shutil.move(fresh, printed)
    return printed
