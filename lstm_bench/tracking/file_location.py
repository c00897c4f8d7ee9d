"""Where an experiment keeps the files of its runs, and whether that can be reached from here."""

from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname


class FilesError(Exception):
    """Files of a run cannot be stored where its experiment keeps them; the message says how to mend it."""


def is_local(location: str) -> bool:
    """Tell whether files are written directly into a folder, and not sent to a server."""
    return urlparse(location).scheme in ("", "file")


def unreachable(location: str, has_files: bool) -> str:
    """Return the folder of an experiment's files where it is missing on this machine, else "".

    MLflow would create it again, where permitted, and nobody would look for files there. A folder without files may be
    missing, but not the folder two levels above it.
    """
    if not is_local(location):
        return ""
    folder = Path(url2pathname(urlparse(location).path) if location.startswith("file:") else location)
    is_missing = not folder.exists() and (has_files or not folder.parent.parent.exists())
    return str(folder) if is_missing else ""


def unreachable_files(experiment: str, folder: str) -> str:
    """Return a line on what to do about files that cannot be stored in a folder."""
    a_server = "a server that takes files (mlflow server --artifacts-destination)"
    allowed = f"that folder (a link to where it has moved will do), or another study=NAME on {a_server}"
    return f"experiment={experiment}: its files cannot be stored in {folder} from here: allowed: {allowed}"
