"""python -m lstm_bench.anatomy gates: what it finds, writes and says, and what it says of bad input."""

import json
import pickle
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from lstm_bench.anatomy.__main__ import main
from lstm_bench.records.plan import JobPlan, StudyPlan
from lstm_bench.records.schema import MemberRecord
from lstm_bench.records.store import StudyRecords

JOB = JobPlan(
    job="j", task="copy", variant="arjovsky", lag=8, length=14, cell="mine", hidden_size=3, n_parameters=200,
    n_parameters_core=4 * (9 + 3 * 10 + 6), flops=1.0, kernel="", score="", criterion="", description="",
    solved_rule="", solved_share=1.0, baselines={}, units={}, learning_rates=[0.1], tuning_seeds=[], seeds=[7, 8],
    steps=4, batch_size=2, config={"cell": {"_target_": "lstm_bench.cells.lstm.LSTMCell", "hidden_size": 3}},
)  # fmt: skip
RNN_JOB = replace(
    JOB, n_parameters_core=9 + 30 + 6,
    config={"cell": {"_target_": "lstm_bench.cells.rnn.RNNCell", "hidden_size": 3, "nonlinearity": "relu"}},
)  # fmt: skip


@pytest.fixture(autouse=True)
def plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plain_figures: None) -> None:
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)


def saved(content: Any, name: str = "model.pt") -> str:
    torch.save(content.state_dict() if isinstance(content, nn.Module) else content, name)
    return name


def study(job: JobPlan = JOB) -> StudyRecords:
    records = StudyRecords(Path("runs/s"))
    records.write_plan(StudyPlan("s", "copy_task", "a command", "2026-01-01T00:00:00+00:00", [job], {}))
    return records


def written(folder: str = "reports/anatomy") -> pd.DataFrame:
    return pd.read_csv(f"{folder}/tables/gates.csv")


def test_a_layer_within_a_larger_model_is_found_and_its_numbers_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    model = nn.ModuleDict({"embed": nn.Embedding(4, 3), "lstm": nn.LSTM(3, 5, num_layers=2), "out": nn.Linear(5, 2)})
    x = np.random.default_rng(0).normal(size=(6, 3)).astype("float32")
    np.save("x.npy", x)
    assert main(["gates", saved({"epoch": 3, "model": model.state_dict()}), "--input=x.npy"]) == 0
    table = written()
    assert list(table) == ["layer", "unit", "step", *"figoch", "gradient_h", "gradient_c"]
    with torch.no_grad():
        h, _ = model["lstm"](torch.from_numpy(x).unsqueeze(1))
    top = table.loc[table["layer"] == 1].pivot_table(index="step", columns="unit", values="h")
    assert list(top.index) == [1, 2, 3, 4, 5, 6]
    np.testing.assert_allclose(top.to_numpy(), h[:, 0].numpy(), rtol=0, atol=1e-6)
    kept = table["f"] * table.groupby(["layer", "unit"])["c"].shift(fill_value=0.0) + table["i"] * table["g"]
    np.testing.assert_allclose(kept, table["c"], rtol=0, atol=1e-9)
    assert table.loc[table["step"] == 6, ["gradient_h", "gradient_c"]].isna().all(axis=None)
    assert table.loc[table["step"] < 6].notna().all(axis=None)
    units = pd.read_csv("reports/anatomy/tables/units.csv")
    f = table.groupby(["layer", "unit"])["f"].mean()
    by_unit = units.set_index(["layer", "unit"])["time_constant_steps"].sort_index()
    np.testing.assert_allclose(by_unit, -1 / np.log(f), rtol=1e-8)
    assert units.groupby("layer")["time_constant_steps"].is_monotonic_decreasing.all()
    flow = pd.read_csv("reports/anatomy/tables/flow.csv").set_index(["layer", "steps_back"])["gradient"]
    joint = (table.loc[(table["layer"] == 0) & (table["step"] == 2)].filter(like="gradient") ** 2).sum(axis=None) ** 0.5
    assert flow[0, 4] == pytest.approx(joint, rel=1e-8)
    assert (flow[0, 0], len(flow)) == (1.0, 2 * 7)
    inputs = pd.read_csv("reports/anatomy/tables/inputs.csv")
    np.testing.assert_allclose(inputs.pivot_table(index="step", columns="input", values="x"), x, atol=1e-7)
    assert capsys.readouterr().out.endswith("\nreports/anatomy/gates.html\n")
    assert {path.name for path in Path("reports/anatomy/figures").iterdir()} == {
        f"{name}.{ending}" for name in ("flow", "layer_0", "layer_1") for ending in ("png", "svg")
    }


