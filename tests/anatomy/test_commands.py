"""python -m lstm_bench.anatomy: what it prints and writes, and what it says of bad input."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from lstm_bench.anatomy.__main__ import main

HALVES = {"x": [1.0], "h": [0.5], "c": [-1.0]} | {
    **{f"W_{gate}": [[0.0, 0.0]] for gate in "fio"}, **{f"b_{gate}": [0.0] for gate in "fio"},
    "W_g": [[0.0, 2.0]], "b_g": [-1.0],
}  # fmt: skip
HALVED = """\
x         1.0000
h before  0.5000
c before  -1.0000
[h, x]    0.5000  1.0000

W over [h, x], and b; split by columns W = [U, V], U over h and V over x: W [h, x] = U h + V x

gate  unit      h1      x1        b     U h     V x  W [h, x]
   f     1  0.0000  0.0000   0.0000  0.0000  0.0000    0.0000
   i     1  0.0000  0.0000   0.0000  0.0000  0.0000    0.0000
   g     1  0.0000  2.0000  -1.0000  0.0000  2.0000    2.0000
   o     1  0.0000  0.0000   0.0000  0.0000  0.0000    0.0000

pre = W [h, x] + b; f, i, o = sigmoid(pre); g = tanh(pre); keep = f c before; write = i g; c = keep + write; h = o tanh(c)

unit   pre f   pre i   pre g   pre o       f       i       g       o     keep   write        c   tanh c        h
   1  0.0000  0.0000  1.0000  0.0000  0.5000  0.5000  0.7616  0.5000  -0.5000  0.3808  -0.1192  -0.1186  -0.0593

A sigmoid lies strictly between 0 and 1; computed in float32 it is exactly 1 from 16.64 on, and exactly 0 from -88.72 down.

step.svg
step.png
"""  # noqa: E501
AUDIT = """\
table           quantity  1 Deep      2 learning  3 is        4 fun       5 I         6 love      7 learning
complete table  c         0.72        0.63        0.22        0.91        0.78        1.64        1.45
complete table  h         0.43        0.29 !0.28  0.07        0.72 !0.65  0.44 !0.39  0.89 !0.79  0.75 !0.58
output table    o         0.7         0.5         0.3         0.9         0.6         0.85        0.65
output table    tanh(c)   0.6         0.4 !0.6    0.3 !0.2    0.8 !0.7    0.5 !0.7    0.85 !0.93  0.6 !0.9
output table    h         0.42 ~0.43  0.20 !0.28  0.09 !0.07  0.72 !0.65  0.30 !0.39  0.72 !0.79  0.39 !0.58
"""
CELL_STATE = """\
Cell state: c = keep + written
t  word      c before   keep  written      c
1  Deep         0.000  0.000    0.720  0.720
2  learning     0.720  0.432    0.200  0.632
3  is           0.632  0.253   -0.030  0.223
4  fun          0.223  0.189    0.720  0.909
5  I            0.909  0.182    0.595  0.777
6  love         0.777  0.738    0.903  1.641
7  learning     1.641  1.148    0.300  1.448
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def numbers_file(**change: object) -> str:
    Path("numbers.yaml").write_text(yaml.safe_dump({k: v for k, v in (HALVES | change).items() if v is not ...}))
    return "--numbers=numbers.yaml"


def test_a_step_of_given_numbers_is_printed_to_the_byte(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["step", numbers_file(), "--output=."]) == 0
    assert capsys.readouterr().out == HALVED
    assert Path("step.svg").read_text().startswith("<?xml")
    assert Path("step.png").read_bytes().startswith(b"\x89PNG")


def test_a_seed_gives_the_same_bytes_again_and_another_gives_others(capsys: pytest.CaptureFixture[str]) -> None:
    def printed(seed: int, folder: str) -> str:
        assert main(["step", "--hidden-size=3", "--input-size", "2", f"--seed={seed}", f"--output={folder}"]) == 0
        return capsys.readouterr().out.partition(f"{folder}/")[0]

    assert printed(1, "a") == printed(1, "b") != printed(2, "c")
    assert Path("a/step.svg").read_bytes() == Path("b/step.svg").read_bytes() != Path("c/step.svg").read_bytes()


def test_the_walk_is_printed_to_the_byte(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["walk"]) == 0
    out = capsys.readouterr().out
    for table in ("Forget gate", "Input gate", "Output gate", "Cell state", "Complete", "Decisions", "Audit"):
        assert f"\n{table}" in out
    assert CELL_STATE in out
    assert AUDIT in out
    assert "\n- The source calls its values illustrative approximations.\n" in out
    assert out.isascii()
    assert out.endswith("\nreports/anatomy/walk.html\n")
    first = Path("reports/anatomy/walk.html").read_bytes()
    assert main(["walk"]) == 0
    assert capsys.readouterr().out == out
    assert Path("reports/anatomy/walk.html").read_bytes() == first


