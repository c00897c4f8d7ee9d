"""The records of a study as tidy frames."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from lstm_bench.analysis.member_table import StudyMember, planned_members, read_members
from lstm_bench.records.former_metrics import declarations_of
from lstm_bench.records.plan import JobPlan, StudyPlan
from lstm_bench.records.reading import RecordError
from lstm_bench.records.schema import WITHOUT_RESULT
from lstm_bench.records.speed import SpeedRow
from lstm_bench.records.store import TABLE_COLUMNS, StudyRecords

RESULT_COLUMNS = (
    "study", "task", "variant", "cell", "hidden_size", "n_parameters", "lag", "seed", "learning_rate", "step",
    "metric", "value", "unit", "status",
)  # fmt: skip
METRIC_COLUMNS = ("name", "moment", "path")  # the parts of a metric's key, which is in `metric`
RESULT_TEXTS = ("study", "task", "variant", "cell", "metric", "unit", "status", *METRIC_COLUMNS)
RESULT_TYPES = {"learning_rate": "float64", "value": "float64"} | dict.fromkeys(RESULT_TEXTS, "category")
MEMBER_COLUMNS = (
    "study", "task", "variant", "cell", "hidden_size", "n_parameters", "n_parameters_core", "lag", "length", "seed",
    "learning_rate", "status", "steps", "steps_to_solve", "train_s", "error", "job", "kernel", "budget", "identity",
)  # fmt: skip
UNMEASURED_COLUMNS = ("study", "task", "variant", "cell", "lag", "seed", "status", "probe", "moment", "reason")
TEXT_COLUMNS = {"metric", "quantity", "moment", "probe"}  # of the tables of members
LABELS = ("task", "variant", "cell", "lag", "seed", "status")

cache_per_study = lru_cache(maxsize=512)
"""Cache a function of a study that several figures, captions and tables call."""


@dataclass(frozen=True, eq=False)
class StudyData:
    """A study in memory. Each frame has `task`, `variant` and `cell` columns, and `lag` where it applies.

    members: one row a planned reported member, those without a record with status "missing".
    tuning: the same for the members that tried learning rates, with their `score`, see `StudyMember.trial_score`.
    results: one row a member and final metric: RESULT_COLUMNS, and name, moment and path of the metric.
    curves: labels, step, metric, value of each reported member.
    gradients: labels, step, quantity, steps_back, norm, while training, at the longest lag of each cell on a task.
    probes: labels, moment, step, probe, quantity, at, value: the curves of every probe at "initial", "at_<percent>" of
    the baseline and "final".
    unmeasured: one row a member, probe and moment where the probe could not measure, with its reason.
    speed: one row a cell, lag and implementation.
    problems: what could not be read, in words; the rest is loaded all the same.
    joined: the plans of the studies that this one joins, by label; empty for a single study.
    variants: of a study narrowed to one task, how many variants of that task the whole study has.
    """

    plan: StudyPlan
    members: pd.DataFrame
    tuning: pd.DataFrame
    results: pd.DataFrame
    curves: pd.DataFrame
    gradients: pd.DataFrame
    probes: pd.DataFrame
    unmeasured: pd.DataFrame
    speed: pd.DataFrame
    problems: list[str]
    joined: Mapping[str, StudyPlan] = field(default_factory=dict)
    variants: int = 1

    @property
    def cells(self) -> list[str]:
        """The cells, in the plan's order."""
        return list(dict.fromkeys(job.cell for job in self.plan.jobs))

    @property
    def lags(self) -> list[int]:
        """The planned lags, ascending."""
        return sorted({job.lag for job in self.plan.jobs})

    def cells_at(self, lag: int) -> list[str]:
        """Return the cells that were planned at a lag, in the plan's order."""
        return list(dict.fromkeys(job.cell for job in self.plan.jobs if job.lag == lag))

    def training_seconds(self, cell: str | None = None) -> float:
        """Return how long the members of a cell, or all, trained, tuning included: core-seconds, seconds on a GPU."""
        frames = [frame if cell is None else frame.loc[frame["cell"] == cell] for frame in (self.members, self.tuning)]
        return math.fsum(float(frame["train_s"].dropna().sum()) for frame in frames)

    def final(self, name: str, moment: str = "", path: str = "") -> pd.DataFrame:
        """Return the rows of `results` that hold one metric."""
        return self._by_metric.get((name, moment, path), self.results.iloc[:0])

    @cached_property
    def _by_metric(self) -> dict[tuple[str, ...], pd.DataFrame]:
        groups = self.results.groupby(list(METRIC_COLUMNS), sort=False, observed=True)
        return {tuple(map(str, metric)): rows for metric, rows in groups}

    def by_seed(self, cell: str, lag: int | None, name: str, moment: str = "", path: str = "") -> "pd.Series[float]":
        """Return the values of one metric of a cell's members at one lag, by their seeds."""
        rows = self.final(name, moment, path)
        return rows.loc[(rows["cell"] == cell) & (rows["lag"] == lag)].set_index("seed")["value"]

    @property
    def task(self) -> str:
        """The task and its variant, for a study narrowed to one: "copy (arjovsky, 3 symbols)"."""
        return " / ".join(dict.fromkeys(f"{job.task} ({job.variant})" for job in self.plan.jobs))

    @property
    def labels(self) -> dict[str, str]:
        """The columns study, task and variant of every row of a study narrowed to one task."""
        job = self.plan.jobs[0]
        return {"study": self.plan.study, "task": job.task, "variant": job.variant}

    def by_task(self) -> list["StudyData"]:
        """Return one study for each (task, variant), in the plan's order; the same objects at every call."""
        return self._by_task

    @cached_property
    def _by_task(self) -> list["StudyData"]:
        tasks = dict.fromkeys((job.task, job.variant) for job in self.plan.jobs)
        return [self._narrowed(*task) for task in tasks] if len(tasks) > 1 else [self]

    def _narrowed(self, task: str, variant: str) -> "StudyData":
        jobs = [job for job in self.plan.jobs if (job.task, job.variant) == (task, variant)]
        narrowed = self._restricted(jobs, lambda frame: (frame["task"] == task) & (frame["variant"] == variant))
        return replace(narrowed, variants=len({job.variant for job in self.plan.jobs if job.task == task}))

    def of_cells(self, cells: Collection[str]) -> "StudyData":
        """Return the study of some of the cells alone."""
        jobs = [job for job in self.plan.jobs if job.cell in cells]
        return self._restricted(jobs, lambda frame: frame["cell"].isin(list(cells)))

    def _restricted(self, jobs: list[JobPlan], is_kept: Callable[[pd.DataFrame], "pd.Series[bool]"]) -> "StudyData":
        frames: dict[str, Any] = {
            item.name: frame.loc[is_kept(frame)]
            for item in fields(self)
            if isinstance(frame := getattr(self, item.name), pd.DataFrame)
        }
        return replace(self, plan=replace(self.plan, jobs=jobs), **frames)


