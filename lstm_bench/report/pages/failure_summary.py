"""Failures and censoring: members without a result, unreadable records, and the limits of the numbers."""

from collections.abc import Sequence

import pandas as pd

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.solving import ATTEMPTS, STATUSES, spans, was_trained
from lstm_bench.analysis.tuning import doubtful_choices, unequal_tuning
from lstm_bench.analysis.wording import counted, listed, span_of
from lstm_bench.records.schema import WITHOUT_RESULT
from lstm_bench.report.document import (
    Block,
    Bullets,
    Callout,
    Code,
    CodeBlock,
    Details,
    Link,
    Paragraph,
    Section,
    Text,
    Verbatim,
)

SEEDS_NAMED = 2
MEANINGS = {
    "solved": "solved",
    "learning": "had learnt something when the budget ended",
    "plateau": "were still at the memoryless baseline",
    "diverged": "diverged",
    "untrained": "were measured, not trained",
    "running": "were still running",
    "interrupted": "were interrupted",
    "out_of_memory": "ran out of memory",
    "failed": "failed with an error",
    "missing": "have no record (not run)",
}
SINGULAR = {"were": "was", "have": "has"}


TITLE, ANCHOR = "Failures and censoring", "failures"


def failure_callout(studies: Sequence[StudyData], problems: Sequence[str]) -> list[Block]:
    """Return a warning that links to the failures: members without a result, and records that are left out."""
    sentences = [summary(study) for study in studies if _has_failures(study)]
    if problems:
        is_or_are = "is" if len(problems) == 1 else "are"
        sentences.append(f"{counted(len(problems), 'problem')} with records or files {is_or_are} listed below.")
    return [Callout((f"{' '.join(sentences)} ", Link(TITLE, f"#{ANCHOR}")), "warning")] if sentences else []


def _has_failures(study: StudyData) -> bool:
    return bool(study.members["status"].isin(["diverged", "missing", *WITHOUT_RESULT]).any())


def failure_blocks(study: StudyData) -> list[Block]:
    """Return the outcomes of the members of a study, notes for the reader, and the reasons of failures."""
    lines = notes(study)
    return [Paragraph(summary(study)), *([Bullets(lines)] if lines else []), *_failures(study)]


def left_out(problems: Sequence[str]) -> list[Block]:
    """Return a list of the problems that left records or files out."""
    lines: list[Text] = [("Left out: ", Verbatim(problem)) for problem in problems]
    return [Bullets(lines)] if lines else []


def failure_section(blocks: Sequence[Block]) -> Section:
    """Return the section to which the callout leads."""
    return Section(TITLE, blocks, ANCHOR)


def summary(study: StudyData) -> str:
    """Return one sentence on the outcomes of all members."""
    counts = study.members["status"].value_counts()
    outcomes = [_became(int(counts[status]), status) for status in STATUSES if counts.get(status, 0)]
    return f"Of {counted(len(study.members), 'planned member')}, {listed(outcomes)}."


def _became(members: int, status: str) -> str:
    verb, space, predicate = MEANINGS[status].partition(" ")
    return f"{members:,} {SINGULAR.get(verb, verb) if members == 1 else verb}{space}{predicate}"


def notes(study: StudyData) -> list[str]:
    """Return notes on what limits the numbers, such as members that diverged, are missing or are censored."""
    lines = [
        *dict.fromkeys(f"{note}." for job in study.plan.jobs for note in job.notes),
        _where(study.members, "diverged", "Diverged, counted as not solved"),
        _where(study.members, "missing", "Not run, not counted"),
        _where(study.tuning, "missing", "Tuning members not run"),
        *[warning for task in study.by_task() for warning in unequal_tuning(task)],
        *[_doubtful_rates(task) for task in study.by_task()],
        *[_censored(task) for task in study.by_task()],
        *_unmeasured(study),
        _open_spans(study),
        "Speed was not measured." if study.speed.empty else "",
    ]
    return [line for line in lines if line]


