"""The lesson for a class runs from top to bottom, and its numbers are right."""

import json
import math
import re
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest
import torch
from nbclient import NotebookClient
from torch import Tensor, nn

from lstm_bench.python_process import environment_with, import_path

LESSON = Path(__file__).parents[1] / "experiments" / "classroom" / "lesson.ipynb"
QUESTIONS = ("question-1", "question-2")
NETWORKS = ("RNN, PyTorch's start", "RNN, orthogonal", "LSTM, PyTorch's start", "LSTM, forget bias 3")
SHOW_NUMBERS = """\
torch.save({name: cell.state_dict() for name, cell in cells.items()} | {"x": x}, "cells.pt")
Path("numbers.json").write_text(
    __import__("json").dumps(
        {
            "norms": {name: flow.norms for name, flow in flows.items()},
            "decay": {name: flow.decay for name, flow in flows.items()},
            "gradients": gradients.to_dict("index"),
            "step": {"keep": keep, "written": written, "c": c, "h": h},
            "walk": steps.to_dict("list"),
            "audited": audited.to_dict("records"),
            "comparison": comparison.to_dict("index"),
            "claims": claims.to_dict("records"),
            "reason": judged[0].because,
            "other_claims": len(all_rulings) - len(judged),
        }
    )
)
"""
Numbers = Mapping[str, Any]


@pytest.fixture(scope="module")
def notebook() -> nbformat.NotebookNode:
    return nbformat.read(LESSON, as_version=4)


