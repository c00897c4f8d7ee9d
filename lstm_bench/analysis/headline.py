"""The finding of a study in a sentence or two, each with its number and interval."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from lstm_bench.analysis.comparison import core_ratio
from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.gradients import by_decay, decay_per_step, horizon, longest_lag_with_flow
from lstm_bench.analysis.matching import matched_studies
from lstm_bench.analysis.memory_span import MemorySpan, span_ratio
from lstm_bench.analysis.solving import members_a_lag, solve_rates, spans, was_trained
from lstm_bench.analysis.speed import speed_ratio
from lstm_bench.analysis.statistics import too_few_note
from lstm_bench.analysis.wording import listed, times, with_range

NAMED = 4  # cells that a headline sets beside the best; the table has the rest


def headline(study: StudyData) -> list[str]:
    """Return the study's finding, one paragraph a task: the cell that remembers furthest against each of the others."""
    return [_paragraph(task) for task in study.by_task()]


def _paragraph(study: StudyData) -> str:
    if not was_trained(study):
        return _untrained(study)
    if not solve_rates(study)["attempts"].sum():
        return f"On {study.task} no member has run to its end yet."
    sentences = [*_findings(study), _unmeasured(spans(study)), _caution(study)]
    return " ".join(sentence for sentence in sentences if sentence)


def _findings(study: StudyData) -> list[str]:
    """Return a finding for each way in which the cells are matched, where two or more of them were measured."""
    comparisons = [(matching, matched) for matching, matched in matched_studies(study) if len(_measured(matched)) > 1]
    if len(comparisons) < 2:
        return [_finding(f"On {study.task}", comparisons[0][1] if comparisons else study)]
    conditions = [f"{'with' if matching.kind == 'nothing' else 'at'} {matching.text}," for matching, _ in comparisons]
    first, *others = conditions
    places = [f"On {study.task}, {first}", *(f"{other[0].upper()}{other[1:]}" for other in others)]
    return [_finding(place, matched) for place, (_, matched) in zip(places, comparisons, strict=True)]


def _measured(study: StudyData) -> dict[str, MemorySpan]:
    return {cell: span for cell, span in spans(study).items() if span.outcome != "unmeasured"}


def _untrained(study: StudyData) -> str:
    """Return what is known of members that were only looked at: what is left of a gradient, cell by cell."""
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
    reach = f"below 1e-3 after {steps.middle:.0f} steps" if math.isfinite(steps.middle) else "above 1e-3 throughout"
    return f"{cell} {with_range(*decay)}, {reach}"


def _finding(where: str, study: StudyData) -> str:
    measured = _measured(study)
    best, *others = sorted(measured, key=lambda cell: -_rank(measured[cell]))
    if not others:
        return f"{where} {best} {_alone(measured[best])}."
    if all(measured[cell].outcome == "below" for cell in measured):
        return f"{where} no cell remembers {measured[best].high:g} steps: {listed(list(measured))} solved nothing."
    ratios = {cell: span_ratio(measured[best], measured[cell]) for cell in others}
    if all(ratio.bound == "?" for ratio in ratios.values()):
        lengths = listed([f"{cell} {_length(span)}" for cell, span in measured.items()])
        return f"{where} the lags tried cannot tell the cells apart: {lengths}."
    nearest, *rest = list(ratios)[:NAMED]
    first = f"{where} {best} {_against(best, nearest, measured)}{_cost(study, best, nearest)}."
    return f"{first} It {_joined([_against(best, cell, measured) for cell in rest])}." if rest else first


class Predicate(NamedTuple):
    """What the best cell does beside another: a verb that predicates may share, and the rest."""

    verb: str
    rest: str

    def __str__(self) -> str:
        return f"{self.verb} {self.rest}"


def _rank(span: MemorySpan) -> float:
    """Order spans: an open end beats the same number closed, nothing known comes last."""
    if math.isnan(span.median):
        return -1.0
    return span.median * {"above": 1.001, "below": 0.999}.get(span.outcome, 1.0)


def _alone(span: MemorySpan) -> str:
    words = {
        "above": f"solves every lag tried, so it remembers at least {span.median:g} steps",
        "below": f"solves no lag tried, so it remembers fewer than {span.median:g} steps",
        "undetermined": "was tried at one lag and solved it in part, which tells no span",
    }
    return words.get(span.outcome, f"remembers {span.text} steps (half of the members solve at that lag; 95% interval)")


def _length(span: MemorySpan) -> str:
    return "has one lag and mixed success" if span.outcome == "undetermined" else f"remembers {span.text} steps"


def _against(best: str, other: str, measured: Mapping[str, MemorySpan]) -> Predicate:
    ratio = span_ratio(measured[best], measured[other])
    if ratio.bound == "?":
        return Predicate("cannot be told apart", f"from {other} by the lags tried")
    if ratio.bound and ratio.low <= 1:  # the lag grid ends too early for a factor
        return Predicate("remembers", f"{measured[best].text} steps and {other} {measured[other].text}")
    if ratio.low <= 1:
        return Predicate("is", f"not clearly ahead of {other}, its span being {ratio.text} as long")
    return Predicate("remembers", f"{ratio.factor} further than {other} ({ratio.interval})")


def _joined(predicates: Sequence[Predicate]) -> str:
    first, *others = predicates
    if first.verb == "remembers" and all(other.verb == first.verb for other in others):
        return f"{first.verb} {listed([predicate.rest for predicate in predicates])}"
    return listed([str(predicate) for predicate in predicates])


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
