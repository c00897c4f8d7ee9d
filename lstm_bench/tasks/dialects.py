"""The adding task in the version of each paper."""

from typing import Literal, get_args

from lstm_bench.checks import one_of
from lstm_bench.tasks.adding import AddingTask
from lstm_bench.tasks.adding import Dialect as FixedLengthDialect
from lstm_bench.tasks.marked_pairs import MarkedPairsTask

Dialect = FixedLengthDialect | Literal["hochreiter"]
DIALECTS = (*get_args(FixedLengthDialect), "hochreiter")


def adding(lag: int, dialect: Dialect = "half", cue_distance: int | None = None) -> AddingTask | MarkedPairsTask:
    """Return the adding task in a dialect.

    `half` and `anywhere` have sequences of `lag` steps and the plain sum, see `AddingTask`; `hochreiter` has sequences
    of random length from twice the lag and a scaled sum, see `MarkedPairsTask`.

    Raises: ValueError for an unknown dialect, or a value that the task refuses.
    """
    one_of(DIALECTS, dialect=dialect)
    if dialect == "hochreiter":
        return MarkedPairsTask(lag, "sum", cue_distance=cue_distance)
    return AddingTask(lag, dialect, cue_distance)
