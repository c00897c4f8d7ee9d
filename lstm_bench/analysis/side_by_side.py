"""Several studies joined as one, in which every cell carries its study's label, and the differences between them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import pandas as pd

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.settings_in_words import value_in_words, values_in_words
from lstm_bench.analysis.wording import listed
from lstm_bench.records.plan import JobPlan, StudyPlan

ABSENT = "-"  # a setting that a study does not have
NAMED = 12  # values of one setting that are listed one by one
OUTCOME = ["status", "steps", "steps_to_solve"]


def labels(plans: Mapping[str, StudyPlan]) -> list[str]:
    """Return distinct labels: the studies' names, or else package versions, commits, name and version, or the keys.

    The keys are how the user named the studies: names, or paths of folders.
    """
    names = [plan.study for plan in plans.values()]
    facts = ("lstm_bench", "commit")
    versions, commits = ([str(plan.environment.get(fact)) for plan in plans.values()] for fact in facts)
    both = [f"{name} {version}" for name, version in zip(names, versions, strict=True)]
    return next((texts for texts in (names, versions, commits, both) if len(set(texts)) == len(texts)), list(plans))


def default_name(plans: Mapping[str, StudyPlan]) -> str:
    """Return "a_vs_b" of labels, after the studies' name where they share it."""
    shared = {plan.study for plan in plans.values()}
    joined = "_vs_".join(labels(plans))
    return re.sub(r"[^A-Za-z0-9._-]+", "-", joined if len(shared) > 1 else f"{shared.pop()}_{joined}")


def join(studies: Mapping[str, StudyData], name: str) -> StudyData:
    """Return several studies, by label, as one of this name, whose cells are "lstm [label]".

    A task that several studies have holds the cells of all of them. Jobs and identities become "label/...", since two
    studies may share them; `study` in the frames stays the study of each row.
    """
    labelled = [_labelled(study, label) for label, study in studies.items()]
    frames: dict[str, Any] = {
        item.name: _stacked([getattr(study, item.name) for study in labelled])
        for item in fields(StudyData)
        if isinstance(getattr(labelled[0], item.name), pd.DataFrame)
    }
    plans = {label: study.plan for label, study in studies.items()}
    searches = [search for study in labelled for search in study.plan.searches]
    plan = replace(_joined_plan(name, plans, [job for study in labelled for job in study.plan.jobs]), searches=searches)
    problems = [problem for study in labelled for problem in study.problems]
    return StudyData(plan=plan, **frames, problems=problems, joined=plans)


def _labelled(study: StudyData, label: str) -> StudyData:
    def renamed(job: JobPlan) -> JobPlan:
        return replace(job, cell=f"{job.cell} [{label}]", job=f"{label}/{job.job}")

    jobs = [renamed(job) for job in study.plan.jobs]
    searches = [replace(search, candidates=list(map(renamed, search.candidates))) for search in study.plan.searches]
    frames: dict[str, Any] = {
        item.name: _with_label(frame, label)
        for item in fields(study)
        if isinstance(frame := getattr(study, item.name), pd.DataFrame)
    }
    return replace(study, plan=replace(study.plan, jobs=jobs, searches=searches), **frames)


def _with_label(frame: pd.DataFrame, label: str) -> pd.DataFrame:
    renamed = {"cell": frame["cell"].map(lambda cell: f"{cell} [{label}]")}
    owned = [name for name in ("job", "identity") if name in frame.columns]
    return frame.assign(**renamed, **{name: _prefixed(frame[name], f"{label}/") for name in owned})


def _prefixed(names: "pd.Series[Any]", prefix: str) -> "pd.Series[Any]":
    """Return names with a prefix; a member without a record stays without an identity."""
    return names.map(lambda name: f"{prefix}{name}", na_action="ignore")


def _stacked(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return frames one under another; categorical columns stay categorical."""
    filled = [frame for frame in frames if len(frame)] or list(frames[:1])
    stacked = pd.concat(filled, ignore_index=True)
    categories = [name for name in stacked.columns if isinstance(filled[0][name].dtype, pd.CategoricalDtype)]
    return stacked.astype(dict.fromkeys(categories, "category"))


def _joined_plan(name: str, plans: Mapping[str, StudyPlan], jobs: list[JobPlan]) -> StudyPlan:
    """Return the plan of all jobs: first start, last end, total time, and the commands of all."""
    ends = [plan.finished for plan in plans.values() if plan.finished is not None]
    times = [plan.wall_s for plan in plans.values() if plan.wall_s is not None]
    return StudyPlan(
        study=name,
        experiment=listed(list(dict.fromkeys(plan.experiment for plan in plans.values() if plan.experiment))),
        command=" && ".join(dict.fromkeys(plan.command for plan in plans.values())),
        started=min(plan.started for plan in plans.values()),
        jobs=jobs,
        environment=_merged({label: plan.environment for label, plan in plans.items()}),
        finished=max(ends) if len(ends) == len(plans) else None,
        wall_s=sum(times) if len(times) == len(plans) else None,
    )


def _merged(values: Mapping[str, Any]) -> Any:
    """Return a fact that all studies share as it is, and one that differs as "a: this; b: that"."""
    facts = list(values.values())
    if all(value == facts[0] for value in facts):
        return facts[0]
    if all(isinstance(value, Mapping) for value in facts):
        keys = dict.fromkeys(key for value in facts for key in value)
        return {key: _merged({label: value.get(key) for label, value in values.items()}) for key in keys}
    return "; ".join(f"{label}: {value_in_words(value)}" for label, value in values.items())


def differences(plans: Mapping[str, StudyPlan]) -> pd.DataFrame:
    """Return what plans record differently: a row a setting or fact of the machine, a column a study, all in words.

    A setting that varies within a study has all its values, ABSENT where a study does not have it.
    """
    columns = {label: _settings(plan) | _machine(plan.environment) for label, plan in plans.items()}
    names = dict.fromkeys(name for facts in columns.values() for name in facts)
    table = pd.DataFrame({label: {n: facts.get(n, ABSENT) for n in names} for label, facts in columns.items()})
    return table.loc[table.nunique(axis=1) > 1]


def _settings(plan: StudyPlan) -> dict[str, str]:
    """Return every setting of a study's jobs, by the key that sets it."""
    values: dict[str, list[Any]] = {"cells": [job.cell for job in plan.jobs]}
    for job in plan.jobs:
        for group, settings in job.config.items():
            for key, value in settings.items():
                values.setdefault(group if key == "_target_" else f"{group}.{key}", []).append(value)
        values.setdefault("kernel", []).append(job.kernel)
    return {name: values_in_words(values[name], most=NAMED) for name in values}


def _machine(environment: Mapping[str, Any]) -> dict[str, str]:
    packages = environment.get("packages", {})
    return {key: value_in_words(value) for key, value in {**environment, **packages}.items() if key != "packages"}


def repeated_members(study: StudyData) -> pd.DataFrame:
    """Return one row a reported member that several studies side by side have: `cells`, and whether it `agrees`.

    Its identity is the same, and so are its settings, seed and random numbers. It agrees where it has the same status,
    steps and steps to solve in all of them.
    """
    ran = study.members.loc[study.members["identity"].notna()]
    members = ran.assign(run=[str(identity).rpartition("/")[2] for identity in ran["identity"]])
    shared = members.loc[members.duplicated("run", keep=False)]
    rows = [
        {"run": run, "cells": tuple(group["cell"]), "agrees": len(group[OUTCOME].drop_duplicates()) == 1}
        for run, group in shared.groupby("run", sort=False)
    ]
    return pd.DataFrame(rows, columns=["run", "cells", "agrees"])