def page() -> str:
    return Path("reports/anatomy/gates.html").read_text("utf-8")


def test_the_page_is_one_small_file_that_loads_nothing_and_says_what_is_shown() -> None:
    assert main(["gates", saved(nn.LSTM(2, 12))]) == 0
    html = page()
    ids = re.findall(r'\sid="([^"]*)"', html)
    assert len(set(ids)) == len(ids)
    assert not re.search(r"""(src|href)\s*=\s*["']?\s*(\w+:)?//""", html)
    assert {link[1:] for link in re.findall(r'href="(#[^"]*)"', html)} <= set(ids)
    assert "An LSTM of 12 units reads 100 steps of random numbers (standard normal, seed 0)." in html
    assert "A trained model may behave differently on its own kind of data" in html
    assert html.count('<figure class="heatmap"') == 8 + 2
    assert len(json.loads(re.findall(r'data-columns="([^"]*)"', html)[0].replace("&#34;", '"'))) == 100
    first = written()
    assert main(["gates", "model.pt", "--output=again"]) == 0
    assert written("again").equals(first)


def test_a_long_sequence_shows_units_evenly_by_rank_and_writes_all() -> None:
    np.save("x.npy", np.random.default_rng(0).normal(size=(1000, 2)))
    assert main(["gates", saved(nn.LSTM(2, 80)), "--input=x.npy"]) == 0
    assert len(page().encode()) < 3_000_000  # as large as pages become
    assert "40 of 80 units of each layer, evenly by rank; the tables have all." in page()
    shown = re.findall(r"unit \d+, number (\d+) of 80", page())
    assert (len(set(shown)), shown[0], shown[39]) == (40, "1", "80")
    assert len(written()) == 1000 * 80


@pytest.mark.parametrize(
    ("layer", "options", "said"),
    [
        (nn.LSTM(2, 4, bidirectional=True), [], "The model reads in both directions; the page shows the forward one."),
        (nn.LSTM(2, 4, proj_size=3), [], "h is a projection of o tanh(c) to 3 numbers, which belong to no unit"),
        (nn.GRU(2, 4), [], "A GRU of 4 units reads"),
        (nn.RNN(2, 4, nonlinearity="relu"), ["--nonlinearity=relu"], "A ReLU RNN of 4 units reads"),
        (nn.RNN(2, 4), ["--text=abab"], "4 steps, the characters of “abab” as one-hot vectors"),
        (nn.LSTMCell(3, 4), ["--text=a b", "--alphabet= ab"], "inputs in the order “␣ab”"),
        (nn.LSTM(2, 1), ["--text=a"], "1 step, the characters of “a”"),
    ],
)
def test_what_is_shown_is_said(layer: nn.Module, options: list[str], said: str) -> None:
    assert main(["gates", saved(layer), *options]) == 0
    assert said in page()
    assert Path("reports/anatomy/tables/outputs.csv").exists() == ("projection" in said)


def test_what_is_left_out_is_said_on_the_terminal_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gates", saved(nn.LSTM(2, 4, bidirectional=True, proj_size=1)), "--text=a"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("The model reads in both directions; the page shows the forward one. The layers above")
    assert lines[2].startswith("h is a projection of o tanh(c) to 1 number, which belong to no unit")
    assert "The forward direction of an LSTM of 4 units reads 1 step, " in page()


