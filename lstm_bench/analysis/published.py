"""A study's numbers next to published ones: the same task, dialect and lag, in the published unit."""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import pandas as pd

from lstm_bench.analysis.frames import StudyData, cache_per_study, of_all_tasks
from lstm_bench.analysis.solving import members_at, solve_rates
from lstm_bench.analysis.statistics import UNKNOWN, Interval, mean, prediction_of_count, prediction_of_mean
from lstm_bench.literature.conversions import rmse_from_mse
from lstm_bench.literature.reading import UNSPECIFIED, PublishedResult, own_results, published_results
from lstm_bench.metrics import CONFIRMATION, EVALUATION
from lstm_bench.records.plan import JobPlan

HALF = 0.5
OUT_OF = 2560  # test sequences of the paper of 1997
CLASSES = {"rnn": "RNNCell", "gru": "GRUCell", "lstm": "LSTMCell", "lstm_1997": "OriginalLSTMCell"}
FIXED_LENGTH = ("half", "anywhere")  # dialects of adding that a source which names none may mean
Verdict = Literal["agrees", "same outcome, other number", "other outcome", "open", "another cell", "not run"]
RULE = (
    "A comparison agrees where outcome and number are the same. Outcome: the 95% Wilson interval of our share of "
    "members that solve lies above one half where the source solved the task, and below it where the source did not; "
    "an interval that contains one half is open. Number: the published one lies in the range that holds 95% of the "
    "results of as many further runs of ours, by bootstrap over our members. Members that did not solve count with "
    "their whole budget, and the range then has no upper end; a range of wrong answers includes the chance of the test "
    "sequences. Only cells of the same kind have a verdict."
)
COLUMNS = (
    "study", "task", "variant", "lag", "metric", "length", "source", "where", "published_cell", "published", "bound",
    "published_solved", "cell", "middle", "low", "high", "prediction_low", "prediction_high", "n", "censored", "solved",
    "attempts", "verdict",
)  # fmt: skip


class Runs(NamedTuple):
    """A value for each member, in the published unit; `censored` of them are lower bounds.

    Where values are counts, `tries` are the numbers of sequences that each was counted in, and values are per OUT_OF.
    """

    values: list[float]
    censored: int = 0
    tries: tuple[int, ...] = ()


@dataclass(frozen=True)
class PublishedComparison:
    """One published number next to that of one of our cells; without a cell where the study has none at its lag.

    `ours` is the mean over members with its interval, `prediction` where the results of further runs would fall.
    """

    published: PublishedResult
    job: JobPlan | None
    ours: Interval
    prediction: Interval
    runs: Runs
    solved: int
    attempts: int
    verdict: Verdict

    @property
    def cell(self) -> str:
        """Our cell, "" where there is none."""
        return self.job.cell if self.job else ""

    @property
    def is_ruled(self) -> bool:
        """Whether there is a cell of the same kind, so that there is a verdict."""
        return self.verdict not in ("another cell", "not run")


@cache_per_study
def published_comparisons(study: StudyData) -> list[PublishedComparison]:
    """Return every published number of the task that a study is narrowed to, compared with each of its cells.

    The same kind of cell comes first. A number at a lag that was not run stands alone.
    """
    own_rows = own_results(study.plan.published) if study.plan.published else ()
    results = (*published_results(), *own_rows)
    return [comparison for row in results if _is_of(row, study.plan.jobs) for comparison in _comparisons(study, row)]


def comparisons_at_lags_run(study: StudyData) -> list[PublishedComparison]:
    """Return those of `published_comparisons` that have a cell of ours."""
    return [comparison for comparison in published_comparisons(study) if comparison.job is not None]


def published_frame(study: StudyData) -> pd.DataFrame:
    """Return the rows of `published_comparisons` of all tasks of a study."""
    return of_all_tasks(study, _frame)


@cache_per_study
def _frame(study: StudyData) -> pd.DataFrame:
    return pd.DataFrame([_row(study, comparison) for comparison in published_comparisons(study)], columns=list(COLUMNS))


def _row(study: StudyData, comparison: PublishedComparison) -> dict[str, object]:
    row, job = comparison.published, study.plan.jobs[0]
    return {
        "study": study.plan.study, "task": job.task, "variant": job.variant, "lag": row.lag, "metric": row.metric,
        "length": row.length, "source": row.source.name, "where": row.where, "published_cell": row.cell,
        "published": row.value, "bound": row.bound, "published_solved": row.solved, "cell": comparison.cell,
        **comparison.ours._asdict(), "prediction_low": comparison.prediction.low,
        "prediction_high": comparison.prediction.high, "n": len(comparison.runs.values),
        "censored": comparison.runs.censored,
        "solved": comparison.solved, "attempts": comparison.attempts, "verdict": comparison.verdict,
    }  # fmt: skip


