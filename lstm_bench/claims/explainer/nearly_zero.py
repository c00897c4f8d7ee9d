"""The claim that a gradient is nearly zero after a hundred steps, for an RNN as PyTorch starts it."""

from collections.abc import Iterator, Mapping, Sequence

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.gradients import WHEN, gradient_left, longest_lag_with_flow
from lstm_bench.analysis.statistics import Interval
from lstm_bench.claims.cells import jobs_by_cell, lstms, place_of, vanilla_rnns
from lstm_bench.claims.contract import Claimed, Measurement
from lstm_bench.claims.starts import start_of
from lstm_bench.metrics import INITIAL
from lstm_bench.records.plan import JobPlan

TEXT = "In a vanilla RNN the gradients of early steps shrink to nearly zero."
SOURCE = "The explainer, why a vanilla RNN forgets."
STEPS, NEARLY_ZERO = 100, 1e-3
RULE = (
    f"Holds where the gradient {STEPS} steps back, in an RNN with PyTorch's initialisation and before training, is at "
    "most 1e-3 of its value at the read-out, by the whole 95% interval over members. The mean over a batch of 32 is "
    "uncertain by about 1/sqrt(32) = 0.18 of itself, so a thousandth does not affect the update. Other starts, other "
    "cells and trained ones decide nothing."
)
NEEDS = ("initialisation",)
LEFT, LEFT_ELSEWHERE = f"gradient left after {STEPS} steps", f"gradient left after {STEPS} steps, in other cells"
DECIDED_BY = (LEFT,)
PYTORCH = start_of({"init": "pytorch"})


def measure(studies: Sequence[StudyData]) -> list[Measurement]:
    """Return g_100 at initialisation of every RNN and LSTM whose gradient was followed that far.

    A cell that several studies measure on the same task is counted in the first of them: its members start alike.
    """
    first: dict[tuple[str, ...], Measurement] = {}
    for study in studies:
        jobs = jobs_by_cell(study)
        for number in _left(study, jobs):
            job = jobs[number.cell]
            first.setdefault((job.task, job.variant, str(job.config["cell"])), number)
    return list(first.values())


def _left(study: StudyData, jobs: Mapping[str, JobPlan]) -> Iterator[Measurement]:
    lag = longest_lag_with_flow(study)
    rnns = vanilla_rnns(study)
    for cell in (*rnns, *lstms(study)) if lag is not None else ():
        share = gradient_left(study, cell, lag, STEPS)
        if share.middle == share.middle:  # not NaN: it was followed that far
            decides = cell in rnns and start_of(jobs[cell].config["cell"]) == PYTORCH
            quantity, claimed = (LEFT, Claimed(0, NEARLY_ZERO)) if decides else (LEFT_ELSEWHERE, None)
            text = _in_words(share)
            yield Measurement(place_of(study), cell, quantity, share, claimed, WHEN[INITIAL], alone=True, wording=text)


def _in_words(share: Interval) -> str:
    return f"{share.middle:.1e} ({share.low:.1e} to {share.high:.1e}) of g_0"


def refined(numbers: Sequence[Measurement]) -> str:
    """Return the gradient left in the RNN that decides, and the least and the most in other cells."""
    deciding = [f"{number.text} in {number.cell}" for number in numbers if number.quantity == LEFT]
    others = [number for number in numbers if number.quantity == LEFT_ELSEWHERE]
    sentence = f"{STEPS} steps back, with PyTorch's initialisation, the gradient is {'; '.join(deciding)}."
    if not others:
        return sentence
    low, high = (choose(others, key=lambda number: number.interval.middle) for choose in (min, max))
    return f"{sentence} Other starts and cells: from {low.text} ({low.cell}) to {high.text} ({high.cell})."
