"""Summarise a study that has ended for MLflow."""

from pathlib import Path

from lstm_bench.analysis.comparison_table import comparison_table
from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.headline import headline
from lstm_bench.analysis.results import derived_metrics, study_metrics
from lstm_bench.tracking.run_spec import StudySummary


def mlflow_summary(study: StudyData, report: Path | None) -> StudySummary:
    """Return the numbers of a study's members and cells, its finding, and the table that compares the cells.

    Args:
        study: the records as frames.
        report: the folder of the study's report; None without one.
    """
    derived, of_study = derived_metrics(study), study_metrics(study)
    return StudySummary(derived, of_study, report, headline(study), comparison_table(study))
