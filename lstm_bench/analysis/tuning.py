"""How much tuning each cell had, what it was worth, and how often a learning rate made members diverge."""

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from lstm_bench.analysis.frames import StudyData, cache_per_study
from lstm_bench.analysis.memory_span import learned_span
from lstm_bench.analysis.solving import ATTEMPTS
from lstm_bench.analysis.span_trials import candidate
from lstm_bench.analysis.statistics import TAILS, TOLERANCE, Interval
from lstm_bench.analysis.wording import counted, listed
from lstm_bench.records.plan import JobPlan

CLOSE = 0.05  # of the score
BASELINE_SCORE = 1.95  # of a member that has not left the memoryless baseline
DROPPED = "dropped"  # half-way, with its learning rate
BEST_COLUMNS = ("study", "task", "variant", "cell", "lag", "trials", "expected", "low", "high", "of")


class Effort(NamedTuple):
    """What a job was given to choose its learning rate: rates, seeds that try each, and steps of the whole budget.

    `share` of the budget is what a trial may take. `halved` is whether the worse half of the rates is dropped half-way,
    `further` the rates that are also tried where the best lies at an end.
    """

    rates: tuple[float, ...]
    seeds: int
    share: float
    steps: int
    halved: bool = False
    further: tuple[float, ...] = ()

    @property
    def trials(self) -> int:
        """How many (rate, seed) pairs were tried; 0 where one rate was given."""
        return len(self.rates) * self.seeds

    @property
    def text(self) -> str:
        """The effort in words: "0.001 and 0.01 on 4 tuning seeds each, for the whole budget of 5,000 steps"."""
        rates = listed([f"{rate:g}" for rate in self.rates])
        if not self.trials:
            return f"{rates} alone, untuned, for {self.steps:,} steps"
        steps = f"{self.steps:,} steps"
        budget = f"the whole budget of {steps}" if self.share == 1 else f"{self.share:.0%} of {steps}"
        text = f"{rates} on {counted(self.seeds, 'tuning seed')} each, for {budget}"
        if self.halved:
            text += ", the worse half of the rates dropped half-way"
        further = " or ".join(f"{rate:g}" for rate in self.further)
        return text + (f", and {further} where the best rate lies at that end" if further else "")


def effort(job: JobPlan) -> Effort:
    """Return what a job was given to choose its learning rate."""
    trainer = job.config["trainer"]
    share, halved = float(trainer["tuning_share"]), bool(trainer.get("halving", False))
    return Effort(tuple(job.learning_rates), len(job.tuning_seeds), share, job.steps, halved, tuple(job.further_rates))


def unequal_tuning(study: StudyData) -> list[str]:
    """Return which cells had which tuning at the lags where it differs, one sentence for all lags with the same."""
    lags: dict[str, list[int]] = defaultdict(list)
    for lag in study.lags:
        cells_by_effort: dict[Effort, list[str]] = defaultdict(list)
        for job in study.plan.jobs:
            if job.lag == lag:
                cells_by_effort[effort(candidate(study, job))].append(job.cell)
        if len(cells_by_effort) > 1:
            clauses = [f"{listed(cells)} had {tuning.text}" for tuning, cells in cells_by_effort.items()]
            lags["; ".join(clauses)].append(lag)
    return [
        f"Not tuned alike on {study.task}, which may favour a cell: at lag{'s' * (len(where) > 1)} "
        f"{listed([str(lag) for lag in where])} {clauses}."
        for clauses, where in lags.items()
    ]


def best_of(scores: Sequence[float], k: int) -> Interval:
    """Return the lowest of k of n scores, all choices of k equally likely: its mean, and the middle 95% of choices.

    With x_(1) <= ... <= x_(n) the lowest of the k is x_(i) in C(n - i, k - 1) of C(n, k) choices. No score is drawn
    twice, so the mean is unbiased for the expected best of k fresh trials.
    Source: Dodge et al. 2019, Show your work; Tang et al. 2020, Showing your work doesn't always work, on drawing
    without replacement.

    Raises:
        ValueError: k is not between 1 and n.
    """
    n = len(scores)
    if not 1 <= k <= n:
        raise ValueError(f"best of {k}: allowed: 1 to {n}, the number of scores")
    ascending = np.sort(np.asarray(scores, dtype=float))
    chances = np.array([math.comb(n - place, k - 1) for place in range(1, n + 1)]) / math.comb(n, k)
    reached = np.cumsum(chances)
    low, high = (float(ascending[np.searchsorted(reached, tail - TOLERANCE)]) for tail in TAILS)
    return Interval(float(ascending @ chances), low, high)


@cache_per_study
def best_of_k(study: StudyData) -> pd.DataFrame:
    """Return the expected best tuning score after each number of trials, a row a (task, variant, cell, lag, trials).

    A trial is a (learning rate, seed) pair; its score is `StudyMember.trial_score`, lower is better.
    `expected`, `low` and `high` are those of `best_of`; `of`: the number of trials. No row without tuning.
    """
    tried = study.tuning.loc[np.isfinite(study.tuning["score"])]
    rows = [
        (*labels, k, *best_of(scores.tolist(), k), len(scores))
        for labels, scores in tried.groupby(["study", "task", "variant", "cell", "lag"], sort=False)["score"]
        for k in range(1, len(scores) + 1)
    ]
    return pd.DataFrame(rows, columns=list(BEST_COLUMNS))


