"""Where a study's files go, all below the output folder."""

import tempfile
from pathlib import Path

from lstm_bench.config.errors import not_allowed


def records_folder(output: Path, study: str) -> Path:
    """Return runs/<study>."""
    return output.expanduser().resolve() / "runs" / study


def reports_folder(output: Path) -> Path:
    """Return reports/, which has one folder a study."""
    return output.expanduser().resolve() / "reports"


def tracking_uri(output: Path, uri: str | None) -> tuple[str, Path | None]:
    """Return the MLflow URI and where artifacts go: absolute, since every process may stand elsewhere.

    A URI of the user's own decides on its artifacts itself.
    """
    root = output.expanduser().resolve()
    return (uri, None) if uri else (f"sqlite:///{root / 'mlflow.db'}", root / "mlartifacts")


def check_output(output: Path) -> None:
    """Raise ConfigError where the output folder cannot be written; leave nothing behind."""
    folder = output.expanduser().resolve()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            return
    except OSError as error:
        raise not_allowed("output", output, f"a folder that can be written ({error.strerror})") from error