def test_one_of_several_modules_is_chosen_by_its_prefix(capsys: pytest.CaptureFixture[str]) -> None:
    saved(nn.ModuleDict({"encoder": nn.LSTM(2, 3), "decoder": nn.GRU(2, 4)}))
    assert main(["gates", "model.pt"]) == 2
    assert capsys.readouterr().err == ("--prefix: model.pt has 2 recurrent modules: allowed: one of encoder, decoder\n")
    assert main(["gates", "model.pt", "--prefix=decoder."]) == 0
    assert "A GRU of 4 units" in page()


def test_a_member_of_a_study_is_read_with_what_its_records_say(capsys: pytest.CaptureFixture[str]) -> None:
    records = study(RNN_JOB)
    weights = {f"cell.{name}": tensor for name, tensor in nn.RNNCell(10, 3).state_dict().items()}
    weights["readout.weight"] = torch.zeros(2, 3)
    torch.save(weights, "w.pt")
    record = MemberRecord("m", "j", "report", 7, 0.1, "solved", 1200)
    records.write_member(record, {}, {"weights.pt": Path("w.pt").read_bytes()})
    assert main(["gates", "runs/s/members/m"]) == 0
    assert capsys.readouterr().out.startswith("mine of study s, copy at lag 8, seed 7, solved after 1,200 steps: 100 ")
    assert written()["h"].min() == 0.0  # a ReLU, which the plan says and the weights do not
    ablated = replace(JOB, config={"cell": {"_target_": "lstm_bench.cells.lstm_ablated.AblatedLSTMCell"}})
    study(ablated)
    assert main(["gates", "runs/s/members/m/weights.pt"]) == 2
    assert "cell=lstm_bench.cells.lstm_ablated.AblatedLSTMCell: allowed: lstm_bench.cells." in capsys.readouterr().err


def checkpoint(members: int = 2) -> list[dict[str, Tensor]]:
    """Write a checkpoint as a study does; return the cell's weights of each member."""
    from lstm_bench.cells.lstm import LSTMCell
    from lstm_bench.engine.checkpoint import to_bytes
    from lstm_bench.engine.model import Model
    from lstm_bench.engine.population import Population
    from lstm_bench.tasks.copy import CopyTask

    task = CopyTask(lag=8)
    models = [Model(LSTMCell(task.input_size, 3), nn.Linear(3, task.output_size)) for _ in range(members)]
    population = Population(task, models, [0.1] * members, torch.device("cpu"), "torch")
    runs = [{"member": {"seed": seed, "learning_rate": 0.1, "role": "report"}} for seed in JOB.seeds]
    state = {"step": 250, "runs": runs, "population": population.state()}
    study().checkpoints("j", "report").write(250, to_bytes(state))
    return [dict(model.cell.state_dict()) for model in models]


def test_a_member_of_a_checkpoint_is_read_as_training_holds_it(capsys: pytest.CaptureFixture[str]) -> None:
    weights = checkpoint()
    (file,) = Path("runs/s/checkpoints/j-report").iterdir()
    assert main(["gates", str(file), "--member=2"]) == 0
    assert "seed 8, learning rate 0.1, at step 250: 100 steps" in capsys.readouterr().out
    table = written()
    assert main(["gates", saved(weights[1]), "--output=same"]) == 0
    assert written("same").equals(table)
    assert main(["gates", str(file), "--member=3"]) == 2
    assert capsys.readouterr().err == "--member=3: allowed: 1 to 2, the members in the checkpoint\n"
    file.rename("step-1.pt")
    assert main(["gates", "step-1.pt"]) == 2
    assert "MODEL=step-1.pt: allowed: a checkpoint in the folder of its study" in capsys.readouterr().err


class Foreign:
    """Something that weights_only refuses."""


def lstm(**changes: Any) -> dict[str, Tensor]:
    tensors = dict(nn.LSTM(3, 4, num_layers=2).state_dict()) | changes
    return {name: tensor for name, tensor in tensors.items() if tensor is not None}


