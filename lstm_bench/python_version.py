"""The versions of Python that can run the package; any version can import this module."""

import sys

OLDEST, FIRST_TOO_NEW = (3, 11), (3, 14)  # as `requires-python` of pyproject.toml has it; Hydra 1.3 fails on 3.14
BAD_VERSION = 2  # exit code


def refusal() -> str:
    """Return in a line why this Python cannot run the package, "" where it can."""
    major, minor = sys.version_info[:2]
    if OLDEST <= (major, minor) < FIRST_TOO_NEW:
        return ""
    return f"Python {major}.{minor}: allowed: 3.11 to 3.13"
