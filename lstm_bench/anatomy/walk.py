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

from lstm_bench.anatomy.yaml_input import YamlError, numbers, read_mapping
from lstm_bench.conf_folder import conf_dir

GATES = {"f": 0.0, "i": 0.0, "g": -1.0, "o": 0.0}  # with the least value of each; the largest is 1
QUANTITIES = (*GATES, "keep", "written", "c", "tanh(c)", "h")
NUMERAL = re.compile(r"[-+]?\d+(\.\d+)?")
Printed = Mapping[str, Mapping[str, Sequence[str]]]
Thresholds = Sequence[tuple[float, str]]  # descending: the least value, and what it is called

DECISIONS: Mapping[str, Thresholds] = {
    "f": ((0.8, "keep most"), (0.5, "keep some"), (0.3, "drop most"), (0.0, "reset")),
    "|i g|": ((0.5, "strong write"), (0.15, "some write"), (0.0, "hardly a write")),
    "o": ((0.8, "show most"), (0.5, "show some"), (0.0, "show little")),
}


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


def seven_words() -> Path:
    """Return the yaml file of the explainer's walk, which comes with the package."""
    return conf_dir() / "walk" / "seven_words.yaml"


def load_walk(path: Path) -> Walk:
    """Return the walk of a yaml file with `sentences`, `gates` (f, i, g, o) and, optionally, `printed` values.

    Raises: YamlError where the file cannot be read, or a gate or a printed quantity has not one value for each word.
    """
    content = read_mapping(path, "--walk")
    sentences = content.get("sentences")
    if not isinstance(sentences, list) or not all(isinstance(s, str) and s.split() for s in sentences) or not sentences:
        raise YamlError(f"sentences={'' if sentences is None else sentences}: allowed: a list of sentences")
    words = [sentence.split() for sentence in sentences]
    n_words = sum(map(len, words))
    gates, printed = content.get("gates"), content.get("printed") or {}
    if not isinstance(gates, dict):
        raise YamlError("gates=: allowed: a list of numbers for each of f, i, g and o")
    gate_values = {gate: _gate_values(gate, gates.get(gate), n_words) for gate in GATES}
    return Walk(words, gate_values, _printed(printed, n_words))


def _gate_values(gate: str, content: Any, n_words: int) -> list[float]:
    key, least = f"gates.{gate}", GATES[gate]
    values = numbers(key, content)
    outside = next((value for value in values if not least <= value <= 1), None)
    if outside is not None:
        raise YamlError(f"{key}={outside:g}: allowed: numbers from {least:g} to 1")
    return _one_a_word(key, values, n_words)


def _one_a_word(key: str, values: list[Any], n_words: int) -> list[Any]:
    if len(values) != n_words:
        raise YamlError(f"{key}={len(values)} values: allowed: {n_words}, one for each word")
    return values


def _printed(tables: Any, n_words: int) -> Printed:
    if not isinstance(tables, dict) or not all(isinstance(columns, dict) for columns in tables.values()):
        raise YamlError("printed=: allowed: tables of quantities, each with its values as text")
    return {
        str(table): {
            str(quantity): _texts(f"printed.{table}.{quantity}", quantity, values, n_words)
            for quantity, values in columns.items()
        }
        for table, columns in tables.items()
    }


def _texts(key: str, quantity: str, content: Any, n_words: int) -> list[str]:
    if quantity not in QUANTITIES:
        raise YamlError(f"{key}: allowed: the quantities {', '.join(QUANTITIES)}")
    values = content if isinstance(content, list) else [content]
    not_numerals = [value for value in values if not isinstance(value, str) or not NUMERAL.fullmatch(value)]
    if not_numerals:
        raise YamlError(f"{key}={not_numerals[0]}: allowed: numbers in quotes, such as '0.20'")
    return _one_a_word(key, values, n_words)


def choose(walk: Walk, sentence: str) -> tuple[Walk, list[str]]:
    """Return the walk through the words of a sentence, and those of them that the walk does not have.

    A word takes the gate values of its next place in the walk, or of its first place where there is no next one.
    Capitals and punctuation do not matter. c and h start at 0, so printed values are kept only where the words are
    those that the walk begins with.

    Raises: YamlError for a sentence that has no word of the walk.
    """
    known, words = [_plain(word) for word in walk.words], list(filter(_plain, sentence.split()))
    places, unknown = list[int](), list[str]()
    for word in words:
        plain = _plain(word)
        if plain not in known:
            unknown.append(word)
            continue
        after = places[-1] + 1 if places else 0
        places.append(known.index(plain, after if plain in known[after:] else 0))
    if not places:
        raise YamlError(f"--sentence={sentence}: allowed: at least one word of {', '.join(dict.fromkeys(walk.words))}")
    return _at_places(walk, places), unknown


def _plain(word: str) -> str:
    return re.sub(r"\W", "", word).casefold()


def _at_places(walk: Walk, places: Sequence[int]) -> Walk:
    starts = [t - 1 for t in walk.boundaries]
    sentences = list[list[str]]()
    for place in places:
        if not sentences or place in starts:
            sentences.append([])
        sentences[-1].append(walk.words[place])
    gates = {gate: [values[place] for place in places] for gate, values in walk.gates.items()}
    is_start = list(places) == list(range(len(places)))
    printed = {
        table: {quantity: values[: len(places)] for quantity, values in columns.items()}
        for table, columns in walk.printed.items()
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


def decision(f: float, written: float, o: float) -> str:
    """Return in words what a step keeps (by f), writes (by i g) and shows (by o), by the thresholds of DECISIONS."""
    values = (("f", f), ("|i g|", abs(written)), ("o", o))
    keep, write, show = (_name(value, DECISIONS[quantity]) for quantity, value in values)
    is_written = abs(written) >= DECISIONS["|i g|"][-2][0]
    if written < 0 and is_written:
        write = write.replace("write", "negative write")
    return f"{keep}, {write}, {show}"


def _name(value: float, thresholds: Thresholds) -> str:
    return next(name for least, name in thresholds if value >= least)


def decision_rules() -> list[str]:
    """Return the thresholds of each quantity in a line: "f: keep most from 0.8, ..., reset below"."""
    return [f"{quantity}: {', '.join(_rule(thresholds))}" for quantity, thresholds in DECISIONS.items()]


def _rule(thresholds: Thresholds) -> list[str]:
    return [f"{name} from {least:g}" for least, name in thresholds[:-1]] + [f"{thresholds[-1][1]} below"]