@pytest.fixture(scope="module")
def folder(notebook: nbformat.NotebookNode, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which the lesson was run; nbclient raises where a cell does."""
    folder = tmp_path_factory.mktemp("lesson")
    lesson = deepcopy(notebook)
    lesson.cells.append(nbformat.v4.new_code_cell(SHOW_NUMBERS))
    environment = environment_with(import_path()) | {"IPYTHONDIR": str(folder / "ipython")}
    environment.pop("MPLBACKEND", None)  # the notebook's own: figures are shown inline
    client = NotebookClient(lesson, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    client.execute(env=environment)
    nbformat.write(lesson, folder / "executed.ipynb")
    return folder


@pytest.fixture(scope="module")
def numbers(folder: Path) -> Numbers:
    loaded: Numbers = json.loads((folder / "numbers.json").read_text())
    return loaded


def answers_of(notebook: nbformat.NotebookNode) -> dict[str, str]:
    """Return the text that is folded away in each question."""
    sources = {cell.id: cell.source for cell in notebook.cells}
    return {name: sources[name].partition("<details>")[2] for name in QUESTIONS}


def text_of(notebook: nbformat.NotebookNode, name: str) -> str:
    return next(str(cell.source) for cell in notebook.cells if cell.id == name)


def test_outputs_are_cleared(notebook: nbformat.NotebookNode) -> None:
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code
    assert all(not cell.outputs and cell.execution_count is None for cell in code)


def test_answers_are_folded_away(notebook: nbformat.NotebookNode) -> None:
    for name in QUESTIONS:
        question, answer = text_of(notebook, name).split("<details>")
        assert "**Question" in question
        assert re.fullmatch(r"\n<summary>Answer</summary>\n\n.+\n\n</details>", answer, re.DOTALL)
        assert not re.search(r"0\.6%|0\.9931|4\.97|10\.9", question)


def test_answers_are_what_the_formulas_give(notebook: nbformat.NotebookNode) -> None:
    first, second = answers_of(notebook).values()
    assert f"10 times is {0.53**10:.4f}, 11 times {0.53**11:.4f}" in first
    assert f"= {math.log(1e-3) / math.log(0.53):.1f}." in first
    half = 0.5 ** (1 / 100)
    assert f"{0.95**100:.4f}, so **{0.95**100:.1%}**" in second
    assert f"**{half:.4f}**" in second
    assert f"b = {math.log(half / (1 - half)):.2f}" in second


def test_the_first_cell_installs_a_wheel_and_says_when_to_restart(
    notebook: nbformat.NotebookNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Colab, where nothing is installed yet and the kernel has loaded an older NumPy."""
    first, wheel = next(cell.source for cell in notebook.cells if cell.cell_type == "code"), "lstm_bench-0.1.0-any.whl"
    commands = list[list[str]]()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("subprocess.run", lambda command, check: commands.append(command))
    with pytest.raises(AssertionError, match="Upload the wheel"):
        exec(first, {})
    (tmp_path / wheel).touch()
    exec(first, {})
    assert commands == [[sys.executable, "-m", "pip", "install", "--quiet", wheel]]
    monkeypatch.setitem(sys.modules, "numpy", SimpleNamespace(__version__="1.26.4"))
    with pytest.raises(AssertionError, match="Restart session"):
        exec(first, {})


def test_no_cell_warns_and_both_pictures_are_shown(folder: Path) -> None:
    executed = nbformat.read(folder / "executed.ipynb", as_version=4)
    outputs = {cell.id: cell.outputs for cell in executed.cells if cell.cell_type == "code"}
    assert [text for cell in outputs.values() for text in cell if text.get("name") == "stderr"] == []
    for name in ("gradient-plot", "solve-rates"):
        assert any("image/png" in output.get("data", {}) for output in outputs[name])


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_are_those_of_autograd_through_the_layers_of_torch(folder: Path, numbers: Numbers, name: str) -> None:
    saved = torch.load(folder / "cells.pt", weights_only=True)
    x, norms = saved["x"].double(), numbers["norms"][name]
    layer = {"RNN": nn.RNN, "LSTM": nn.LSTM}[name[: name.index(",")]](x.shape[2], 64, dtype=torch.float64)
    layer.load_state_dict({f"{key}_l0": value for key, value in saved[name].items()})
    v = torch.randn(64, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    assert len(norms) == len(x) + 1
    for k in (1, 10, 60):
        assert norms[k] == pytest.approx(gradient_left(layer, x, v / v.norm(), k), rel=1e-9)


def gradient_left(layer: nn.Module, x: Tensor, v: Tensor, k: int) -> float:
    """Return exp(mean ln ||d (v . h_T) / d s_{T-k}||) over the sequences, s = h or (h, c)."""
    state = layer(x[:-k])[1]
    parts = [part.detach().requires_grad_() for part in (state if isinstance(state, tuple) else (state,))]
    outputs = layer(x[-k:], tuple(parts) if len(parts) == 2 else parts[0])[0]
    gradients = torch.autograd.grad((outputs[-1] @ v).sum(), parts)
    return float(torch.cat(gradients, dim=2)[0].norm(dim=1).log().mean().exp())


def test_the_text_says_what_the_table_of_gradients_shows(notebook: nbformat.NotebookNode, numbers: Numbers) -> None:
    table, (rnn, _, lstm, _) = numbers["gradients"], numbers["norms"].values()
    first_below = [next(k for k, norm in enumerate(norms) if norm < 1e-3) for norms in (rnn, lstm)]
    assert "after {} and {} steps".format(*first_below) in text_of(notebook, "gradient-result")
    columns = ["steps until less than 1/1000 is left", "factor a step"]
    assert [table["RNN, PyTorch's start"][name] for name in columns] == [first_below[0], "0.53"]
    assert f"The table measured {first_below[0]}." in answers_of(notebook)["question-1"]
    assert table["LSTM, forget bias 3"][columns[0]] == "more than 100"


def test_the_walk_is_seven_steps_of_the_equations(numbers: Numbers) -> None:
    walk, c = numbers["walk"], 0.0
    assert walk["word"] == ["Deep", "learning", "is", "fun", "I", "love", "learning"]
    for t, (f, i, g, o) in enumerate(zip(*(walk[gate] for gate in "figo"), strict=True)):
        c = f * c + i * g
        assert [walk["c"][t], walk["h"][t]] == pytest.approx([c, o * math.tanh(c)], rel=1e-12)
    c = 0.6 * 0.72 + 0.5 * 0.4
    by_hand = {"keep": 0.6 * 0.72, "written": 0.5 * 0.4, "c": c, "h": 0.5 * math.tanh(c)}
    assert numbers["step"] == pytest.approx(by_hand, rel=1e-12)
    assert [walk[quantity][1] for quantity in by_hand] == pytest.approx(list(by_hand.values()), rel=1e-12)


def test_a_printed_number_is_called_right_where_it_is_the_walks_number_rounded(numbers: Numbers) -> None:
    audited, walk = numbers["audited"], numbers["walk"]
    assert len(audited) == 35
    for row in audited:
        places = len(row["printed"].partition(".")[2])
        error = abs(float(row["printed"]) - walk[row["quantity"]][row["t"] - 1])
        assert (row["verdict"] == "right") == (error <= 0.5 * 10**-places + 1e-9)


def test_the_comparison_has_the_records_counts_and_the_papers_parameters(folder: Path, numbers: Numbers) -> None:
    comparison, solved = numbers["comparison"], solved_members(folder)
    H, D, outputs, read_out = 64, 10, 9, 65
    for cell, gates in (("rnn", 1), ("lstm", 4)):
        row = comparison[cell]
        assert row["n_parameters"] == gates * (H * H + H * D + 2 * H) + outputs * read_out
        assert [row[f"solved_at_{lag}"] for lag in (2, 4, 8)] == [f"{solved[cell, lag]}/5" for lag in (2, 4, 8)]
    assert solved["lstm", 8] > solved["rnn", 8], "the text says so"


def solved_members(folder: Path) -> Counter[tuple[str, int]]:
    """Return how many members solved, by cell and lag, counted in the records."""
    records = folder / "lesson_output" / "runs" / "lesson"
    jobs = {job["job"]: job for job in json.loads((records / "study.json").read_text())["jobs"]}
    members = [json.loads(file.read_text()) for file in (records / "members").glob("*/record.json")]
    assert len(members) == 2 * 3 * 5
    solved = [jobs[member["job"]] for member in members if member["status"] == "solved"]
    return Counter((job["cell"], job["lag"]) for job in solved)


def test_the_claims_have_the_verdicts_that_such_a_small_study_can_give(
    notebook: nbformat.NotebookNode, numbers: Numbers
) -> None:
    verdicts = [verdict_on(numbers["claims"], words) for words in ("parameters", "no gates", "vanishing gradient")]
    assert verdicts == ["supported", "supported", "not tested"]
    assert len(numbers["claims"]) == 5
    assert "six more claims" in text_of(notebook, "claims-result")
    assert numbers["other_claims"] == 6
    assert "span of the RNN" in numbers["reason"]
    assert all(row["measured"] and "nan" not in row["measured"] for row in numbers["claims"])


def verdict_on(claims: Sequence[Mapping[str, str]], words: str) -> str:
    (row,) = [row for row in claims if words in row["claim"]]
    return row["verdict"]
