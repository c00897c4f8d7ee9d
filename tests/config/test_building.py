import enum
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Literal

import pytest

from lstm_bench.config.building import build
from lstm_bench.config.errors import ConfigError
from lstm_bench.tasks.copy import CopyTask


class PlugIn:
    def __init__(self, input_size: int, width: int, kind: Literal["a", "b"] = "a", share: float = 0.5) -> None:
        self.made_of = (input_size, width, kind, share)


def test_settings_reach_the_constructor_beside_what_is_supplied():
    assert build(PlugIn, {"width": 3, "share": 1}, "cell", input_size=7).made_of == (7, 3, "a", 1.0)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"width": "3"}, "cell.width=3: allowed: a valid integer"),
        ({"width": True}, "cell.width=True: allowed: a valid integer"),
        ({"width": 3, "kind": "c"}, "cell.kind=c: allowed: 'a' or 'b'"),
        ({"width": 3, "share": float("nan")}, "cell.share=nan: allowed: a finite number"),
        ({"width": 3, "wide": 1}, "cell.wide=1: allowed: the keys width, kind, share"),
        ({}, "cell.width is missing: give it a value"),
        ({"width": 3, "input_size": 4}, "cell.input_size=4: allowed: the keys width, kind, share"),
    ],
)
def test_what_the_signature_does_not_allow_is_named(settings, told):
    with pytest.raises(ConfigError) as refused:
        build(PlugIn, settings, "cell", input_size=7)
    assert str(refused.value) == told


def test_a_constructors_own_range_check_is_told_with_its_key():
    with pytest.raises(ConfigError, match=r"^task\.lag=0: allowed: an integer of at least 1$"):
        build(CopyTask, {"lag": 0}, "task")


class Where(enum.Enum):
    EARLY = "early"
    LATE = "late"


class Typed:
    def __init__(
        self,
        leaks: tuple[float, float] = (0.1, 1.0),
        layers: tuple[int, ...] = (),
        kinds: set[str] | None = None,
        frozen: frozenset[int] = frozenset(),
        where: Where = Where.EARLY,
        places: Sequence[Where | None] = (),
        pairs: list[tuple[str, int]] | None = None,
        by_name: dict[str, tuple[int, int]] | None = None,
        path: Path | None = None,
        bare: tuple = (),
        model_dump: int = 0,
    ) -> None:
        self.values = dict(locals())


@pytest.mark.parametrize(
    ("name", "value", "built"),
    [
        ("leaks", [0.1, 1], (0.1, 1.0)),
        ("layers", [1, 2, 3], (1, 2, 3)),
        ("kinds", ["a", "b", "a"], {"a", "b"}),
        ("kinds", None, None),
        ("frozen", [1, 2], frozenset({1, 2})),
        ("where", "late", Where.LATE),
        ("where", "LATE", Where.LATE),
        ("places", ["early", None, "LATE"], [Where.EARLY, None, Where.LATE]),
        ("pairs", [["a", 1]], [("a", 1)]),
        ("by_name", {"a": [1, 2]}, {"a": (1, 2)}),
        ("path", "a/b", Path("a/b")),
        ("bare", [1, "a"], (1, "a")),
    ],
)
def test_what_yaml_has_no_type_for_is_built_from_what_it_has(name, value, built):
    value = build(Typed, {name: value}, "cell").values[name]
    assert value == built
    assert type(value) is type(built)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("leaks", [0.1], "[0.1]: allowed: tuple[float, float]"),
        ("leaks", [0.1, 1, 2], "[0.1, 1, 2]: allowed: tuple[float, float]"),
        ("leaks", [0.1, "1"], "[0.1, '1']: allowed: a valid number"),
        ("leaks", [0.1, True], "[0.1, True]: allowed: a valid number"),
        ("leaks", 3, "3: allowed: a valid tuple"),
        ("layers", "123", "123: allowed: a valid tuple"),
        ("kinds", [1], "[1]: allowed: a valid string"),
        ("where", "middle", "middle: allowed: 'early' or 'late'"),
        ("where", ["early"], "['early']: allowed: 'early' or 'late'"),
        ("path", 3, "3: allowed: "),
    ],
)
def test_what_is_in_a_list_is_checked_as_strictly(name, value, told):
    with pytest.raises(ConfigError) as refused:
        build(Typed, {name: value}, "cell")
    assert str(refused.value).startswith(f"cell.{name}={told}")


LATE = """
from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nowhere import Nothing


def unit(width: int, nothing: Nothing = None, many: list[Nothing] = None, words: "how many" = 1, *, rng: Nothing = 0):
    return width, nothing, many, words


class Unit:
    def __init__(self, width: int, nothing: Nothing | None = None) -> None:
        self.width = width
"""


@pytest.fixture
def late(monkeypatch):
    module = ModuleType("late_imports")
    monkeypatch.setitem(sys.modules, "late_imports", module)
    exec(LATE, vars(module))
    return module


def test_an_annotation_without_meaning_at_run_time_leaves_its_own_argument_unchecked(late):
    assert build(late.unit, {"width": 3, "nothing": 1, "many": [2], "words": "x"}, "probe.mine") == (3, 1, [2], "x")
    assert build(late.Unit, {"width": 3}, "cell").width == 3


@pytest.mark.parametrize("name", ["unit", "Unit"])
def test_the_other_arguments_are_checked_all_the_same(late, name):
    with pytest.raises(ConfigError, match=r"^cell\.width=3: allowed: a valid integer$"):
        build(getattr(late, name), {"width": "3"}, "cell")
