"""From measurements to a verdict, by the same rule for every claim."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.wording import counted, listed
from lstm_bench.claims.contract import Claim, Measurement

Verdict = Literal["supported", "refuted", "mixed", "not tested"]
LISTED = 5  # settings named one by one; beyond that their range is told


@dataclass(frozen=True)
class Ruling:
    """A claim with what was measured of it.

    `measured` has a line for each quantity, `because` the reason for the verdict, `refined` what may be said instead.
    `problem` tells why its file could not be used.
    """

    name: str
    text: str
    source: str
    rule: str
    needs: tuple[str, ...]
    found: tuple[Measurement, ...]
    verdict: Verdict
    because: str
    refined: str
    problem: str = ""

    @property
    def measured(self) -> list[str]:
        """What was measured: a line a quantity."""
        return _lines(self.found)

    @property
    def decisive(self) -> list[str]:
        """The lines of the quantities of which the claim says something."""
        return _lines([one for one in self.found if one.claimed is not None])


def rule_on(name: str, claim: Claim, studies: Sequence[StudyData]) -> Ruling:
    """Return the ruling on a claim from some studies.

    A claim holds in a setting where each of its numbers agrees, and fails in one where any contradicts; else the
    setting is open. One in which nothing contradicts and some number decides nothing is left out. A claim is supported
    where it holds in every setting, refuted where it holds in none and fails in one at least, and mixed otherwise. It
    is not tested where there is no setting, nor where it would be supported but for a quantity that no number decides.
    """
    found = tuple(claim.measure([one for study in studies for one in study.by_task()]))
    settings, absent = holds_in(found), _absent(claim, found)
    verdict = _verdict(settings, absent)
    refine = getattr(claim, "refined", None)
    refined = refine(found) if refine is not None and settings else ""
    because = _because(verdict, settings, found) or _untested(claim, found, absent)
    needs = tuple(claim.NEEDS)
    return Ruling(name, claim.TEXT, claim.SOURCE, claim.RULE, needs, found, verdict, because, refined)


def holds_in(found: Sequence[Measurement]) -> dict[str, bool | None]:
    """Return for each setting whether the claim holds there, None where it stays open.

    A setting is left out where no number contradicts and one at least decides nothing: that one might.
    """
    settings: dict[str, list[Measurement]] = {}
    for one in found:
        if one.claimed is not None:
            settings.setdefault(one.setting, []).append(one)
    answers = {setting: [one.agrees for one in own] for setting, own in settings.items()}
    return {
        setting: True if all(answers[setting]) else False if False in answers[setting] else None
        for setting, own in settings.items()
        if False in answers[setting] or all(one.decides for one in own)
    }


def _absent(claim: Claim, found: Sequence[Measurement]) -> list[str]:
    """Return the quantities that a claim asks for and that no number decides."""
    decided = {one.quantity for one in found if one.decides}
    return [quantity for quantity in getattr(claim, "DECIDED_BY", ()) if quantity not in decided]


def _verdict(settings: Mapping[str, bool | None], absent: Sequence[str]) -> Verdict:
    answers = settings.values()
    if all(answers):
        return "not tested" if absent or not answers else "supported"
    return "refuted" if False in answers and True not in answers else "mixed"


def _untested(claim: Claim, found: Sequence[Measurement], absent: Sequence[str]) -> str:
    would = f"{listed(claim.NEEDS)} would measure it" if claim.NEEDS else ""
    if found and (unmeasured := [name for name in absent if name not in _out_of_reach(found)]):
        missing = f"There is no number with an interval of: {listed(unmeasured)}"
    else:
        missing = "" if _out_of_reach(found) else "No number has an interval" if found else "No study here measures it"
    sentence = f"{'; '.join(filter(None, [missing, would]))}." if missing else ""
    return " ".join(filter(None, [sentence, _unreached(found)]))


def _out_of_reach(found: Sequence[Measurement]) -> list[str]:
    """Return the quantities of which some number has an interval and decides nothing, each once."""
    return list(dict.fromkeys(one.quantity for one in found if one.claimed and one.is_known and not one.decides))


def _unreached(found: Sequence[Measurement]) -> str:
    """Return which numbers the lags, members or budget keep from deciding; "" where there are none."""
    own = [one for one in found if one.claimed and one.is_known and not one.decides]
    told = [f"{name} ({listed([one.where for one in own if one.quantity == name])})" for name in _out_of_reach(found)]
    return f"The lags, members or budget cannot decide: {'; '.join(told)}." if told else ""


def _because(verdict: Verdict, settings: Mapping[str, bool | None], found: Sequence[Measurement]) -> str:
    if verdict == "not tested":
        return ""
    examples = [_examples(found, agreeing=False), _examples(found, agreeing=True) if verdict == "mixed" else ""]
    return " ".join(filter(None, [_count(settings), *examples, _unreached(found)]))


def _count(settings: Mapping[str, bool | None]) -> str:
    """Return "It holds in 2 of 5 settings and fails in 3."."""
    answers = list(settings.values())
    holding, failing, open_ = (answers.count(answer) for answer in (True, False, None))
    if holding == len(answers):
        return f"It holds in {'the one setting' if holding == 1 else f'all {holding} settings'} measured."
    parts = [f"holds in {holding or 'none'} of {counted(len(answers), 'setting')}"]
    parts += [f"{words} {n}" for words, n in (("fails in", failing), ("is open in", open_)) if n]
    return f"It {listed(parts)}."


def _examples(found: Sequence[Measurement], agreeing: bool) -> str:
    """Return the first number of each quantity that contradicts, or agrees, beside what is claimed."""
    chosen = {one.quantity: one for one in reversed(found) if one.agrees is agreeing}
    in_order = [one for one in found if chosen.get(one.quantity) is one]
    told = [f"{one.quantity} {one.text}, claimed {one.claimed.text} ({one.where})" for one in in_order if one.claimed]
    return f"{'Holds' if agreeing else 'Fails'}: {'; '.join(told)}." if told else ""


def _lines(found: Sequence[Measurement]) -> list[str]:
    return [_line(quantity, own) for quantity, own in _by_quantity(found).items()]


def _by_quantity(found: Sequence[Measurement]) -> dict[str, list[Measurement]]:
    grouped: dict[str, list[Measurement]] = {}
    for one in found:
        grouped.setdefault(one.quantity, []).append(one)
    return grouped


def _line(quantity: str, own: Sequence[Measurement]) -> str:
    """Return a quantity's numbers one by one, or where they are many the range of their middles."""
    if len(own) == 1:
        return f"{quantity}: {own[0].text}"
    if len({one.text for one in own}) == 1:
        return f"{quantity}: {own[0].text}, in all {len(own)}"
    if len(own) <= LISTED:
        return f"{quantity}: {'; '.join(f'{one.text} ({one.where})' for one in own)}"
    lowest, highest = (choose(own, key=lambda one: one.found.middle) for choose in (min, max))
    return f"{quantity}: from {lowest.text} ({lowest.where}) to {highest.text} ({highest.where}), {len(own)} in all"
