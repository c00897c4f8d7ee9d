"""Whose claims are ruled on: the explainer's, and those that a user has put beside the records."""

import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

from lstm_bench.analysis.frames import Study
from lstm_bench.claims.contract import Claim
from lstm_bench.claims.deciding import Ruling, rule_on
from lstm_bench.claims.evidence import FOLDER
from lstm_bench.claims.explainer import CLAIMS

REQUIRED = ("TEXT", "SOURCE", "RULE", "NEEDS", "measure")


def rulings(studies: Sequence[Study], own_claims: Path | None = None) -> list[Ruling]:
    """Return the ruling on each claim from some studies: the explainer's seven, then a user's own by name.

    Args:
        studies: whatever was measured.
        own_claims: a folder with one Python file a claim, which is imported and so runs; see `contract.Claim` for what
            it holds. A file that cannot be used becomes a ruling "not tested" with the reason as its `problem`.
    """
    ours = [rule_on(module.__name__.rpartition(".")[2], cast(Claim, module), studies) for module in CLAIMS]
    return [*ours, *_own(own_claims, studies)]


def _own(folder: Path | None, studies: Sequence[Study]) -> Iterator[Ruling]:
    if folder is None:
        return
    for path in sorted(folder.glob("[!_]*.py")):
        try:
            yield rule_on(path.stem, _imported(path), studies)
        except Exception as error:  # a file of the user's: whatever is wrong in it must not take the report along
            yield _unusable(path, error)


def _imported(path: Path) -> Claim:
    spec = importlib.util.spec_from_file_location(f"own_claim_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path}: cannot be imported")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    absent = [name for name in REQUIRED if not hasattr(module, name)]
    if absent:
        raise AttributeError(f"has no {', '.join(absent)}")
    return cast(Claim, module)


def _unusable(path: Path, error: Exception) -> Ruling:
    problem = f"{FOLDER}/{path.name}: {type(error).__name__}: {error}"
    return Ruling(
        path.stem, path.stem, f"{FOLDER}/{path.name}", "", (), (), "not tested", "Its file failed.", "", problem
    )