def test_a_sentence_is_walked_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["walk", "--sentence", "I love deep learning, really"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Walk: I love Deep learning\nNot in the walk, so left out: really\n")
    assert "Audit: no numbers are printed for this walk." in out


def test_a_walk_of_ones_own(capsys: pytest.CaptureFixture[str]) -> None:
    content = {"sentences": ["so it goes"], "gates": {gate: [0.5, 0.25, 0.125] for gate in "figo"}}
    Path("mine.yaml").write_text(yaml.safe_dump(content))
    assert main(["walk", "--walk=mine.yaml", "--output=out"]) == 0
    assert "3  goes  0.125" in capsys.readouterr().out
    assert "goes" in Path("out/walk.html").read_text()


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 0
    assert "python -m lstm_bench.anatomy walk" in capsys.readouterr().out


BAD = [
    (["stpe"], "anatomy=stpe: allowed: step, walk"),
    (["step", "--hidden-size=0"], "--hidden-size=0: allowed: an integer from 1 to 1024"),
    (["step", "--hidden-size=abc"], "--hidden-size=abc: allowed: an integer from 1 to 1024"),
    (["step", "--hidden-size="], "--hidden-size=: allowed: an integer from 1 to 1024"),
    (["step", "--input-size=1000000000"], "--input-size=1000000000: allowed: an integer from 1 to 1024"),
    (["step", "--seed=-1"], "--seed=-1: allowed: an integer from 0 to "),
    (["step", "--seed"], "--seed: expected one argument: allowed: what --help says"),
    (["step", "--seeds=1"], "--seeds=1: allowed: --help, --output, --input-size, --hidden-size, --seed, --numbers"),
    (["step", "more"], "more: allowed: --help, "),
    (["step", "--numbers=nowhere.yaml"], "--numbers=nowhere.yaml: allowed: a file that can be read (No such file"),
    (["step", "--numbers=."], "--numbers=.: allowed: a file that can be read"),
    (["step", "--numbers=a.yaml", "--seed=3"], "--seed=3: allowed: no size and no seed with --numbers"),
    (["step", "--output=/proc/nowhere"], "--output=/proc/nowhere: allowed: a folder that can be written"),
    (["walk", "--walk=nowhere.yaml"], "--walk=nowhere.yaml: allowed: a file that can be read (No such file"),
    (["walk", "--sentence=xylophones\nsing"], "--sentence=xylophones sing: allowed: at least one word of Deep, "),
    (["walk", "--output=/proc/nowhere"], "--output=/proc/nowhere: allowed: a folder that can be written"),
]


@pytest.mark.parametrize(("arguments", "expected"), BAD, ids=[" ".join(arguments) for arguments, _ in BAD])
def test_bad_input_is_refused_in_one_line_and_leaves_nothing(
    arguments: list[str], expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(expected)
    assert captured.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("gate", "value", "allowed"),
    [("f", 1.01, "0 to 1"), ("i", -0.1, "0 to 1"), ("o", 2, "0 to 1"), ("g", -1.5, "-1 to 1"), ("g", 1.001, "-1 to 1")],
)
def test_a_walk_with_a_gate_out_of_range_is_refused_in_one_line(
    gate: str, value: float, allowed: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gates = {name: [0.5, 0.5] for name in "figo"} | {gate: [0.5, value]}
    Path("bad.yaml").write_text(yaml.safe_dump({"sentences": ["so it"], "gates": gates}))
    assert main(["walk", "--walk=bad.yaml"]) == 2
    captured = capsys.readouterr()
    expected = f"gates.{gate}={value}: allowed: a list of numbers from {allowed}, one for each word\n"
    assert (captured.out, captured.err) == ("", expected)
    assert [path.name for path in tmp_path.iterdir()] == ["bad.yaml"]


BAD_NUMBERS = [
    ({"x": [1.0, 2.0]}, "W_i=1 rows of 2 numbers: allowed: 1 rows of 3 numbers, for [h, x]"),
    ({"h": []}, "h=0 numbers: allowed: 1 number"),
    ({"c": [float("nan")]}, "c=nan: allowed: finite numbers"),
    ({"c": ["nan"]}, "c=nan: allowed: a list of numbers"),
    ({"c": 3}, "c=3: allowed: a list of numbers"),
    ({"W_f": [[0.0, float("inf")]]}, "W_f=inf: allowed: finite numbers"),
    ({"W_f": [0.0, 0.0]}, "W_f=0.0: allowed: a list of rows"),
    ({"W_f": "abc"}, "W_f=abc: allowed: a list of rows"),
    ({"b_o": ...}, "b_o=: allowed: a list of numbers"),
    ({"y": 1}, "y=1: allowed: the keys x, h, c, W_f, "),
]


@pytest.mark.parametrize(("change", "expected"), BAD_NUMBERS)
def test_numbers_that_make_no_step_are_refused_in_one_line(
    change: dict[str, object], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["step", numbers_file(**change)]) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err.count("\n")) == ("", 1)
    assert captured.err.startswith(expected)
    assert not Path("reports").exists()


def test_it_runs_as_a_module(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-m", "lstm_bench.anatomy", "walk", "--sentence=xylophone"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False, timeout=300)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_a_reader_that_has_read_enough_costs_nothing(tmp_path):
    command = f"{sys.executable} -m lstm_bench.anatomy walk --output {tmp_path} | head -1"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert (done.stderr, (tmp_path / "walk.html").is_file()) == ("", True)