NAN = torch.full((16,), torch.nan)
OVERFLOWING = {name: torch.full_like(tensor, 1e200) for name, tensor in nn.RNN(2, 2).double().state_dict().items()}
BAD_MODELS: list[tuple[Any, list[str], str]] = [
    (nn.Linear(2, 3), [], "model.pt: weight, bias: allowed: weights of an nn.LSTM, nn.GRU or nn.RNN"),
    ({}, [], "model.pt: no tensor: allowed: weights of an"),
    (torch.zeros(3), [], "model.pt: no tensor: allowed: weights of an"),
    (lstm(weight_hh_l0=None), [], "weight_hh_l0: missing in model.pt: allowed: all weights of a layer"),
    (lstm(bias_hh_l1=None), [], "bias_hh_l1: missing in model.pt"),
    (lstm(weight_ih_l0=None), [], "weight_ih_l0: missing in model.pt"),
    (lstm(weight_hh_l0=torch.zeros(15, 4)), [], "weight_hh_l0=15 x 4: allowed: 4 H rows of H numbers (LSTM), 3 H"),
    (lstm(weight_hh_l1=torch.zeros(4)), [], "weight_hh_l1=4: allowed: a matrix"),
    (lstm(weight_ih_l0=torch.zeros(12, 3)), [], "weight_ih_l0=12 x 3: allowed: 16 rows, 4 for each of 4 units"),
    (lstm(weight_ih_l1=torch.zeros(16, 5)), [], "weight_ih_l1=16 x 5: allowed: 4 columns, the outputs of the layer"),
    (lstm(bias_ih_l0=torch.zeros(4)), [], "bias_ih_l0=4: allowed: 16 numbers"),
    (lstm(bias_ih_l1=NAN), [], "bias_ih_l1=nan: allowed: finite numbers"),
    (lstm(bias_ih_l1=torch.zeros(16, dtype=torch.int64)), [], "bias_ih_l1=torch.int64: allowed: floating-point"),
    (lstm(weight_hr_l0=torch.zeros(3, 9)), [], "weight_hr_l0=3 x 9: allowed: 4 rows, as weight_hh_l0 has columns"),
    (nn.RNN(1, 2), ["--prefix=x"], '--prefix=x: allowed: "" (no prefix)'),
    (nn.GRU(1, 2), ["--nonlinearity=relu"], "--nonlinearity=relu: allowed: none for a GRU"),
    (nn.GRU(1, 2), ["--nonlinearity=elu"], "--nonlinearity=elu: allowed: tanh, relu"),
    (nn.GRU(1, 2), ["--member=1"], "--member=1: allowed: no member with a file of one model"),
    (nn.GRU(1, 2), ["--member=0"], "--member=0: allowed: an integer from 1 to 10000"),
    (nn.GRU(2, 2), ["--text="], "--text=: allowed: 1 to 2000 characters"),
    (nn.GRU(2, 2), ["--text=abc"], "--text=abc: allowed: 1 to 2 different characters, the model's input size, in"),
    (nn.GRU(2, 2), ["--text=ab", "--alphabet=ac"], "--text=ab: allowed: characters of the alphabet, which lacks 'b'"),
    (nn.GRU(2, 2), ["--text=aa", "--alphabet=aa"], "--alphabet=aa: allowed: each character once"),
    (nn.GRU(2, 2), ["--text=a", "--alphabet="], "--alphabet=: allowed: 1 to 2 different characters"),
    (nn.GRU(2, 2), ["--alphabet=ab"], "--alphabet=ab: allowed: an alphabet only with --text"),
    (nn.GRU(2, 2), ["--text=a", "--input=x.npy"], "--text=a: allowed: no text with --input"),
    (nn.GRU(2, 2), ["--input=nowhere.npy"], "--input=nowhere.npy: allowed: a file that can be read (No such file"),
    (nn.GRU(2, 2), ["--output=/proc/nowhere"], "--output=/proc/nowhere: allowed: a folder that can be written"),
    (nn.GRU(2, 2), ["--out=x"], "--out=x: allowed: --help, --output, --input, --text, "),
    (OVERFLOWING, ["--nonlinearity=relu"], "MODEL: state of"),
]  # fmt: skip


