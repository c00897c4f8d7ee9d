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
