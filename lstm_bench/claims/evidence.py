"""The studies that together decide the claims."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lstm_bench.analysis.frames import StudyData, load_study
from lstm_bench.claims.deciding import Ruling
from lstm_bench.claims.loading import FOLDER, rulings
from lstm_bench.records.plan import StudyPlan
from lstm_bench.records.reading import RecordError
from lstm_bench.records.store import StudyRecords


@dataclass(frozen=True, eq=False)
class Evidence:
    """The plan of a study of claims, with its studies in memory.

    `own_claims` is the folder of a user's own claims, None where there is none. `problems` are messages on what could
    not be read; the rest is loaded all the same.
    """

    plan: StudyPlan
    studies: list[StudyData]
    own_claims: Path | None
    problems: list[str]

    @cached_property
    def rulings(self) -> list[Ruling]:
        """The ruling on each claim, made once for the report and the screen."""
        return rulings(self.studies, self.own_claims)


def own_claims(study_folder: Path) -> Path | None:
    """Return the folder claims/ next to the runs/ that a study's folder lies in, None where there is none."""
    folder = study_folder.resolve().parent.parent / FOLDER
    return folder if folder.is_dir() else None


def load_evidence(folder: Path) -> Evidence:
    """Return the studies named by the plan in `folder`, whose folders lie next to it.

    Raises: RecordError where there is no plan or it cannot be read.
    """
    plan = StudyRecords(folder).read_plan()
    studies: list[StudyData] = []
    problems: list[str] = []
    for name in plan.studies:
        try:
            studies.append(load_study(folder.parent / name))
        except RecordError as error:
            problems.append(str(error))
    problems += [f"{study.plan.study}: {problem}" for study in studies for problem in study.problems]
    return Evidence(plan, studies, own_claims(folder), problems)