def _where(members: pd.DataFrame, status: str, heading: str) -> str:
    concerned = members.loc[members["status"] == status]
    return f"{heading}: {_places(concerned)}." if len(concerned) else ""


def _places(members: pd.DataFrame) -> str:
    by_job = members.groupby(["task", "cell", "lag"], sort=False)["seed"]
    return "; ".join(
        f"{task} {cell} lag {lag} ({_seeds(seeds)})" for (task, cell, lag), seeds in ((key, s) for key, s in by_job)
    )


def _unmeasured(study: StudyData) -> list[str]:
    """Return what probes could not measure: a line per reason and its members, with all probes affected."""
    probes_by_cause: dict[tuple[str, str], list[str]] = {}
    by_reason = study.unmeasured.groupby(["probe", "reason"], sort=False)
    for (probe, reason), members in ((key, group) for key, group in by_reason):
        n = len(members.drop_duplicates(["task", "variant", "cell", "lag", "seed"]))
        where = f"{counted(n, 'member')}, {_moments(members)}: {_places(members)}"
        cause = str(reason).removeprefix(f"{probe}: "), where
        probes_by_cause.setdefault(cause, []).append(str(probe).replace("_", " "))
    causes = probes_by_cause.items()
    return [f"Not measured by {listed(probes)} ({reason}) for {where}." for (reason, where), probes in causes]


def _moments(members: pd.DataFrame) -> str:
    """Return the moments of some rows in words, such as "at the start", "trained" or "at 25% of the baseline"."""
    words = {"initial": "at the start", "final": "trained"}
    names = dict.fromkeys(members["moment"])
    return listed([words.get(name) or f"at {name.removeprefix('at_')}% of the baseline" for name in names])


def _seeds(seeds: pd.Series) -> str:
    distinct = sorted(set(seeds))
    if len(distinct) > SEEDS_NAMED:
        return counted(len(distinct), "member")
    return f"seed{'s' * (len(distinct) > 1)} {', '.join(map(str, distinct))}"


def _censored(study: StudyData) -> str:
    members = study.members
    unsolved = members.loc[members["status"].isin(ATTEMPTS[1:])]
    if unsolved.empty:
        return ""
    return (
        f"On {study.task} {counted(len(unsolved), 'member')} did not solve within the budget of "
        f"{span_of(unsolved['budget'])} steps; in steps to solve they count as unsolved until then and are not dropped."
    )


def _doubtful_rates(study: StudyData) -> str:
    doubts = {cell: doubtful_choices(study, cell) for cell in study.cells}
    clauses = [f"{cell} {'; '.join(cell_doubts)}" for cell, cell_doubts in doubts.items() if cell_doubts]
    return f"Learning rates on {study.task} that may not be the best: {'. '.join(clauses)}." if clauses else ""


def _open_spans(study: StudyData) -> str:
    lines = []
    for task in filter(was_trained, study.by_task()):
        for cell, span in spans(task).items():
            if span.outcome != "fitted":
                lines.append(f"{cell} on {task.task}: {span.text}")
            elif span.cut_off:
                lines.append(f"{cell} on {task.task}: the lag grid ends {span.cut_off} the lag that half solve")
    return f"Spans that the lags tried leave open: {'; '.join(lines)}." if lines else ""


def _failures(study: StudyData) -> list[Details]:
    """Return the members without a result by reason, the last line of a traceback, each with its first traceback."""
    failed = study.members.loc[study.members["status"].isin(WITHOUT_RESULT)]
    reasons = failed["error"].fillna("").map(_last_line)
    return [
        Details(
            (Code(str(reason)),),
            f"{counted(len(group), 'member')}: {_places(group)}",
            _traceback(str(group["error"].iloc[0] or "")),
        )
        for reason, group in failed.groupby(reasons, sort=False)
    ]


def _traceback(text: str) -> list[CodeBlock]:
    return [CodeBlock(text)] if text.strip() else []


def _last_line(traceback: str) -> str:
    lines = [line.strip() for line in traceback.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason recorded"
