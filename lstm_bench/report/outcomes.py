"""What did not go as planned, and what a number leaves open: said plainly."""

from dataclasses import dataclass

import pandas as pd

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.solving import ATTEMPTS, STATUSES, spans, was_trained
from lstm_bench.analysis.tuning import unequal_tuning
from lstm_bench.analysis.wording import counted, listed, span_of
from lstm_bench.records.schema import WITHOUT_RESULT

SEEDS_NAMED = 2
MEANINGS = {
    "solved": "solved",
    "learning": "had learnt something when the budget ended",
    "plateau": "were still at the memoryless baseline",
    "diverged": "diverged",
    "untrained": "were looked at, not trained",
    "running": "were still running",
    "interrupted": "were interrupted",
    "out_of_memory": "ran out of memory",
    "failed": "failed with an error",
    "missing": "have no record (not run)",
}


@dataclass(frozen=True)
class Failure:
    """Members that failed for one reason, with the traceback of the first."""

    reason: str
    members: str
    traceback: str


def summary(study: StudyData) -> str:
    """Return one sentence on what became of all members."""
    counts = study.members["status"].value_counts()
    told = listed([f"{counts[status]:,} {MEANINGS[status]}" for status in STATUSES if counts.get(status, 0)])
    return f"Of {counted(len(study.members), 'planned member')} {told}."


def notes(study: StudyData) -> list[str]:
    """Return what else a reader must know: diverged, missing, censored."""
    told = [
        *dict.fromkeys(f"{note}." for job in study.plan.jobs for note in job.notes),
        _where(study.members, "diverged", "Diverged, counted as not solved"),
        _where(study.members, "missing", "Not run, counted as nothing"),
        _where(study.tuning, "missing", "Tuning members not run"),
        *[warning for one in study.by_task() for warning in unequal_tuning(one)],
        *[_censored(one) for one in study.by_task()],
        *_unmeasured(study),
        _open_spans(study),
        "Speed was not measured." if study.speed.empty else "",
    ]
    return [note for note in told if note]


def _where(members: pd.DataFrame, status: str, heading: str) -> str:
    found = members.loc[members["status"] == status]
    return f"{heading}: {_places(found)}." if len(found) else ""


def _places(members: pd.DataFrame) -> str:
    by_job = members.groupby(["task", "cell", "lag"], sort=False)["seed"]
    return "; ".join(
        f"{task} {cell} lag {lag} ({_seeds(seeds)})" for (task, cell, lag), seeds in ((key, s) for key, s in by_job)
    )


def _unmeasured(study: StudyData) -> list[str]:
    """Tell what probes could not measure, and why: a line a reason and its members, for all probes that it stopped."""
    u = study.unmeasured
    found: dict[tuple[str, str], list[str]] = {}
    for (probe, reason), members in ((key, group) for key, group in u.groupby(["probe", "reason"], sort=False)):
        n = len(members.drop_duplicates(["task", "variant", "cell", "lag", "seed"]))
        where = f"{counted(n, 'member')}, {_moments(members)}: {_places(members)}"
        found.setdefault((str(reason).removeprefix(f"{probe}: "), where), []).append(str(probe).replace("_", " "))
    return [f"Not measured by {listed(probes)} ({reason}) of {where}." for (reason, where), probes in found.items()]


def _moments(members: pd.DataFrame) -> str:
    """Return the moments of some rows in words: "at the start", "trained", "at 25% of the baseline"."""
    words = {"initial": "at the start", "final": "trained"}
    names = dict.fromkeys(members["moment"])
    return listed([words.get(name) or f"at {name.removeprefix('at_')}% of the baseline" for name in names])


def _seeds(seeds: pd.Series) -> str:
    known = sorted(set(seeds))
    if len(known) > SEEDS_NAMED:
        return counted(len(known), "member")
    return f"seed{'s' * (len(known) > 1)} {', '.join(map(str, known))}"


def _censored(study: StudyData) -> str:
    members = study.members
    unsolved = members.loc[members["status"].isin(ATTEMPTS[1:])]
    if unsolved.empty:
        return ""
    return (
        f"On {study.task} {counted(len(unsolved), 'member')} did not solve within the budget of "
        f"{span_of(unsolved['budget'])} steps; in steps to solve they count as unsolved until then and are not dropped."
    )


def _open_spans(study: StudyData) -> str:
    told = []
    for one in filter(was_trained, study.by_task()):
        for cell, span in spans(one).items():
            if span.outcome != "fitted":
                told.append(f"{cell} on {one.task}: {span.text}")
            elif span.cut_off:
                told.append(f"{cell} on {one.task}: the ladder ends {span.cut_off} the lag that half solve")
    return f"Spans that the lags tried leave open: {'; '.join(told)}." if told else ""


def failures(study: StudyData) -> list[Failure]:
    """Return the members that have no result, one entry a reason (the last line of the traceback)."""
    failed = study.members.loc[study.members["status"].isin(WITHOUT_RESULT)]
    reasons = failed["error"].fillna("").map(_last_line)
    return [
        Failure(str(reason), f"{counted(len(group), 'member')}: {_places(group)}", str(group["error"].iloc[0] or ""))
        for reason, group in failed.groupby(reasons, sort=False)
    ]


def _last_line(traceback: str) -> str:
    lines = [line.strip() for line in traceback.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason recorded"
