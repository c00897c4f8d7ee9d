"""Find the folders of studies from the names that are given to commands."""

from pathlib import Path


def existing_studies(runs: Path) -> list[str]:
    """Return the names of the studies that have a plan."""
    return sorted(path.parent.name for path in runs.glob("*/study.json"))


def study_folder(study: str, runs: Path) -> Path:
    """Return the folder of a study that is given by name or as a path; runs/<study> where there is none."""
    return next((place for place in (runs / study, Path(study)) if (place / "study.json").exists()), runs / study)
