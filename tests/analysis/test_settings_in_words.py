"""Values of settings in words."""

from typing import Any

import pytest

from lstm_bench.analysis.settings_in_words import value_in_words, values_in_words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "none"), (0.003, "0.003"), (3.0, "3"), (67108864, "67108864"), (True, "True"), ("relu", "relu"),
        ([2, [0.5, None]], "[2, [0.5, none]]"), ({"_target_": "a.B", "low": 1, "high": [2]}, "low 1; high [2]"),
    ],
)  # fmt: skip
def test_a_value(value: Any, words: str) -> None:
    assert value_in_words(value) == words


@pytest.mark.parametrize(
    ("values", "most", "words"),
    [
        ([32, 4, 8, 4.0], None, "4, 8, 32"),
        (["tanh", 2, None, "tanh"], None, "2, tanh, none"),
        ([8, 4, 2], 2, "2, ..., 8"),
        ([8, 4], 2, "4, 8"),
        ([False, True, 1], None, "1, False, True"),
        ([], None, ""),
    ],
)
def test_distinct_values_stand_in_order_and_many_are_cut(values: list[Any], most: int | None, words: str) -> None:
    assert values_in_words(values, most) == words
