"""A walk through a few words: one LSTM step per word, recomputed from gate values by the equations.

keep = f c_{t-1},   written = i g,   c_t = keep + written,   h_t = o tanh(c_t),   c_0 = h_0 = 0
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import pandas as pd
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from lstm_bench.anatomy.yaml_input import YamlError, read_yaml
from lstm_bench.conf_folder import conf_dir

GATES = ("f", "i", "g", "o")
GATE_RANGES: Mapping[str, tuple[float, float]] = {"f": (0, 1), "i": (0, 1), "g": (-1, 1), "o": (0, 1)}
Quantity = Literal["f", "i", "g", "o", "keep", "written", "c", "tanh(c)", "h"]
Thresholds = Sequence[tuple[float, str]]  # descending: the least value, and its name
Equation = Callable[[Mapping[str, Any]], float]  # of f, i, g, o, "c before" and the quantities before its own

STEP_EQUATIONS: Mapping[str, Equation] = {  # by quantity, in the order of a step
    "keep": lambda n: float(n["f"] * n["c before"]),
    "written": lambda n: float(n["i"] * n["g"]),
    "c": lambda n: float(n["keep"] + n["written"]),
    "tanh(c)": lambda n: math.tanh(n["c"]),
    "h": lambda n: float(n["o"] * n["tanh(c)"]),
}

DECISIONS: Mapping[str, Thresholds] = {
    "f": ((0.8, "keep most"), (0.5, "keep some"), (0.3, "drop most"), (0.0, "reset")),
    "|i g|": ((0.5, "strong write"), (0.15, "some write"), (0.0, "hardly a write")),
    "o": ((0.8, "show most"), (0.5, "show some"), (0.0, "show little")),
}


@dataclass(frozen=True)
class Walk:
    """Sentences as words, gate values by gate, printed values as text by table and quantity, remarks on the source."""

    sentences: Sequence[Sequence[str]]
    gates: Mapping[str, Sequence[float]]
    printed: Mapping[str, Mapping[str, Sequence[str]]]
    remarks: Sequence[str] = ()

    @property
    def words(self) -> list[str]:
        """The words of all sentences, t = 1, 2, ..."""
        return [word for sentence in self.sentences for word in sentence]

    @property
    def boundaries(self) -> list[int]:
        """Each t at which a sentence other than the first begins."""
        ends = [sum(map(len, self.sentences[:n])) for n in range(1, len(self.sentences))]
        return [end + 1 for end in ends]


def seven_words() -> Path:
    """Return the yaml file of the explainer's walk, which comes with the package."""
    return conf_dir() / "walk" / "seven_words.yaml"


Share = Annotated[float, Field(ge=0, le=1)]
SHARES = Field(description="a list of numbers from 0 to 1, one for each word")
Numeral = Annotated[str, Field(pattern=r"^[-+]?\d+(\.\d+)?$")]
Name = Annotated[str, BeforeValidator(str)]


class _Gates(BaseModel):
    model_config = ConfigDict(strict=True)

    f: list[Share] = SHARES
    i: list[Share] = SHARES
    g: list[Annotated[float, Field(ge=-1, le=1)]] = Field(
        description="a list of numbers from -1 to 1, one for each word"
    )
    o: list[Share] = SHARES


class _WalkFile(BaseModel):
    """The content of a walk's yaml file."""

    model_config = ConfigDict(strict=True)

    sentences: list[Annotated[str, Field(pattern=r"\S")]] = Field(min_length=1, description="a list of sentences")
    gates: _Gates = Field(description="a list of numbers for each of f, i, g and o")
    printed: Annotated[
        dict[Name, dict[Quantity, list[Numeral]]],
        BeforeValidator(lambda tables: tables or {}),
        Field(
            description=f"tables of the quantities {', '.join(get_args(Quantity))}, each a list of numbers in quotes, "
            "such as '0.20', one for each word"
        ),
    ] = {}
    remarks: Annotated[
        list[Annotated[str, Field(pattern=r"\S")]],
        BeforeValidator(lambda remarks: remarks or []),
        Field(description="a list of sentences about the source of the printed numbers"),
    ] = []


def load_walk(path: Path) -> Walk:
    """Return the walk of a yaml file: `sentences`, `gates` (f, i, g, o) and, optionally, `printed` and `remarks`.

    Raises: YamlError where the file cannot be read, or a gate or a printed quantity does not have one value per word.
    """
    content = read_yaml(path, "--walk", _WalkFile)
    printed = {
        table: {str(quantity): texts for quantity, texts in columns.items()}
        for table, columns in content.printed.items()
    }
    walk = Walk([sentence.split() for sentence in content.sentences], dict(content.gates), printed, content.remarks)
    for gate, values in walk.gates.items():
        _check_count(f"gates.{gate}", values, len(walk.words))
    for table, columns in walk.printed.items():
        for quantity, texts in columns.items():
            _check_count(f"printed.{table}.{quantity}", texts, len(walk.words))
    return walk


def _check_count(key: str, values: Sequence[object], n_words: int) -> None:
    if len(values) != n_words:
        raise YamlError(f"{key}={len(values)} values: allowed: {n_words}, one for each word")


def choose(walk: Walk, sentence: str) -> tuple[Walk, list[str]]:
    """Return the walk through the words of a sentence, and the words that the walk does not contain.

    A word takes the gate values of its next occurrence in the walk, or of its first where there is no next one.
    Capitals and punctuation do not matter. c and h start at 0, so printed values and remarks are kept only where the
    walk begins with the same words.

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
    return Walk(sentences, gates, printed, walk.remarks) if is_start else Walk(sentences, gates, {})


def recompute(walk: Walk) -> pd.DataFrame:
    """Return one row per word: t, word, f, i, g, o, c before, h before, keep, written, c, tanh(c), h, decision."""
    rows, c, h = list[dict[str, Any]](), 0.0, 0.0
    for t, word in enumerate(walk.words, start=1):
        row: dict[str, Any] = {"t": t, "word": word} | {gate: float(walk.gates[gate][t - 1]) for gate in GATES}
        row |= {"c before": c, "h before": h}
        for quantity, equation in STEP_EQUATIONS.items():
            row[quantity] = equation(row)
        c, h = row["c"], row["h"]
        rows.append(row | {"decision": decision(row["f"], row["written"], row["o"])})
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
