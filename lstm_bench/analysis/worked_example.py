"""A walk through a few words with given gate values, recomputed from the equations.

keep = f c_{t-1},   written = i g,   c_t = keep + written,   h_t = o tanh(c_t),   c_0 = h_0 = 0
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from lstm_bench.analysis.walk_decision import decision
from lstm_bench.analysis.yaml_input import YamlError, numbers, read_mapping

GATES = {"f": 0.0, "i": 0.0, "g": -1.0, "o": 0.0}  # with the least that each can be; the most is 1
QUANTITIES = (*GATES, "keep", "written", "c", "tanh(c)", "h")
TABLES: Mapping[str, Sequence[str]] = {
    "Forget gate": ("f", "c before", "keep"),
    "Input gate": ("i", "g", "written"),
    "Output gate": ("o", "tanh(c)", "h"),
    "Cell state": ("c before", "keep", "written", "c"),
    "Complete": ("f", "i", "g", "o", "keep", "written", "c", "tanh(c)", "h", "decision"),
}
NUMERAL = re.compile(r"[-+]?\d+(\.\d+)?")
Printed = Mapping[str, Mapping[str, Sequence[str]]]


@dataclass(frozen=True)
class Walk:
    """Sentences as words, gate values by gate, and printed values as text by table and quantity."""

    sentences: Sequence[Sequence[str]]
    gates: Mapping[str, Sequence[float]]
    printed: Printed

    @property
    def words(self) -> list[str]:
        """The words of all sentences, t = 1, 2, ..."""
        return [word for sentence in self.sentences for word in sentence]

    @property
    def boundaries(self) -> list[int]:
        """Each t at which a further sentence begins."""
        ends = [sum(map(len, self.sentences[:n])) for n in range(1, len(self.sentences))]
        return [end + 1 for end in ends]


def load_walk(path: Path) -> Walk:
    """Return the walk of a yaml file with `sentences`, `gates` (f, i, g, o) and, where there are any, `printed` values.

    Raises: YamlError where the file cannot be read, or a gate or a printed quantity has not one value for each word.
    """
    return walk_from(read_mapping(path, "--walk"))


def walk_from(content: Mapping[str, Any]) -> Walk:
    """Return the walk that such a file holds; raises as `load_walk`."""
    sentences = content.get("sentences")
    if not isinstance(sentences, list) or not all(isinstance(s, str) and s.split() for s in sentences) or not sentences:
        raise YamlError(f"sentences={'' if sentences is None else sentences}: allowed: a list of sentences")
    words = [sentence.split() for sentence in sentences]
    n = sum(map(len, words))
    gates, printed = content.get("gates"), content.get("printed") or {}
    if not isinstance(gates, dict):
        raise YamlError("gates=: allowed: a list of numbers for each of f, i, g and o")
    return Walk(words, {gate: _gate_values(gate, gates.get(gate), n) for gate in GATES}, _printed(printed, n))


def _gate_values(gate: str, values: Any, n: int) -> list[float]:
    found, key, least = numbers(f"gates.{gate}", values), f"gates.{gate}", GATES[gate]
    odd = next((value for value in found if not least <= value <= 1), None)
    if odd is not None:
        raise YamlError(f"{key}={odd:g}: allowed: numbers from {least:g} to 1")
    return _one_a_word(key, found, n)


def _one_a_word(key: str, values: list[Any], n: int) -> list[Any]:
    if len(values) != n:
        raise YamlError(f"{key}={len(values)} values: allowed: {n}, one for each word")
    return values


def _printed(tables: Any, n: int) -> Printed:
    if not isinstance(tables, dict) or not all(isinstance(rows, dict) for rows in tables.values()):
        raise YamlError("printed=: allowed: tables of quantities, each with its values as text")
    return {
        str(table): {str(name): _texts(f"printed.{table}.{name}", name, values, n) for name, values in rows.items()}
        for table, rows in tables.items()
    }


def _texts(key: str, quantity: str, values: Any, n: int) -> list[str]:
    if quantity not in QUANTITIES:
        raise YamlError(f"{key}: allowed: the quantities {', '.join(QUANTITIES)}")
    found = values if isinstance(values, list) else [values]
    odd = [value for value in found if not isinstance(value, str) or not NUMERAL.fullmatch(value)]
    if odd:
        raise YamlError(f"{key}={odd[0]}: allowed: numbers in quotes, such as '0.20'")
    return _one_a_word(key, found, n)


def choose(walk: Walk, sentence: str) -> tuple[Walk, list[str]]:
    """Return the walk through the words of a sentence, and those of them that the walk does not know.

    A word takes the gate values of its next place in the walk, or of its first where there is no further one; capitals
    and punctuation do not matter. c and h start at 0, so printed values are kept only where the words are those that
    the walk begins with.

    Raises: YamlError for a sentence with no known word.
    """
    known, asked = [_plain(word) for word in walk.words], list(filter(_plain, sentence.split()))
    places, unknown = list[int](), list[str]()
    for word in asked:
        plain = _plain(word)
        if plain not in known:
            unknown.append(word)
            continue
        after = places[-1] + 1 if places else 0
        places.append(known.index(plain, after if plain in known[after:] else 0))
    if not places:
        raise YamlError(f"--sentence={sentence}: allowed: at least one word of {', '.join(dict.fromkeys(walk.words))}")
    return _narrowed(walk, places), unknown


def _plain(word: str) -> str:
    return re.sub(r"\W", "", word).casefold()


def _narrowed(walk: Walk, places: Sequence[int]) -> Walk:
    starts = [t - 1 for t in walk.boundaries]
    sentences = list[list[str]]()
    for place in places:
        if not sentences or place in starts:
            sentences.append([])
        sentences[-1].append(walk.words[place])
    gates = {gate: [values[place] for place in places] for gate, values in walk.gates.items()}
    is_start = list(places) == list(range(len(places)))
    printed = {
        table: {quantity: values[: len(places)] for quantity, values in rows.items()}
        for table, rows in walk.printed.items()
    }
    return Walk(sentences, gates, printed if is_start else {})


def recompute(walk: Walk) -> pd.DataFrame:
    """Return one row a word: t, word, f, i, g, o, c before, h before, keep, written, c, tanh(c), h, decision."""
    rows, c, h = list[dict[str, Any]](), 0.0, 0.0
    for t, word in enumerate(walk.words, start=1):
        f, i, g, o = (float(walk.gates[gate][t - 1]) for gate in GATES)
        row = {"t": t, "word": word, "f": f, "i": i, "g": g, "o": o, "c before": c, "h before": h}
        keep, written = f * c, i * g
        c = keep + written
        h = o * math.tanh(c)
        row |= {"keep": keep, "written": written, "c": c, "tanh(c)": math.tanh(c), "h": h}
        rows.append(row | {"decision": decision(f, written, o)})
    return pd.DataFrame(rows)
