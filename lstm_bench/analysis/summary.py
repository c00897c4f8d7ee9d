"""A statistic over members, group by group."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from lstm_bench.analysis.statistics import TAILS, Interval

NUMBERS = (*Interval._fields, "n")
Statistic = Callable[..., Interval]


def summarise(rows: pd.DataFrame, keys: Sequence[str], statistic: Statistic, strata: str | None = None) -> pd.DataFrame:
    """Return a statistic of the column `value` in each group of rows: keys, middle, low, high, n.

    Args:
        rows: one row a member and group.
        keys: the columns that define the groups.
        statistic: of `statistics`, such as `interquartile_mean`.
        strata: the column whose values are the strata of its bootstrap, for a statistic that takes them.
    """
    summaries = []
    for key, group in rows.groupby(list(keys), observed=True, sort=False):
        arguments = [group[column].tolist() for column in ("value", strata) if column is not None]
        labels = dict(zip(keys, tuple(key), strict=True))
        summaries.append(labels | statistic(*arguments)._asdict() | {"n": int(np.isfinite(group["value"]).sum())})
    return pd.DataFrame(summaries, columns=[*keys, *NUMBERS])


def geometric_means(rows: pd.DataFrame, keys: Sequence[str], column: str = "value") -> pd.DataFrame:
    """Return the geometric mean of a column in each group of rows with its 95% interval: keys, middle, low, high, n.

    Student's t on the logarithms, as in `statistics.geometric_mean`, for all groups at once: `summarise` would take
    minutes for a gradient, which has a group a step. Where a member has 0 the mean is 0, with an unknown interval.
    """
    names = [*keys, *NUMBERS]
    if rows.empty:
        return pd.DataFrame(columns=names)
    with np.errstate(divide="ignore"):
        logarithms = rows[list(keys)].assign(logarithm=np.log(rows[column]).replace(np.inf, np.nan))
    groups = logarithms.groupby(list(keys), observed=True, sort=False)["logarithm"]
    mean, n = groups.mean(), groups.count()
    half = stats.t.ppf(TAILS[1], (n - 1).where(n > 1)) * groups.std() / np.sqrt(n)
    with np.errstate(over="ignore", under="ignore"):  # an end beyond the range of a float is 0 or inf
        means = {"middle": np.exp(mean), "low": np.exp(mean - half), "high": np.exp(mean + half), "n": n}
    return pd.DataFrame(means).reset_index()[names]