def of_all_tasks(study: StudyData, summary: Callable[[StudyData], pd.DataFrame]) -> pd.DataFrame:
    """Return the summaries of all tasks of a study as one frame; an empty one where no task has rows."""
    parts = [summary(one_task) for one_task in study.by_task()]
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if len(filled) > 1 else [*filled, *parts][0]


def load_study(folder: Path) -> StudyData:
    """Return the study whose records lie in `folder`.

    It has members of the plan alone: records of older settings, which share the folder, are left out. Jobs of the plan
    that only tune a learning rate, for a search for a span, are in `tuning` alone.

    Raises: RecordError where there is no plan, it cannot be read, or no job of it has members to report.
    """
    records = StudyRecords(folder)
    plan = records.read_plan()
    recorded, problems = read_members(records, plan.jobs)
    planned = planned_members(plan.jobs, recorded)
    if plan.searches:
        plan = replace(plan, jobs=[job for job in plan.jobs if job.seeds])
        if not plan.jobs:
            raise RecordError(f"study={plan.study}: no member has been trained yet")
    reported = [member for member in planned if member.role == "report"]
    tuning = [member for member in planned if member.role == "tuning"]
    members = _member_frame(plan.study, reported)
    return StudyData(
        plan=plan,
        members=members,
        tuning=_member_frame(plan.study, tuning).assign(score=[member.trial_score for member in tuning]),
        results=_result_frame(plan.study, reported),
        curves=_joined(_tables(records, reported, members, "curves", problems), "curves"),
        gradients=_joined(_gradient_tables(records, reported, members, problems), "gradients"),
        probes=_joined(_tables(records, reported, members, "probes", problems), "probes"),
        unmeasured=_unmeasured_frame(plan.study, reported),
        speed=_speed_frame(records, plan.jobs, problems),
        problems=problems,
    )


def _member_frame(study: str, planned: Sequence[StudyMember]) -> pd.DataFrame:
    frame = pd.DataFrame([{"study": study, **member.row()} for member in planned], columns=list(MEMBER_COLUMNS))
    numbers = ["learning_rate", "steps", "steps_to_solve", "train_s"]
    return frame.astype(dict.fromkeys(numbers, "float64"))


