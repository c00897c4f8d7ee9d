"""Bars move on a terminal that a person watches, and nowhere else."""

import io

import pytest

from lstm_bench.study.base_study import screen


class Output(io.StringIO):
    def __init__(self, is_terminal: bool) -> None:
        super().__init__()
        self.is_terminal = is_terminal

    def isatty(self) -> bool:
        return self.is_terminal


@pytest.mark.parametrize(
    ("writes_to_terminal", "environment", "moves"),
    [
        (True, {}, True),
        (False, {}, False),
        (False, {"FORCE_COLOR": "1"}, False),
        (True, {"JPY_PARENT_PID": "7", "FORCE_COLOR": "1"}, False),
    ],
    ids=["terminal", "file", "captured by a notebook", "a notebook's command after !"],
)
def test_where_bars_move(
    writes_to_terminal: bool, environment: dict[str, str], moves: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FORCE_COLOR", "JPY_PARENT_PID", "TTY_COMPATIBLE", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdout", Output(writes_to_terminal))
    assert screen().is_terminal == moves


def test_plain_lines_hold_no_control_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    output = Output(is_terminal=True)
    monkeypatch.setenv("JPY_PARENT_PID", "7")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr("sys.stdout", output)
    screen().print("[bold]12 of 24[/bold] jobs done")
    assert output.getvalue() == "12 of 24 jobs done\n"
