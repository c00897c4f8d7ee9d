"""Blocks of a page that a reader moves: time steps, sliders, and numbers that the page computes from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lstm_bench.report.document import Block


@dataclass(frozen=True)
class Filled:
    """Text with numbers that a page recomputes: `template` has the name of each number in braces.

    "{c}" stands for the number c, "{(c)}" for the same in parentheses where it is negative.
    """

    text: str
    template: str


def fill(template: str, numbers: Mapping[str, str]) -> Filled:
    """Return a template with its numbers in place; those below zero carry a true minus sign."""
    in_brackets = {f"({name})": f"({text})" if text.startswith("−") else text for name, text in numbers.items()}
    return Filled(template.format_map({**numbers, **in_brackets}), template)


@dataclass(frozen=True)
class Slider:
    """A number that a reader moves: its name in templates, label, range, the step of an arrow key, and its start."""

    name: str
    label: str
    least: float
    largest: float
    step: float
    value: float


@dataclass(frozen=True)
class PlayerStep:
    """One time step of a `Player`.

    `word` is its input and `begins` says whether a further sentence begins with it; `value` is what the memory holds
    after it and `share` its size from 0 to 1. `svg` is the diagram and `alt` the template of its alt text, `decision`
    the step in a few words, `blocks` its numbers, and `description` the whole step in words, for screen readers.
    `sliders` set its gates.
    """

    word: str
    begins: bool
    value: Filled
    share: float
    svg: str
    decision: str
    blocks: Sequence[Block]
    description: Filled
    alt: str = ""
    sliders: Sequence[Slider] = ()


@dataclass(frozen=True)
class Player:
    """Time steps from t = 1 on, one shown at a time and chosen with a slider, keys or a click on a word.

    `source` is the origin of the gates that the steps start with, "printed" or "given". `decisions` has the thresholds
    that name a decision: for each quantity, pairs of least value and name, descending.
    """

    steps: Sequence[PlayerStep]
    source: str = "given"
    decisions: Mapping[str, Sequence[tuple[float, str]]] = field(default_factory=dict)


@dataclass(frozen=True)
class ToyCell:
    """A few units of an LSTM that hold a cue, which a page computes and draws from its sliders bias, units and lag."""

    sliders: Sequence[Slider]
