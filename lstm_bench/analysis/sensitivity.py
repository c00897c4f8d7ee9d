"""How much a span depends on settings: learning rate, start, clipping, batch, Adam's beta2, schedule, hidden size."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from lstm_bench.analysis.frames import StudyData, cache_per_study
from lstm_bench.analysis.memory_span import MemorySpan
from lstm_bench.analysis.solving import spans
from lstm_bench.analysis.statistics import TAILS, UNKNOWN, Interval
from lstm_bench.records.plan import JobPlan

RATE = "learning_rate"
FACTORS: Mapping[str, str] = {  # the settings that may be varied, and their names
    RATE: "learning rate",
    "clip": "clipping norm",
    "batch_size": "batch size",
    "beta2": "Adam's beta2",
    "schedule": "schedule",
    "hidden_size": "hidden size H",
}
EXPONENT_COLUMNS = ("study", "task", "variant", "cell_yaml", "of", "sizes", "exponent", "low", "high")
DRAWS, SEED = 2000, 0


@cache_per_study
def variations(study: StudyData) -> pd.DataFrame:
    """Return T50 of each cell with its settings, a row a cell of a study narrowed to one task.

    cell_yaml: the name of the yaml that it was made from, which sets its start.
    learning_rate, clip, batch_size, beta2, schedule, hidden_size: its settings; NaN for a rate that was tuned.
    varied: which of these differs from the base of its yaml, "" for none, "several" for more than one; the base is the
    value that most of the yaml's cells have.
    span, span_outcome, span_median, span_low, span_high: T50 in lag, see `learned_span`; n_parameters.
    """
    rows = [_row(study, cell, span) for cell, span in spans(study).items()]
    bases = {yaml: _base([row for row in rows if row["cell_yaml"] == yaml]) for yaml in {r["cell_yaml"] for r in rows}}
    return pd.DataFrame([row | {"varied": _varied(row, bases[row["cell_yaml"]])} for row in rows])


def _row(study: StudyData, cell: str, span: MemorySpan) -> dict[str, Any]:
    job = next(job for job in study.plan.jobs if job.cell == cell)
    return {
        **study.labels,
        "cell": cell,
        "cell_yaml": job.cell_yaml or job.cell,
        **_settings(job),
        "n_parameters": job.n_parameters,
        "span": span.text,
        "span_outcome": span.outcome,
        "span_median": span.median,
        "span_low": span.low,
        "span_high": span.high,
    }


def _settings(job: JobPlan) -> dict[str, Any]:
    trainer = job.config.get("trainer", {})
    rate = job.learning_rates[0] if len(job.learning_rates) == 1 else math.nan
    others = {"clip": 1.0, "beta2": 0.999, "schedule": "constant"}  # for records that lack these settings
    return {
        RATE: rate,
        **{name: trainer.get(name, value) for name, value in others.items()},
        "batch_size": job.batch_size,
        "hidden_size": job.hidden_size,
    }


def _base(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {name: Counter(row[name] for row in rows).most_common(1)[0][0] for name in FACTORS}


def _varied(row: Mapping[str, Any], base: Mapping[str, Any]) -> str:
    names = [name for name in FACTORS if row[name] != base[name] and row[name] == row[name]]  # NaN: tuned
    return "" if not names else names[0] if len(names) == 1 else "several"


def one_at_a_time(study: StudyData, factor: str) -> pd.DataFrame:
    """Return the variations in which one factor alone differs from the base, with the bases of the same yamls.

    Only yamls with the factor varied have rows, in the order of its values.
    """
    table = variations(study)
    moved = table.loc[table["varied"] == factor]
    bases = table.loc[(table["varied"] == "") & table["cell_yaml"].isin(moved["cell_yaml"])]
    return pd.concat([bases, moved]).sort_values(factor, kind="stable")


def varied_factors(study: StudyData) -> list[str]:
    """Return the factors that were varied alone, in the order of FACTORS."""
    varied = set(variations(study)["varied"])
    return [factor for factor in FACTORS if factor in varied]


class PowerLaw(NamedTuple):
    """T50 ~ size^exponent, over `sizes` fitted spans; NaN where they have fewer than two different sizes."""

    exponent: Interval
    sizes: int


@cache_per_study
def size_exponents(study: StudyData) -> pd.DataFrame:
    """Return the exponent of T50 in the hidden size and in the number of parameters, a row a (yaml, of).

    The least-squares slope of log T50 on the log of the size over the fitted spans; median and 95% interval over
    independent draws from the posterior of each span.
    """
    return pd.DataFrame(list(_exponents(study)), columns=list(EXPONENT_COLUMNS))


def _exponents(study: StudyData) -> Iterator[tuple[Any, ...]]:
    rows = one_at_a_time(study, "hidden_size")
    for yaml, of_yaml in rows.groupby("cell_yaml", sort=False):
        fitted = of_yaml.loc[of_yaml["span_outcome"] == "fitted"]
        for size in ("hidden_size", "n_parameters"):
            law = power_law(fitted[size].tolist(), [spans(study)[cell] for cell in fitted["cell"]])
            yield (*study.labels.values(), yaml, size, law.sizes, *law.exponent)


def power_law(sizes: list[float], fitted: list[MemorySpan]) -> PowerLaw:
    """Return the exponent with which T50 grows with a size."""
    known = [(size, span.posterior) for size, span in zip(sizes, fitted, strict=True) if span.posterior is not None]
    if len({size for size, _ in known}) < 2:
        return PowerLaw(UNKNOWN, len(known))
    generator = np.random.default_rng(SEED)
    log_t50 = np.log([posterior.quantiles(generator.random(DRAWS)) for _, posterior in known])
    log_size = np.log([size for size, _ in known])
    centred = log_size - log_size.mean()
    slopes = centred @ log_t50 / (centred @ centred)
    low, high = np.quantile(slopes, TAILS)
    return PowerLaw(Interval(float(np.median(slopes)), float(low), float(high)), len(known))
