"""Synthetic studies whose truth is known, shared with the tests of analysis."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "analysis"))  # for synthetic_study