def refused(arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = set(Path().iterdir())
    assert main(["gates", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(expected)
    assert captured.err.count("\n") == 1
    assert set(Path().iterdir()) == before


@pytest.mark.parametrize(("content", "options", "expected"), BAD_MODELS, ids=[case[2][:40] for case in BAD_MODELS])
def test_a_bad_model_or_option_is_refused_in_one_line_and_leaves_nothing(
    content: Any, options: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    refused([saved(content), *options], expected, capsys)


BAD_FILES = [
    (b"", "tensors and plain containers alone"),
    (b"not a model", "tensors and plain containers alone"),
    (b"PK\x03\x04 half a zip file", "tensors and plain containers alone"),
    (pickle.dumps({"a": Foreign()}), "tensors and plain containers alone"),
    (None, "a file that can be read (No such file or directory)"),
]


@pytest.mark.parametrize(("content", "expected"), BAD_FILES)
def test_a_file_that_holds_no_tensors_is_refused(
    content: bytes | None, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        Path("bad.pt").write_bytes(content)
    refused(["bad.pt"], "MODEL=bad.pt: allowed: ", capsys)
    main(["gates", "bad.pt"])
    assert expected in capsys.readouterr().err


def test_a_whole_module_is_refused_and_runs_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(nn.LSTM(2, 3), "module.pt")
    refused(["module.pt"], "MODEL=module.pt: allowed: torch.save(model.state_dict(), FILE)", capsys)


BAD_INPUTS = [
    (np.zeros((4, 3)), "shape=4 x 3: allowed: 1 to 2000 steps x 2 inputs, the model's input size"),
    (np.zeros((0, 2)), "shape=0 x 2: allowed: 1 to 2000 steps"),
    (np.zeros((2001, 2)), "shape=2001 x 2: allowed: 1 to 2000 steps"),
    (np.zeros(4), "shape=4: allowed: 1 to 2000 steps x 2 inputs"),
    (np.zeros((4, 1, 2)), "shape=4 x 1 x 2: allowed: 1 to 2000 steps x 2 inputs"),
    (np.zeros((4, 2), dtype="complex64"), "dtype=complex64: allowed: real numbers"),
    (np.array([["a", "b"]]), "dtype=<U1: allowed: real numbers"),
    (np.array([[0.0, 1.0], [np.inf, 0.0]]), "[1, 0]=inf: allowed: finite numbers"),
]


@pytest.mark.parametrize(("array", "expected"), BAD_INPUTS)
def test_an_input_of_another_width_rank_or_type_is_refused(
    array: "np.ndarray[Any, Any]", expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save("x.npy", array)
    refused([saved(nn.GRU(2, 3)), "--input=x.npy"], f"--input=x.npy: {expected}", capsys)


def test_an_input_that_is_no_array_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    saved(nn.GRU(2, 3))
    np.save("objects.npy", np.array([None]), allow_pickle=True)
    np.savez("two.npz", a=np.zeros(2))
    Path("text.npy").write_text("1 2 3")
    for name in ("objects.npy", "text.npy"):
        refused(["model.pt", f"--input={name}"], f"--input={name}: allowed: a .npy file of numbers", capsys)
    refused(["model.pt", "--input=two.npz"], "--input=two.npz: allowed: a .npy file of one array", capsys)


def test_too_many_numbers_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    np.save("x.npy", np.zeros((600, 1000)))
    expected = "--input: 600 steps of 1000 units or inputs: allowed: 500 steps"
    refused([saved(nn.GRU(1000, 2)), "--input=x.npy"], expected, capsys)


def test_a_gradient_that_overflows_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """5^k at h = 0, beyond 1.8e308 at k = 442; already its square, of which the norm is made, at 221."""
    np.save("x.npy", np.zeros((600, 1)))
    weights = {"weight_ih_l0": torch.ones(1, 1), "weight_hh_l0": torch.full((1, 1), 5.0)}
    expected = "--input: gradient at layer 0, 221 steps back=inf: allowed: a sequence over which it stays finite"
    refused([saved(weights), "--input=x.npy"], expected, capsys)


def test_it_runs_as_a_module_without_a_warning(tmp_path: Path) -> None:
    saved(nn.LSTM(2, 3, proj_size=2))
    command = [sys.executable, "-W", "error", "-m", "lstm_bench.anatomy", "gates", "model.pt", "--text=ab"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    assert "gradient horizon" in done.stdout
