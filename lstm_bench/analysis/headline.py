"""The finding of a study in a sentence or two, each with its number and interval."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from lstm_bench.analysis.comparison import core_ratio, matched_studies
from lstm_bench.analysis.distance import held_ratio, held_spans, spans_in_distance
from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.gradients import by_decay, decay_per_step, horizon, longest_lag_with_flow
from lstm_bench.analysis.memory_span import MemorySpan, SpanRatio
from lstm_bench.analysis.solving import is_budget_limited, members_a_lag, solve_rates, spans, was_trained
from lstm_bench.analysis.speed import speed_ratio
from lstm_bench.analysis.statistics import too_few_note
from lstm_bench.analysis.wording import counted, listed, range_of, significant, times, with_range

NAMED = 4  # cells that a headline compares with the best; the table has the rest


def headline(study: StudyData) -> list[str]:
    """Return the study's finding, one paragraph a task: the cell that remembers longest against each of the others."""
    return [_paragraph(task) for task in study.by_task()]


def _paragraph(study: StudyData) -> str:
    if not was_trained(study):
        return _untrained(study)
    if not solve_rates(study)["attempts"].sum():
        return f"On {study.task} no member has run to its end yet."
    sentences = [*_findings(study), _unmeasured(spans(study)), _caution(study)]
    return " ".join(sentence for sentence in sentences if sentence)


def _findings(study: StudyData) -> list[str]:
    """Return a finding for each way in which the cells are matched, where two or more of them were measured.

    A later one with the same best cell leaves out the cells that the first compares it with.
    """
    comparisons = [(matching, matched) for matching, matched in matched_studies(study) if len(_measured(matched)) > 1]
    if len(comparisons) < 2:
        return [_finding(f"On {study.task}", comparisons[0][1] if comparisons else study)]
    conditions = [f"{'with' if matching.kind == 'nothing' else 'at'} {matching.text}," for matching, _ in comparisons]
    first, *others = conditions
    places = [f"On {study.task}, {first}", *(f"{other[0].upper()}{other[1:]}" for other in others)]
    matched = [study for _, study in comparisons]
    further = zip(places[1:], matched[1:], strict=True)
    return [_finding(places[0], matched[0]), *(_finding(place, other, matched[0]) for place, other in further)]


def _measured(study: StudyData) -> dict[str, MemorySpan]:
    return {cell: span for cell, span in held_spans(study).items() if span.outcome != "unmeasured"}


def _untrained(study: StudyData) -> str:
    """Return the gradient decay of each cell in words, for members that were measured without training."""
    lag = longest_lag_with_flow(study)
    decays = [] if lag is None else [_decays(study, cell, lag) for cell in by_decay(study, study.cells, lag)]
    untrained = f"On {study.task} nothing was trained"
    if not any(decays):
        return f"{untrained}, and no gradient was measured."
    factors = "; ".join(filter(None, decays))
    return f"{untrained}. At initialisation, lag {lag}, each step back multiplies the gradient by a factor: {factors}."


def _decays(study: StudyData, cell: str, lag: int) -> str:
    decay, steps = decay_per_step(study, cell, lag), horizon(study, cell, lag)
    if math.isnan(decay.middle):
        return ""
    is_reached = math.isfinite(steps.middle)
    reach = f"below 1e-3 after {counted(round(steps.middle), 'step')}" if is_reached else "above 1e-3 throughout"
    return f"{cell} {with_range(*decay)}, {reach}"


def _finding(where: str, study: StudyData, before: StudyData | None = None) -> str:
    """Return the best cell against the others, in one to three sentences.

    Args:
        where: the task and how the cells are matched.
        study: the cells to compare.
        before: the study of the first finding, whose cells need not be compared with the same best cell again.
    """
    measured = _measured(study)
    words = STEPS_HELD if spans_in_distance(study) else LAGS
    best, *others = _longest_first(measured)
    is_same_best = before is not None and _longest_first(_measured(before))[0] == best
    if before is not None and is_same_best:
        others = [cell for cell in others if cell not in _measured(before)] or others
    if not others:
        return f"{where} {best} {_alone(study, best, words)}."
    if all(span.outcome == "below" for span in measured.values()):
        shortest = words.number(measured[best].high)
        return f"{where} no cell {words.holds} {shortest}: {listed(list(measured))} solved nothing."
    apart = [cell for cell in others if held_ratio(study, best, cell).bound != "?"]
    if not apart:
        lengths = listed([f"{cell} {_span(study, cell, words)}" for cell in measured])
        return f"{where} the lags tried do not distinguish the cells: {lengths}."
    nearest, *rest = apart[:NAMED]
    lead = f"{'it' if is_same_best else best} {_span(study, best, words)},"
    if is_same_best and not _is_open(held_ratio(study, best, nearest)):
        lead = f"it {words.holds.removesuffix(' for')}"
    first = f"{where} {lead} {_against(study, best, nearest, words)}"
    also = listed([_against(study, best, cell, words) for cell in rest])
    alike = listed([cell for cell in others if cell not in apart][:NAMED])
    return " ".join(
        filter(
            None,
            (
                f"{first}{_cost(study, best, nearest)}.",
                f"That is also {also}." if also else "",
                f"The lags tried do not distinguish it from {alike}." if alike else "",
            ),
        )
    )


