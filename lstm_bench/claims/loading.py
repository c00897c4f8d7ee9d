"""Load the claims and return the rulings on them: the explainer's, and a user's own in a folder next to runs/."""

import importlib.util
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import cast

from lstm_bench.analysis.frames import StudyData
from lstm_bench.claims.contract import Claim
from lstm_bench.claims.deciding import Ruling, rule_on
from lstm_bench.claims.explainer import CLAIMS

FOLDER = "claims"  # next to runs/: the user's own claims
REQUIRED = ("TEXT", "SOURCE", "RULE", "NEEDS", "measure")


def rulings(studies: Sequence[StudyData], own_claims: Path | None = None) -> list[Ruling]:
    """Return the ruling on each claim from some studies: the explainer's, then a user's own by name.

    Args:
        studies: the studies that were measured.
        own_claims: a folder with one Python file a claim, which is imported and so runs; see `contract.Claim` for what
            it holds. A file that cannot be used becomes a ruling "not tested" with the reason as its `problem`.
    """
    return list(_rulings(studies, own_claims, lambda claim: True))


def rulings_of(study: StudyData, own_claims: Path | None = None) -> list[Ruling]:
    """Return the rulings, as `rulings` does, on the claims that a study was made to measure.

    These are the claims whose NEEDS name its experiment or itself, and a user's own with empty NEEDS. A file that
    cannot be used may be one of them.
    """
    names = {study.plan.experiment, study.plan.study}

    def is_measured(claim: Claim) -> bool:
        return not claim.NEEDS or bool(names & set(claim.NEEDS))

    return list(_rulings([study], own_claims, is_measured))


def _rulings(
    studies: Sequence[StudyData], own_claims: Path | None, is_selected: Callable[[Claim], bool]
) -> Iterator[Ruling]:
    for module in CLAIMS:
        claim = cast(Claim, module)
        if is_selected(claim):
            yield rule_on(module.__name__.rpartition(".")[2], claim, studies)
    for path in sorted(own_claims.glob("[!_]*.py")) if own_claims is not None else ():
        try:
            claim = _import_claim(path)
            if is_selected(claim):
                yield rule_on(path.stem, claim, studies)
        except Exception as error:  # an error in a user's file must not prevent the report
            yield _ruling_on_unusable(path, error)


def _import_claim(path: Path) -> Claim:
    spec = importlib.util.spec_from_file_location(f"own_claim_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path}: cannot be imported")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    absent = [name for name in REQUIRED if not hasattr(module, name)]
    if absent:
        raise AttributeError(f"has no {', '.join(absent)}")
    return cast(Claim, module)


def _ruling_on_unusable(path: Path, error: Exception) -> Ruling:
    problem = f"{FOLDER}/{path.name}: {type(error).__name__}: {error}"
    return Ruling(
        path.stem, path.stem, f"{FOLDER}/{path.name}", "", (), (), "not tested", "Its file failed.", "", problem
    )
