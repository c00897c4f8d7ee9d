"""The folder of the yaml files that come with the package."""

from importlib.resources import files
from pathlib import Path


def conf_dir() -> Path:
    """Return the folder: conf/ in a checkout, lstm_bench/conf in an installed wheel."""
    package = Path(str(files("lstm_bench")))
    installed = package / "conf"
    return installed if installed.is_dir() else package.parent / "conf"