@dataclass(frozen=True)
class Words:
    """How a span is worded: in steps held, or in the lag of a task that does not say how long its memories are held.

    Args:
        holds: the verb before a span.
        unit: a number in its unit.
        less: the words before an upper bound.
        ratio: the words between a ratio and the other cell.
    """

    holds: str
    unit: str
    less: str
    ratio: str

    def number(self, value: float) -> str:
        """Return a number in its unit: "35.8 steps", "1 step", "lag 32"."""
        text = self.unit.format(significant(value, 0 if value == round(value) else 3))
        return text.removesuffix("s") if value == 1 else text

    def extent(self, span: MemorySpan, grows: bool) -> str:
        """Return a span without its interval: "35.8 steps", "at least 35.8 steps", "fewer than 5 steps"."""
        if span.outcome == "below":
            return f"{self.less} {self.number(span.median)}"
        return f"{'at least ' if grows or span.outcome == 'above' else ''}{self.number(span.median)}"


STEPS_HELD = Words("holds a memory for", "{} steps", "fewer than", "as long as")
LAGS = Words("reaches", "lag {}", "less than", "as far as")


def _longest_first(measured: Mapping[str, MemorySpan]) -> list[str]:
    return sorted(measured, key=lambda cell: -_rank(measured[cell]))


def _rank(span: MemorySpan) -> float:
    """Return a sort key: a lower bound is above the same number fitted, an upper bound below, an unknown span last."""
    if math.isnan(span.median):
        return -1.0
    return span.median * {"above": 1.001, "below": 0.999}.get(span.outcome, 1.0)


def _alone(study: StudyData, cell: str, words: Words) -> str:
    outcome = held_spans(study)[cell].outcome
    notes = {
        "fitted": ", where half of the members solve it",
        "above": ", solving every lag tried",
        "below": ", solving no lag tried",
    }
    return f"{_span(study, cell, words)}{notes.get(outcome, '')}"


def _span(study: StudyData, cell: str, words: Words) -> str:
    """Return a cell's span in words: "holds a memory for at least 35.8 steps (95% 28.0-44.3)"."""
    span = held_spans(study)[cell]
    if span.outcome == "undetermined":
        return "was tried at one lag and solved it in part, which determines no span"
    interval = f" (95% {range_of(span.low, span.high)})" if span.outcome == "fitted" else ""
    return f"{words.holds} {words.extent(span, is_budget_limited(study, cell))}{interval}"


def _against(study: StudyData, best: str, other: str, words: Words) -> str:
    """Return how much longer the best span is than another: "6.6x (95% 5.1-8.3) as long as rnn (5.42 steps)"."""
    ratio = held_ratio(study, best, other)
    extent = words.extent(held_spans(study)[other], is_budget_limited(study, other))
    if _is_open(ratio):
        return f"against {extent} of {other}"
    unclear = "" if ratio.low > 1 else ", which is no clear lead"
    return f"{ratio.text} {words.ratio} {other} ({extent}){unclear}"


def _is_open(ratio: SpanRatio) -> bool:
    """Return whether the lag grid ends too early for a factor."""
    return bool(ratio.bound) and ratio.low <= 1


def _cost(study: StudyData, best: str, other: str) -> str:
    parts = [f"at {times(core_ratio(study, best, other))} the core parameters"]
    speed = speed_ratio(study, best, other)
    if speed is not None:
        parts.append(f"{times(speed.value)} the speed (both {speed.kernel})")
    return ", " + listed(parts)


def _unmeasured(by_cell: Mapping[str, MemorySpan]) -> str:
    absent = [cell for cell, span in by_cell.items() if span.outcome == "unmeasured"]
    return f"Not measured: {listed(absent)}." if absent else ""


def _caution(study: StudyData) -> str:
    _, most = members_a_lag(study)
    return too_few_note(most, most) if len(study.cells) > 1 else ""
