"""Whether each gate is needed, on a task that needs what the gate does."""

import math
from collections.abc import Iterator, Mapping, Sequence

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.matching import MATCHED_WITHIN
from lstm_bench.analysis.wording import listed
from lstm_bench.claims.cells import jobs_by_cell, lstms, lstms_without, place_of
from lstm_bench.claims.contract import Claimed, Measurement
from lstm_bench.claims.spans import FEWEST, tried_spans
from lstm_bench.records.plan import JobPlan

TEXT = "Each gate is needed: the forget gate to erase, the input gate to write, the output gate to send forward."
SOURCE = "The explainer, what each gate is for."
MISSED = 0.9
RULE = (
    f"A gate is needed where T50 of the LSTM with that gate held open (f, i or o = 1) is at most {MISSED:g} of that of "
    "the whole LSTM with as many parameters (within 1%), by the whole 95% interval of the ratio. Holding it open costs "
    f"less than 10% where that interval lies above {MISSED:g}; otherwise the gate is not decided. The tasks that "
    "decide need what the gate is for: copy has to write and to send, but never to erase; segments and continual Reber "
    "grammar have to erase. Ratios at the same hidden size, and on other tasks, decide nothing. A ratio decides where "
    f"the lags tried bracket T50 on the side that matters, with at least {FEWEST} members each and a budget within "
    "which some were solved."
)
NEEDS = ("ablation",)
GATES = {
    "forget_gate": "T50 with f = 1, over that of the whole LSTM",
    "input_gate": "T50 with i = 1, over that of the whole LSTM",
    "output_gate": "T50 with o = 1, over that of the whole LSTM",
}
BESIDE = {gate: f"{quantity} (decides nothing)" for gate, quantity in GATES.items()}
NEEDED_BY: Mapping[str, tuple[str, ...]] = {  # by gate: words in the names of tasks and variants that need it
    "forget_gate": ("segments", "continual"),
    "input_gate": ("copy",),
    "output_gate": ("copy",),
}
DECIDED_BY = tuple(GATES.values())
SAME_PARAMETERS, SAME_SIZE = "matched parameters", "matched hidden size"
OPEN = (0.0, math.inf)


def measure(studies: Sequence[StudyData]) -> list[Measurement]:
    """Return the span without each gate over that of the whole LSTM, at matched parameters and at matched size."""
    return [number for study in studies for number in _ablations(study)]


def _ablations(study: StudyData) -> Iterator[Measurement]:
    jobs = jobs_by_cell(study)
    for cell, missing in lstms_without(study).items():
        for whole in lstms(study) if missing in GATES else ():
            if matched := _matched(jobs[cell], jobs[whole]):
                yield from _ratio(study, cell, whole, missing, matched)


def _matched(ablated: JobPlan, whole: JobPlan) -> str:
    """Return what an ablated cell and a whole one have in common; "" where neither matches or their starts differ."""
    settings = ("init", "chrono") if _without_forget_gate(ablated) else ("init", "chrono", "forget_bias")
    if any(ablated.config["cell"].get(name) != whole.config["cell"].get(name) for name in settings):
        return ""
    if abs(ablated.n_parameters / whole.n_parameters - 1) <= MATCHED_WITHIN:
        return SAME_PARAMETERS
    return SAME_SIZE if ablated.hidden_size == whole.hidden_size else ""


def _without_forget_gate(job: JobPlan) -> bool:
    return bool(job.config["cell"].get("without") == "forget_gate")


def _ratio(study: StudyData, cell: str, whole: str, missing: str, matched: str) -> Iterator[Measurement]:
    without, complete = tried_spans(study)[cell], tried_spans(study)[whole]
    interval = without.ratio_to(complete)
    if math.isnan(interval.middle):
        return
    is_asked = matched == SAME_PARAMETERS and is_needed_on(study, missing)
    quantity, claimed = (GATES[missing], Claimed(high=MISSED)) if is_asked else (BESIDE[missing], None)
    text = "not decided" if interval[1:] == OPEN else without.ratio_text(complete)
    yield Measurement(
        place_of(study), cell, quantity, interval, claimed, f"over {whole}, {matched}", True, wording=text,
        reach=without.ratio_reach(complete),
    )  # fmt: skip


def is_needed_on(study: StudyData, gate: str) -> bool:
    """Return whether the task of a study narrowed to one task needs what a gate of GATES is for."""
    job = study.plan.jobs[0]
    return any(word in f"{job.task} {job.variant}" for word in NEEDED_BY[gate])


def refined(numbers: Sequence[Measurement]) -> str:
    """Return which gates are needed, which cost little to hold open, and which the numbers leave undecided."""
    decisive = [number for number in numbers if number.quantity in DECIDED_BY]
    words = {
        True: "Needed, on a task that needs it",
        False: "Held open at a cost below 10%, on a task that needs it",
        None: "Not decided",
    }
    parts = {answer: [_in_words(number) for number in decisive if number.agrees is answer] for answer in words}
    return " ".join(f"{words[answer]}: {listed(gates)}." for answer, gates in parts.items() if gates)


def _in_words(number: Measurement) -> str:
    return f"{number.cell} ({number.place})" if number.text == "not decided" else f"{number.cell} {number.text}"
