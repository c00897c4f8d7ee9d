"""From measurements to a verdict, by the same rule for every claim."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.wording import counted, listed
from lstm_bench.claims.contract import Claim, Measurement

Verdict = Literal["supported", "refuted", "mixed", "not tested"]
MOST_PLACES = 5  # settings that are named one by one; of more, only the count is given
MOST_NUMBERS = 2  # numbers of a quantity that are listed; of more, only the range is given


@dataclass(frozen=True)
class Ruling:
    """The verdict on a claim, with the numbers that it follows from.

    `measured` has a line for each quantity, `because` is the reason for the verdict, `refined`
    what may be said instead. `problem` is the reason why its file could not be used.
    """

    name: str
    text: str
    source: str
    rule: str
    needs: tuple[str, ...]
    numbers: tuple[Measurement, ...]
    verdict: Verdict
    because: str
    refined: str
    problem: str = ""

    @property
    def measured(self) -> list[str]:
        """The numbers in words: a line a quantity."""
        return _lines(self.numbers)

    @property
    def decisive(self) -> list[str]:
        """The lines of the quantities of which the claim says something."""
        return _lines([number for number in self.numbers if number.claimed is not None])


def rule_on(name: str, claim: Claim, studies: Sequence[StudyData]) -> Ruling:
    """Return the ruling on a claim from these studies.

    A claim holds in a setting where each of its numbers agrees, and fails in one where any contradicts; else the
    setting is open. One in which nothing contradicts and some number decides nothing is left out. A claim is supported
    where it holds in every setting, refuted where it holds in none and fails in at least one, and mixed otherwise. It
    is not tested where there is no setting, where all are open, and where it would be supported except for a quantity
    that no number decides.
    """
    numbers = tuple(claim.measure([one_task for study in studies for one_task in study.by_task()]))
    settings, absent = holds_in(numbers), _absent(claim, numbers)
    verdict = _verdict(settings, absent)
    refine = getattr(claim, "refined", None)
    refined = refine(numbers) if refine is not None and settings else ""
    because = _because(verdict, settings, numbers) or _untested(claim, numbers, absent)
    needs = tuple(claim.NEEDS)
    return Ruling(name, claim.TEXT, claim.SOURCE, claim.RULE, needs, numbers, verdict, because, refined)


def holds_in(numbers: Sequence[Measurement]) -> dict[str, bool | None]:
    """Return for each setting whether the claim holds there, None where it stays open.

    A setting is left out where no number contradicts and at least one decides nothing, which might have contradicted.
    """
    settings: dict[str, list[Measurement]] = {}
    for number in numbers:
        if number.claimed is not None:
            settings.setdefault(number.setting, []).append(number)
    answers = {setting: [number.agrees for number in in_setting] for setting, in_setting in settings.items()}
    return {
        setting: True if all(answers[setting]) else False if False in answers[setting] else None
        for setting, in_setting in settings.items()
        if False in answers[setting] or all(number.decides for number in in_setting)
    }


def _absent(claim: Claim, numbers: Sequence[Measurement]) -> list[str]:
    """Return the quantities that a claim asks for and that no number decides."""
    decided = {number.quantity for number in numbers if number.decides}
    return [quantity for quantity in getattr(claim, "DECIDED_BY", ()) if quantity not in decided]


def _verdict(settings: Mapping[str, bool | None], absent: Sequence[str]) -> Verdict:
    answers = settings.values()
    if not answers or set(answers) == {None}:
        return "not tested"
    if all(answers):
        return "not tested" if absent else "supported"
    return "refuted" if True not in answers else "mixed"


def _untested(claim: Claim, numbers: Sequence[Measurement], absent: Sequence[str]) -> str:
    would = f"{listed(claim.NEEDS)} would measure it" if claim.NEEDS else ""
    if numbers and (unmeasured := [name for name in absent if name not in _out_of_reach(numbers)]):
        missing = f"There is no number with an interval of: {listed(unmeasured)}"
    else:
        missing = (
            "" if _out_of_reach(numbers) else "No number has an interval" if numbers else "No study here measures it"
        )
    sentence = f"{'; '.join(filter(None, [missing, would]))}." if missing else ""
    return " ".join(filter(None, [sentence, _unreached(numbers)]))


def _out_of_reach(numbers: Sequence[Measurement]) -> list[str]:
    """Return the quantities of which some number has an interval and decides nothing, each once."""
    return list(
        dict.fromkeys(
            number.quantity for number in numbers if number.claimed and number.is_known and not number.decides
        )
    )


def _unreached(numbers: Sequence[Measurement]) -> str:
    """Return which numbers the lags, members or budget keep from deciding; "" where there are none."""
    undecided = [number for number in numbers if number.claimed and number.is_known and not number.decides]
    places = {name: [n.where for n in undecided if n.quantity == name] for name in _out_of_reach(numbers)}
    named = {
        name: listed(where) if len(where) <= MOST_PLACES else f"{len(where)} settings" for name, where in places.items()
    }
    clauses = [f"{name} ({where})" for name, where in named.items()]
    return f"The lags, members or budget cannot decide: {'; '.join(clauses)}." if clauses else ""


def _because(verdict: Verdict, settings: Mapping[str, bool | None], numbers: Sequence[Measurement]) -> str:
    if verdict == "not tested" and None not in settings.values():
        return ""
    examples = [_examples(numbers, agreeing=False), _examples(numbers, agreeing=True) if verdict == "mixed" else ""]
    return " ".join(filter(None, [_count(settings), *examples, _unreached(numbers)]))


def _count(settings: Mapping[str, bool | None]) -> str:
    """Return "It holds in 2 of 5 settings and fails in 3."."""
    answers = list(settings.values())
    holding, failing, open_ = (answers.count(answer) for answer in (True, False, None))
    if holding == len(answers):
        return f"It holds in {'the one setting' if holding == 1 else f'all {holding} settings'} measured."
    if len(answers) == 1:
        return f"It {'fails' if failing else 'is open'} in the one setting measured."
    if open_ == len(answers):
        return f"It is open in all {open_} settings measured."
    parts = [f"holds in {holding or 'none'} of {counted(len(answers), 'setting')}"]
    parts += [f"{words} {n}" for words, n in (("fails in", failing), ("is open in", open_)) if n]
    return f"It {listed(parts)}."


def _examples(numbers: Sequence[Measurement], agreeing: bool) -> str:
    """Return the first number of each quantity that contradicts, or agrees, with the range claimed."""
    chosen = {number.quantity: number for number in reversed(numbers) if number.agrees is agreeing}
    in_order = [number for number in numbers if chosen.get(number.quantity) is number]
    clauses = [f"{n.quantity} {n.text}, claimed {n.claimed.text} ({n.where})" for n in in_order if n.claimed]
    return f"{'Holds' if agreeing else 'Fails'}: {'; '.join(clauses)}." if clauses else ""


def _lines(numbers: Sequence[Measurement]) -> list[str]:
    return [_line(quantity, of_quantity) for quantity, of_quantity in _by_quantity(numbers).items()]


def _by_quantity(numbers: Sequence[Measurement]) -> dict[str, list[Measurement]]:
    grouped: dict[str, list[Measurement]] = {}
    for number in numbers:
        grouped.setdefault(number.quantity, []).append(number)
    return grouped


def _line(quantity: str, numbers: Sequence[Measurement]) -> str:
    """Return a quantity's numbers one by one, or, for more than MOST_NUMBERS, the range of their middles."""
    if len(numbers) == 1:
        return f"{quantity}: {numbers[0].text}"
    if len({number.text for number in numbers}) == 1:
        return f"{quantity}: {numbers[0].text}, in all {len(numbers)}"
    if len(numbers) <= MOST_NUMBERS:
        return f"{quantity}: {'; '.join(f'{number.text} ({number.where})' for number in numbers)}"
    lowest, highest = (choose(numbers, key=lambda number: number.interval.middle) for choose in (min, max))
    return f"{quantity}: from {lowest.text} ({lowest.where}) to {highest.text} ({highest.where}), {len(numbers)} in all"
