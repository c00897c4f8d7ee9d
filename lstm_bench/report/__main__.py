"""Make a report again from its records: python -m lstm_bench.report STUDY [STUDY ...]."""

import argparse
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.side_by_side import default_name, join, labels
from lstm_bench.analysis.speed_benchmark import SpeedBenchmark
from lstm_bench.checks import STUDY_NAME, STUDY_NAME_RULE
from lstm_bench.claims.evidence import own_claims
from lstm_bench.records.reading import RecordError
from lstm_bench.report.build import Measured, load, write_report

WRONG_INPUT = 2
Found = Mapping[str, Measured]  # by what was asked for


class RequestError(Exception):
    """What was asked for makes no report, told in one line: the key, the value and what is allowed."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the report that was asked for and print its path; return the exit code.

    Several studies stand side by side in one report. What cannot be read is told in a line each, and the rest is
    rendered all the same; the code is 2 where there was such a line, else 0.
    """
    asked = _parser().parse_args(arguments)
    try:
        _refuse_folders(asked.studies, asked.runs)
        found, problems = _load(asked.studies, asked.runs)
        if found:
            claims = own_claims(study_folder(next(iter(found)), asked.runs))
            print(write_report(_as_one(found, asked.name), asked.reports, _rebuilt_by(found, asked.name), claims))
    except RequestError as error:
        problems = [str(error)]
    for problem in problems:
        print(problem, file=sys.stderr)
    return WRONG_INPUT if problems else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lstm_bench.report",
        description="Make a report from its records, or one of several studies side by side.",
    )
    parser.add_argument(
        "studies", nargs="+", metavar="STUDY", help="name of a study, a folder of runs/; or the path of such a folder"
    )
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where studies lie (default: runs)")
    parser.add_argument("--reports", type=Path, default=Path("reports"), help="where reports go (default: reports)")
    parser.add_argument("--name", help="name of the report (default: that of the study, or a_vs_b)")
    return parser


def existing_studies(runs: Path) -> list[str]:
    """Return the names of the studies that have a plan."""
    return sorted(path.parent.name for path in runs.glob("*/study.json"))


def study_folder(study: str, runs: Path) -> Path:
    """Return the folder of a study, which is named or given as a path."""
    return next((place for place in (runs / study, Path(study)) if (place / "study.json").exists()), runs / study)


def _refuse_folders(studies: Sequence[str], runs: Path) -> None:
    """Raise RequestError for a folder of studies where a study belongs, and for a study that is named twice."""
    folders = [study_folder(study, runs).resolve() for study in studies]
    for study, folder in zip(studies, folders, strict=True):
        if not (folder / "study.json").exists() and existing_studies(Path(study)):
            raise RequestError(f"study={study}: this folder holds studies: allowed: --runs {study}")
        if folders.count(folder) > 1:
            raise RequestError(f"study={study}: named twice: allowed: each study once")


def _load(studies: Sequence[str], runs: Path) -> tuple[Found, list[str]]:
    """Return the studies that can be read, and in a line each what cannot."""
    found: dict[str, Measured] = {}
    problems: list[str] = []
    for study in studies:
        folder = study_folder(study, runs)
        if not (folder / "study.json").exists():
            allowed = ", ".join(existing_studies(runs)) or f"none, since {runs} holds no study"
            problems.append(f"study={study}: allowed: {allowed}")
            continue
        try:
            found[study] = load(folder)
        except RecordError as error:
            problems.append(str(error))
    read = [
        study for study in found.values() if not isinstance(study, SpeedBenchmark)
    ]  # that is read whole or not at all
    return found, [*problems, *(problem for study in read for problem in study.problems)]


def _as_one(found: Found, name: str | None) -> Measured:
    """Return the study, or several side by side, under the name of the report.

    Raises: RequestError for a name that is no name, and for a study beside another that trains nothing.
    """
    plans = {asked: study.plan for asked, study in found.items()}
    if len(found) == 1:
        only = next(iter(found.values()))
        return replace(only, plan=replace(only.plan, study=_checked(only.plan.study if name is None else name)))
    trained = {asked: study for asked, study in found.items() if isinstance(study, StudyData)}
    if other := [asked for asked in found if asked not in trained]:
        measured = plans[other[0]].measure
        raise RequestError(f"study={other[0]}: a study of {measured}: allowed: side by side, studies that train")
    by_label = dict(zip(labels(plans), trained.values(), strict=True))
    return join(by_label, _checked(default_name(plans) if name is None else name))


def _checked(name: str) -> str:
    if not STUDY_NAME.fullmatch(name):
        raise RequestError(f"name={name}: allowed: {STUDY_NAME_RULE}")
    return name


def _rebuilt_by(found: Found, name: str | None) -> dict[str, Any]:
    """Return the receipt's entry that a study of its own name has no need of: the command that makes this report."""
    if len(found) == 1 and name is None:
        return {}
    named = [] if name is None else ["--name", name]
    return {"rebuild": shlex.join(["python", "-m", "lstm_bench.report", *found, *named])}


if __name__ == "__main__":
    sys.exit(main())
