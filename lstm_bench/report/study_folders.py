"""The folders of studies, by the names that commands are given."""

from pathlib import Path


def existing_studies(runs: Path) -> list[str]:
    """Return the names of the studies that have a plan."""
    return sorted(path.parent.name for path in runs.glob("*/study.json"))


def study_folder(study: str, runs: Path) -> Path:
    """Return the folder of a study, which is named or given as a path."""
    return next((place for place in (runs / study, Path(study)) if (place / "study.json").exists()), runs / study)