def trials_until_close(study: StudyData, cell: str) -> list[int]:
    """Return, for each lag, after how many trials the expected best of a cell is within CLOSE of that of all trials."""
    table = best_of_k(study)
    curves = [curve for _, curve in table.loc[table["cell"] == cell].groupby("lag")]
    return [
        next(k for k, expected in zip(curve["trials"], curve["expected"], strict=True) if expected <= last + CLOSE)
        for curve in curves
        for last in curve["expected"].tail(1)
    ]


def undecided_budgets(study: StudyData) -> list[int]:
    """Return the lags at which one more trial could make another cell the best, if it gains as much as the last did.

    The gain of the last of n trials is the expected best of n - 1 less that of n.
    """
    table = best_of_k(study)
    return [lag for lag in study.lags if _is_open(table.loc[table["lag"] == lag])]


def _is_open(curves: pd.DataFrame) -> bool:
    expected = [curve["expected"].tolist() for _, curve in curves.groupby("cell", sort=False)]
    best, *others = sorted(expected, key=lambda curve: curve[-1]) or [[]]
    return any(_after_one_more(curve) <= best[-1] for curve in others)


def _after_one_more(curve: Sequence[float]) -> float:
    *_, before, last = [curve[0], *curve]
    return last - (before - last)


@cache_per_study
def choices(study: StudyData) -> pd.DataFrame:
    """Return the learning rate chosen, a row a (task, variant, cell, lag) that was tuned and has reported members.

    end: "low" or "high" where it is the lowest or the highest of three rates or more that were tried, else "".
    by_chance: whether no tuning member left the memoryless baseline, so that there is no evidence for any rate.
    """
    keys = ["study", "task", "variant", "cell", "lag"]
    known = study.members.dropna(subset=["learning_rate"])
    chosen = known.groupby(keys, sort=False, observed=True)["learning_rate"].first().to_dict()
    tried = dict(iter(study.tuning.dropna(subset=["score"]).groupby(keys, sort=False, observed=True)))
    rows = [
        (*labels, rate, _end(rate, tried[labels]), bool((tried[labels]["score"] >= BASELINE_SCORE).all()))
        for labels, rate in chosen.items()
        if labels in tried
    ]
    return pd.DataFrame(rows, columns=[*keys, "learning_rate", "end", "by_chance"])


def doubtful_choices(study: StudyData, cell: str) -> list[str]:
    """Return why a cell's rates may not be its best, each reason with its lags, of one task.

    A choice by chance does not count as one at an end of the grid.
    """
    rows = choices(study)
    rows = rows.loc[rows["cell"] == cell]
    by_chance = rows["by_chance"].astype(bool)
    reasons = (
        ("at an end of the grid", (rows["end"] != "") & ~by_chance),
        ("by chance, as no tuning member left the baseline,", by_chance),
    )
    lags = {reason: sorted(rows.loc[is_so, "lag"]) for reason, is_so in reasons}
    return [
        f"{reason} at lag{'s' * (len(at) > 1)} {listed([str(lag) for lag in at])}" for reason, at in lags.items() if at
    ]


def _end(rate: float, trials: pd.DataFrame) -> str:
    rates = sorted(trials["learning_rate"].unique())
    if len(rates) < 3:
        return ""
    return "low" if rate == rates[0] else "high" if rate == rates[-1] else ""


@cache_per_study
def fixed_rate_spans(study: StudyData) -> pd.DataFrame:
    """Return T50 with each learning rate kept at all lags, from the tuning members, a row a (cell, rate), of one task.

    A member that was dropped half-way counts as one that did not solve: where there are such members T50 is a lower
    bound. Where tuning members had less than the whole budget, T50 is that within theirs.
    Columns: study, task, variant, cell, learning_rate, span, span_median, span_low, span_high, lags (how many it was
    tried at), members, dropped.
    """
    ran = study.tuning.loc[study.tuning["status"].isin((*ATTEMPTS, DROPPED))]
    return pd.DataFrame(
        [
            {**study.labels, "cell": cell, "learning_rate": rate, **_fixed_rate_span(members)}
            for (cell, rate), members in ran.groupby(["cell", "learning_rate"], sort=False)
        ]
    )


def _fixed_rate_span(members: pd.DataFrame) -> dict[str, Any]:
    by_lag = members.groupby("lag")["status"]
    solved, attempts = by_lag.agg(lambda statuses: int((statuses == "solved").sum())), by_lag.size()
    span, dropped = learned_span(list(solved.index), solved.tolist(), attempts.tolist()), members["status"] == DROPPED
    return {
        "span": f"at least {span.text}" if dropped.any() and span.outcome == "fitted" else span.text,
        "span_median": span.median,
        "span_low": span.low,
        "span_high": span.high,
        "lags": len(solved),
        "members": len(members),
        "dropped": int(dropped.sum()),
    }


@cache_per_study
def diverged(study: StudyData) -> pd.DataFrame:
    """Return how many members diverged, a row a (task, variant, cell, learning rate, role), all lags together.

    role: "tuning" or "report"; members: those that ran to their end; diverged; share.
    """
    roles = [study.tuning.assign(role="tuning"), study.members.assign(role="report")]
    ran = pd.concat([frame.loc[frame["status"].isin(ATTEMPTS)] for frame in roles])
    keys = ["study", "task", "variant", "cell", "learning_rate", "role"]
    groups = ran.assign(is_diverged=ran["status"] == "diverged").groupby(keys, sort=False)["is_diverged"]
    table = groups.agg(members="size", diverged="sum").reset_index()
    return table.assign(share=table["diverged"] / table["members"])