def _result_frame(study: str, planned: Sequence[StudyMember]) -> pd.DataFrame:
    """Return the results frame, built column by column: a dictionary a row would take three times the memory."""
    recorded = [(member, member.record) for member in planned if member.record is not None]
    metrics = [declarations_of(record, member.job.units) for member, record in recorded]
    declared = [metric for of_member in metrics for metric in of_member.values()]
    if not declared:
        return pd.DataFrame(columns=[*RESULT_COLUMNS, *METRIC_COLUMNS]).astype(RESULT_TYPES)
    labels = pd.DataFrame([{"study": study, **member.row(), "step": record.steps} for member, record in recorded])
    frame = labels.loc[np.repeat(labels.index, [len(of_member) for of_member in metrics])].reset_index(drop=True)
    frame = frame.assign(
        metric=[key for of_member in metrics for key in of_member],
        value=[value for _, record in recorded for value in record.metrics.values()],
        **{name: [getattr(metric, name) for metric in declared] for name in ("unit", *METRIC_COLUMNS)},
    )
    return frame[[*RESULT_COLUMNS, *METRIC_COLUMNS]].astype(RESULT_TYPES)


def _unmeasured_frame(study: str, planned: Sequence[StudyMember]) -> pd.DataFrame:
    rows = [
        {"study": study, **member.row(), "probe": probe, "moment": moment, "reason": reason}
        for member in planned
        if member.record is not None
        for where, reason in member.record.probe_errors.items()
        for probe, _, moment in [where.partition(" ")]
    ]
    return pd.DataFrame(rows, columns=list(UNMEASURED_COLUMNS))


Labelled = tuple[int, pa.Table]  # a member's row in `members`, and its table


def _tables(
    records: StudyRecords,
    planned: Sequence[StudyMember],
    members: pd.DataFrame,
    name: str,
    problems: list[str],
    is_wanted: Callable[[JobPlan], bool] = lambda _: True,
) -> tuple[list[Labelled], pd.DataFrame]:
    """Return the readable tables of one name, of the wanted jobs, and the labels that their rows will get."""
    tables: list[Labelled] = []
    for index, member in enumerate(planned):
        if member.record is None or member.status in WITHOUT_RESULT or not is_wanted(member.job):
            continue
        try:
            tables.append((index, _with_text_once(records.read_table(member.record, name))))
        except RecordError as error:
            problems.append(f"{error} ({name} of {member.description})")
    return tables, members.loc[:, list(LABELS)]


def _gradient_tables(
    records: StudyRecords, planned: Sequence[StudyMember], members: pd.DataFrame, problems: list[str]
) -> tuple[list[Labelled], pd.DataFrame]:
    """Return the gradient tables at each cell's longest lag: those at all lags would fill a small memory."""
    longest: dict[tuple[str, str, str], int] = {}
    for member in planned:
        key = member.job.contestant
        longest[key] = max(member.job.lag, longest.get(key, 0))
    return _tables(records, planned, members, "gradients", problems, lambda job: job.lag == longest[job.contestant])


def _joined(tables: tuple[list[Labelled], pd.DataFrame], name: str) -> pd.DataFrame:
    """Return all tables of one name as one, each row with its member's labels."""
    columns = TABLE_COLUMNS[name]
    filled = [(index, table) for index, table in tables[0] if table.num_rows]
    if not filled:
        return pd.DataFrame(columns=[*LABELS, *columns])
    rows = np.repeat([index for index, _ in filled], [table.num_rows for _, table in filled])
    labels = tables[1].astype(dict.fromkeys(("task", "variant", "cell", "status"), "category")).iloc[rows]
    whole = pa.concat_tables([table for _, table in filled], promote_options="permissive")
    values: pd.DataFrame = whole.unify_dictionaries().to_pandas()
    for text in TEXT_COLUMNS & set(columns):
        values[text] = values[text].cat.reorder_categories(sorted(values[text].cat.categories))
    pa.default_memory_pool().release_unused()  # returns the memory of the table read before this one to the system
    return pd.concat([labels.reset_index(drop=True), values], axis=1)


def _with_text_once(table: pa.Table) -> pa.Table:
    """Return a table with its text columns dictionary-encoded, which takes half of the memory for many members."""
    for place, name in enumerate(table.column_names):
        if name in TEXT_COLUMNS:
            table = table.set_column(place, name, table[name].dictionary_encode())
    return table


def _speed_frame(records: StudyRecords, jobs: Sequence[JobPlan], problems: list[str]) -> pd.DataFrame:
    """Return the speed of planned jobs; rows of older settings, which the end of a study overwrites, are left out."""
    planned = {(_timed_as(job), timed) for job in jobs for timed in (job.job, "")}
    rows = [asdict(row) for row in _attempt(records.read_speed, problems) if (_timed_as(row), row.job) in planned]
    return pd.DataFrame(rows, columns=[item.name for item in fields(SpeedRow)])


def _timed_as(row: JobPlan | SpeedRow) -> tuple[str, str, str, int, int, int]:
    """Return what a job and its rows of speed have in common."""
    return row.task, row.variant, row.cell, row.lag, row.hidden_size, row.batch_size


def _attempt(read: Callable[[], list[SpeedRow]], problems: list[str]) -> list[SpeedRow]:
    try:
        return read()
    except RecordError as error:
        problems.append(str(error))
        return []