def _is_of(row: PublishedResult, jobs: Sequence[JobPlan]) -> bool:
    """Return whether a number is about the task of these jobs, in its dialect and with its settings."""
    job = jobs[0]
    settings = job.config.get("task", {})
    dialect = _dialect(job)
    same_dialect = row.dialect == dialect or (row.dialect == UNSPECIFIED and dialect in FIXED_LENGTH)
    same_settings = all(str(settings.get(name)) == value for name, value in row.settings.items())
    return row.task == job.task and same_dialect and same_settings and row.metric in VALUES


def _dialect(job: JobPlan) -> str:
    """Return the dialect of a job's task: its setting, or else the first part of its variant."""
    return str(job.config.get("task", {}).get("dialect", job.variant.partition(",")[0]))


def _comparisons(study: StudyData, row: PublishedResult) -> Iterator[PublishedComparison]:
    jobs = [job for job in study.plan.jobs if job.lag == row.lag]
    if not jobs:
        yield PublishedComparison(row, None, UNKNOWN, UNKNOWN, Runs([]), 0, 0, "not run")
    for job in sorted(jobs, key=lambda job: not is_same_kind(row, job)):
        yield _compared(study, row, job)


def is_same_kind(row: PublishedResult, job: JobPlan) -> bool:
    """Return whether a cell of ours computes what a published one does, however either starts.

    For a published cell that is not in CLASSES, a plug-in of the same name counts.
    """
    target = str(job.config.get("cell", {}).get("_target_", ""))
    if row.cell in CLASSES:
        return target.rpartition(".")[2] == CLASSES[row.cell]
    return job.cell.partition(" ")[0] == row.cell


def _compared(study: StudyData, row: PublishedResult, job: JobPlan) -> PublishedComparison:
    runs = VALUES[row.metric](study, row, job)
    rates = solve_rates(study)
    rate = rates.loc[(rates["cell"] == job.cell) & (rates["lag"] == job.lag)].iloc[0]
    prediction = _prediction(runs, published_runs(row))
    outcome = _same_outcome(row, Interval(rate["rate"], rate["rate_low"], rate["rate_high"]))
    verdict = _verdict(row, job, outcome, prediction)
    solved, attempts = int(rate["solved"]), int(rate["attempts"])
    return PublishedComparison(row, job, mean(runs.values), prediction, runs, solved, attempts, verdict)


def _prediction(runs: Runs, published: int) -> Interval:
    """Return where the results of as many further runs as were published would fall."""
    if runs.tries:
        counts = [round(value * tries / OUT_OF) for value, tries in zip(runs.values, runs.tries, strict=True)]
        return prediction_of_count(counts, runs.tries, 1, OUT_OF)  # published of all test sequences together
    prediction = prediction_of_mean(runs.values, published)
    return prediction._replace(high=math.inf) if runs.censored else prediction


def published_runs(row: PublishedResult) -> int:
    """Return the number of runs that a published number is the mean of, 1 if it is not a mean."""
    match = re.match(r"mean of (\d[\d,]*)", row.protocol["runs"])
    return int(match[1].replace(",", "")) if match else 1


def _same_outcome(row: PublishedResult, rate: Interval) -> bool | None:
    """Return whether our members solve as the source says; None where that is open, True where it says nothing."""
    if row.solved is None:
        return True
    if not (rate.low > HALF or rate.high < HALF):  # NaN, too
        return None
    return row.solved == (rate.low > HALF)


def _verdict(row: PublishedResult, job: JobPlan, same_outcome: bool | None, prediction: Interval) -> Verdict:
    if not is_same_kind(row, job):
        return "another cell"
    if same_outcome is None or math.isnan(prediction.low):
        return "open"
    if not same_outcome:
        return "other outcome"
    return "agrees" if _is_within(row, prediction) else "same outcome, other number"


def _is_within(row: PublishedResult, prediction: Interval) -> bool:
    """Return whether a published number, or some number within its bound, lies in a range."""
    if row.bound == "<":
        return prediction.low < row.value
    if row.bound == ">":
        return prediction.high > row.value
    return prediction.low <= row.value <= prediction.high


def _final(study: StudyData, job: JobPlan, metric: str) -> list[float]:
    """Return the last value of a metric, for each member of a job that has it."""
    return study.by_seed(job.cell, job.lag, metric).tolist()


