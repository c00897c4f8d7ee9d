"""What is known only when a study ends."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class StudySummary:
    """The last that MLflow is told: metrics by member identity, the study's own, and the folder of the report.

    Without a report there is no summary: the study was interrupted.
    """

    of_members: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    of_study: Mapping[str, float] = field(default_factory=dict)
    report: Path | None = None
