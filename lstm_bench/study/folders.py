"""The folders of a study's files, all below the output folder, and checks that they can be written."""

import re
import tempfile
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from lstm_bench.config.errors import ConfigError, not_allowed
from lstm_bench.config.tracking_address import address_from_environment

LONGEST_OUTPUT = 480  # bytes; SQLite opens no file whose path, with the journal's ending, is longer than 512
DECODED_IN_ADDRESSES = re.compile(r"\?|%[0-9A-Fa-f]{2}")  # these have another meaning in the URI of a database


def records_folder(output: Path, study: str) -> Path:
    """Return runs/<study>."""
    return _resolved(output) / "runs" / study


def reports_folder(output: Path) -> Path:
    """Return reports/, which has one folder for each study."""
    return _resolved(output) / "reports"


def tracking_uri(output: Path, uri: str | None) -> tuple[str, Path | None]:
    """Return the MLflow URI and the folder of artifacts, absolute, since processes differ in their working folder.

    Where `uri` is None, MLFLOW_TRACKING_URI applies, or else the store in the output folder.
    The folder is None for any other store, which decides where artifacts go.
    """
    root = _resolved(output)
    database = root / "mlflow.db"
    uri = uri or address_from_environment()
    file = uri.removeprefix("sqlite:///") if uri and uri.startswith("sqlite:///") else ""
    if uri and (not file or _resolved(Path(file)) != database):
        return uri, None
    return f"sqlite:///{database}", root / "mlartifacts"


def _resolved(output: Path) -> Path:
    return output.expanduser().resolve()


def check_output(output: Path, studies: Sequence[str] = ()) -> None:
    """Check that studies can be written below the output folder, without leaving files there.

    The output folder, runs/ and reports/ may be links to existing folders.

    Raises: ConfigError for an output folder, or a folder of these studies in it, that cannot be used.
    """
    try:
        root = _resolved(output)
        _check_path(output, root)
        _check_writable(f"output={output}", root)
        for name in ("runs", "reports"):
            _check_writable(f"{root / name}", root / name)
            for study in studies:
                _check_own(root, root / name / study)
    except (OSError, RuntimeError, ValueError) as error:  # too long, no such user, links in a circle, a null byte
        raise not_allowed("output", ascii(str(output)), f"a folder that can be written ({error})") from error


def _check_path(output: Path, root: Path) -> None:
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in str(root)):
        raise not_allowed("output", ascii(str(output)), "a path of characters that can be printed, in UTF-8")
    if DECODED_IN_ADDRESSES.search(str(root)):
        raise not_allowed("output", output, "a path without '?' and without '%' before two hex digits, for MLflow")
    if len(str(root).encode()) > LONGEST_OUTPUT:
        raise not_allowed("output", output, f"a path of at most {LONGEST_OUTPUT} bytes in all, for SQLite")


def _check_writable(label: str, folder: Path) -> None:
    """Try to write into a folder or, where it does not exist, into its nearest existing parent."""
    existing = folder
    while not existing.exists() and not existing.is_symlink() and existing != existing.parent:
        existing = existing.parent
    try:
        with tempfile.TemporaryFile(dir=existing):
            return
    except OSError as error:
        raise ConfigError(f"{label}: allowed: a folder that can be written ({error.strerror})") from error


def _check_own(root: Path, folder: Path) -> None:
    """Check a study's own folder, which may be a link, but not to a place outside the output folder."""
    if folder.is_symlink() and not folder.resolve().is_relative_to(root):
        raise ConfigError(f"{folder}: a link to {folder.resolve()}: allowed: a folder of its own")
    _check_writable(f"{folder}", folder)
