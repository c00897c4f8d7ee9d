"""Set up matplotlib before it is imported, so that the user's own settings do not affect a report.

A notebook sets MPLBACKEND to a backend that other processes cannot load, and the user's folder of matplotlib holds
settings and a list of fonts, which may be out of date.
"""

import logging
import os
from contextlib import suppress
from pathlib import Path

from lstm_bench.cache_folder import cache_folders, make_own_folder


def prepare_matplotlib() -> None:
    """Give matplotlib, in this process and in those that it starts, a folder of its own and a backend without a screen.

    Call it at the start of a program, before anything imports matplotlib.
    """
    os.environ["MPLBACKEND"] = "agg"
    os.environ.pop("MATPLOTLIBRC", None)
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it warns about settings and fonts that are not ours
    for folder in cache_folders():
        with suppress(OSError):
            make_own_folder(folder)
            if os.access(folder, os.W_OK):
                os.environ["MPLCONFIGDIR"] = str(folder / "matplotlib")
                if Path("matplotlibrc").exists():
                    _import_elsewhere(folder)
                return


def _import_elsewhere(folder: Path) -> None:
    """Import matplotlib in another working folder, since it prefers the settings in the working folder."""
    previous = Path.cwd()
    os.chdir(folder)
    try:
        import matplotlib  # noqa: F401
    finally:
        os.chdir(previous)