def _at_length(study: StudyData, row: PublishedResult, job: JobPlan, metric: str) -> list[float]:
    """Return a metric of each member at the length of the row: its own, or a multiple that the probe measured."""
    if row.length in (None, job.lag):
        return _final(study, job, f"{EVALUATION}{metric}")
    p = study.probes
    is_of_job = (p["cell"] == job.cell) & (p["lag"] == job.lag) & (p["probe"] == "length_generalisation")
    points = p.loc[is_of_job & (p["quantity"] == metric) & (p["at"] * job.lag == row.length)]
    return [float(value) for value in points["value"]]


Value = Callable[[StudyData, PublishedResult, JobPlan], Runs]


def _metric(name: str) -> Value:
    """Return a function that reads a metric of ours which is in the published unit already."""
    return lambda study, row, job: Runs(_at_length(study, row, job, name))


def _rmse(study: StudyData, row: PublishedResult, job: JobPlan) -> Runs:
    return Runs([rmse_from_mse(value) for value in _at_length(study, row, job, "loss")])


def _training_sequences(study: StudyData, _: PublishedResult, job: JobPlan) -> Runs:
    """Return sequences read until solved; a member that did not solve counts with all that it read."""
    members = members_at(study, job.cell, job.lag)
    ran = members.loc[members["steps"].notna() & (members["steps"] > 0)]
    solved = ran["steps_to_solve"].notna()
    steps = ran["steps_to_solve"].where(solved, ran["steps"])
    return Runs([float(value) * job.batch_size for value in steps], int((~solved).sum()))


def _wrong(study: StudyData, _: PublishedResult, job: JobPlan) -> Runs:
    """Return wrong answers per OUT_OF: among the sequences that confirmed a solution, else of the last evaluation."""
    trainer = job.config.get("trainer", {})
    names = {"evaluated": f"{EVALUATION}correct", "confirmed": f"{CONFIRMATION}correct"}
    last = pd.DataFrame({column: study.by_seed(job.cell, job.lag, name) for column, name in names.items()})
    last = last.dropna(how="all").sort_index()
    solved = last["confirmed"].notna()
    correct = last["confirmed"].where(solved, last["evaluated"])
    sizes = solved.map({True: int(trainer.get("confirm_size", 0)), False: int(trainer.get("eval_size", 0))})
    return Runs([OUT_OF * (1 - float(value)) for value in correct], tries=tuple(int(size) for size in sizes))


def _solved(study: StudyData, _: PublishedResult, job: JobPlan) -> Runs:
    """Return 1 for each member that solved the task by our rule, and 0 for each that did not."""
    members = members_at(study, job.cell, job.lag)
    return Runs([float(solved) for solved in members["steps_to_solve"].notna()])


VALUES: Mapping[str, Value] = {
    "mse": _metric("loss"),
    "rmse": _rmse,
    "share_within_0.1": _metric("within_tenth"),
    "ce_all_positions": _metric("loss"),
    "recall_accuracy": _metric("recall_accuracy"),
    "training_sequences_to_solve": _training_sequences,
    "wrong_of_2560": _wrong,
    "share_solved": _solved,
}


@dataclass(frozen=True)
class Difference:
    """One part of a protocol, as it is in the source and here."""

    what: str
    published: str
    ours: str


def differences(comparison: PublishedComparison) -> list[Difference]:
    """Return the parts of both protocols that are not the same, one by one."""
    if comparison.job is None:
        return []
    ours = _our_protocol(comparison.job)
    theirs = {"dialect": comparison.published.dialect, **comparison.published.protocol}
    return [Difference(what, text, ours[what]) for what, text in theirs.items() if text != ours[what]]


def _our_protocol(job: JobPlan) -> dict[str, str]:
    trainer = job.config.get("trainer", {})
    clip = f"clipped at norm {trainer['clip']:g}" if trainer.get("clip") else "no clipping"
    rates = ", ".join(f"{rate:g}" for rate in job.learning_rates)
    chosen = f"at the best of {rates}" if len(job.learning_rates) > 1 else f"at {rates}"
    confirmed = f", {trainer['confirm_size']:,} to confirm" if "confirm_size" in trainer else ""
    return {
        "dialect": _dialect(job),
        "runs": f"mean of {len(job.seeds)}",
        "model": f"{job.cell}, H = {job.hidden_size}, {job.n_parameters:,} parameters, linear read-out",
        "training": f"Adam {chosen}, batches of {job.batch_size}, {clip}",
        "data": f"fresh sequences{confirmed}",
        "stopping": _stopping(job),
    }


def _stopping(job: JobPlan) -> str:
    if not job.config.get("trainer", {}).get("stop_when_solved", True):
        return f"after {job.steps:,} steps, solved or not"
    return f"{job.solved_rule}, at two evaluations in a row, or {job.steps:,} steps"
