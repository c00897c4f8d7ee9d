"""`python -m lstm_bench.check` names what is wrong with a cell, in a line each, by its exit code and its words."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import check_cells
import pytest
import torch
from torch import Generator

from lstm_bench.check import table
from lstm_bench.check.__main__ import main
from lstm_bench.check.report import line
from lstm_bench.config.listing import names_of
from lstm_bench.config.objects import n_parameters
from lstm_bench.engine.conformance import running
from lstm_bench.engine.conformance.finding import Finding
from lstm_bench.engine.conformance.sizes import formula
from lstm_bench.engine.conformance.suite import ALL, AT_THE_DOOR, TIMED, Check, findings

CPU = torch.device("cpu")
D, H = 5, 8
WITHOUT_TIMING = tuple(check for check in ALL if check not in TIMED)


def found(cell_type: Any, checks: tuple[Check, ...] = WITHOUT_TIMING) -> dict[str, Finding]:
    def of_width(width: int) -> Any:
        return lambda generator: cell_type(D, width, generator=generator)

    return dict(findings(of_width(H), CPU, of_width, checks))


def wrong(cell_type: Any) -> dict[str, str]:
    """Return what is not as it should be, by check."""
    return {name: finding.text for name, finding in found(cell_type).items() if finding.verdict in ("warning", "fault")}


@pytest.mark.parametrize(
    "name", ["Good", "Complex", "BatchNorm", "Dropout", "Heads", "Places", "WrapsLSTM", "scripted"]
)
def test_no_fault_is_found_in_a_sound_cell(name: str) -> None:
    assert {finding.verdict for finding in found(getattr(check_cells, name)).values()} <= {"ok", "warning", "not tried"}


def test_of_a_plain_cell_everything_is_well() -> None:
    expected = {check.name: "ok" for check in WITHOUT_TIMING} | (
        {} if torch.cuda.is_available() else {"gpu": "not tried"}
    )
    assert {name: finding.verdict for name, finding in found(check_cells.Good).items()} == expected


# Of each cell, the checks that find fault with it, and what they say.
FAULTY: dict[str, dict[str, str]] = {
    "WrongShape": {"shapes": "step returned as output a tensor [3, 7] of torch.float32"},
    "InPlace": {"in place": "step writes in place into its state h"},
    "WritesIntoItsInput": {"in place": "step writes in place into its input x"},
    "Unseeded": {"start": "two cells of one seed start with different values of weight"},
    "OtherWidth": {"widths": "hidden_size=1 makes a cell whose hidden_size is 8"},
    "CutsTheGradient": {"gradients": "the gradient is not the derivative for gain ("},
    "WrongBackward": {"gradients": "the gradient is not the derivative for x ("},
    "StraightThrough": {"gradients": "the gradient is not the derivative for weight ("},
    "MeetsOthers": {"batch": "the output for a sequence depends on the others of its batch"},
    "Late": {"count": "its parameters gain differ between a new cell and one of another seed that took a step"},
    "Exits": {"shapes": "it raised SystemExit: 3"},
}
WARNED: dict[str, dict[str, str]] = {
    "HiddenDraws": {"generators": "the constructor draws from torch's global generator or seeds it"},
    "NumpyDraws": {"generators": "the constructor draws from NumPy's global generator"},
    "PythonDraws": {"generators": "the constructor draws from Python's global generator"},
    "Unused": {"parameters": "no gradient reaches spare in 3 steps (8 numbers"},
    "HeadsInStep": {"widths": "hidden_size=1 is refused by a step, not by the constructor"},
    "WrapsLSTM": {"members": "one member after another, which takes longer"},
    "CountsScores": {"evaluation": "a step changes its buffers steps in evaluation mode, too"},
}


@pytest.mark.parametrize("name", FAULTY)
def test_a_fault_is_named_by_its_check_and_says_what_mends_it(name: str) -> None:
    all_found = found(getattr(check_cells, name))
    for check, text in FAULTY[name].items():
        assert all_found[check].verdict == "fault"
        assert text in all_found[check].text
        assert all_found[check].mend or name == "Exits"


@pytest.mark.parametrize("name", WARNED)
def test_a_warning_is_named_by_its_check_and_is_no_fault(name: str) -> None:
    all_found = found(getattr(check_cells, name))
    assert not [finding for finding in all_found.values() if finding.verdict == "fault"]
    for check, text in WARNED[name].items():
        assert all_found[check].verdict == "warning"
        assert text in all_found[check].text
        assert all_found[check].mend


def test_a_cell_that_cannot_step_has_one_fault_and_the_other_checks_refer_to_it() -> None:
    all_found = found(check_cells.WrongShape)
    assert [name for name, finding in all_found.items() if finding.verdict == "fault"] == ["shapes"]
    assert all_found["state"] == Finding("not tried", "see shapes")


def test_the_derivative_that_a_wrong_gradient_should_be_is_told() -> None:
    """Half of what a backward says that is wrong by a factor of 2."""
    text = found(check_cells.WrongBackward)["gradients"].text
    said, true = re.search(r"x \((\S+) in a direction where finite differences give (\S+)\)", text).groups()
    assert float(said) == pytest.approx(2 * float(true), rel=1e-2)


def test_what_a_mode_changes_is_said() -> None:
    assert "draws from torch's global generator; in evaluation mode it does not" in (
        found(check_cells.Dropout)["evaluation"].text
    )
    batch_norm = found(check_cells.BatchNorm)
    assert "updates its buffers norm.running_mean, norm.running_var" in batch_norm["evaluation"].text
    assert "affect each other in training mode" in batch_norm["batch"].text


def test_widths_that_heads_do_not_divide_are_left_out() -> None:
    assert found(check_cells.Heads)["widths"].text == (
        "of the hidden sizes 1 to 16 it allows 4, 8, 12, 16 (1: hidden_size=1: allowed: a multiple of heads=4)"
    )


def test_a_long_buffer_that_is_an_index_and_a_mask_of_truths_do_not_keep_members_apart() -> None:
    members = found(check_cells.Places)["members"]
    assert (members.verdict, members.brief) == ("ok", "together")
    assert members.text.startswith("several members in one call (torch.func.vmap); no C kernel")


@pytest.mark.parametrize("cell_type", [check_cells.Good, check_cells.Complex, check_cells.WrapsLSTM])
def test_the_formula_has_as_many_numbers_as_a_study_counts(cell_type: Any) -> None:
    cell = cell_type(D, H, generator=Generator().manual_seed(0))
    terms = formula(dict(cell.named_parameters())).split(" + ")
    products = [torch.tensor([int(size) for size in term.split(" ", 1)[1].split(" x ")]).prod() for term in terms]
    assert sum(products) == n_parameters(cell)
    assert found(cell_type)["count"].text.endswith(f" = {n_parameters(cell):,}")


def test_complex_numbers_count_twice() -> None:
    assert found(check_cells.Complex)["count"].text == "into 2 x 8 x 5 + phase 8 = 88"


@pytest.mark.parametrize(
    ("cell_type", "mend"),
    [
        (check_cells.Branches, "torch.where in place of if"),
        (check_cells.Dropout, ""),
        (check_cells.WrapsLSTM, "operations that vmap"),
    ],
)
def test_why_members_step_one_after_another_comes_with_its_mend(cell_type: Any, mend: str) -> None:
    finding = found(cell_type)["members"]
    assert finding.text.startswith("one member after another, which takes longer (training mode): step raised")
    assert finding.mend.startswith(mend)
    assert bool(finding.mend) is bool(mend)


@pytest.mark.parametrize(("cell_type", "verdict"), [(check_cells.Good, "ok"), (check_cells.WrongShape, "fault")])
def test_a_gpu_has_to_give_the_outputs_of_the_cpu(
    cell_type: Any, verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "GPU", "cpu")
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda: "one like it")
    finding = found(cell_type, (Check("gpu", running.gpu),))["gpu"]
    assert finding.verdict == verdict
    assert finding.text.startswith("runs on one like it" if verdict == "ok" else "it fails on a GPU: step returned")


def test_the_time_is_told_beside_that_of_torchs_lstm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        running,
        "_medians",
        lambda *works: [(work(), seconds)[1] for work, seconds in zip(works, (6e-3, 2e-3), strict=True)],
    )
    text = found(check_cells.Good, TIMED)["speed"].text
    assert text.startswith("6 ms forward and backward, 3 times torch.nn.LSTM's 2 (hidden_size 8, 50 steps, batch 32")


def test_a_line_has_the_verdict_the_check_what_is_so_and_the_mend() -> None:
    assert line("state", Finding("fault", "it\nforgets", "a memory")) == (
        "fault      state        it forgets -- remedy: a memory"
    )


def test_the_checks_at_the_door_are_the_first_of_all() -> None:
    assert ALL[: len(AT_THE_DOOR)] == AT_THE_DOOR
    assert len({check.name for check in ALL}) == len(ALL)


# --- the command ---


@pytest.fixture
def _untimed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave the measurement of speed out of the command, and the process as it is."""
    monkeypatch.setattr("lstm_bench.check.report.report.__defaults__", (WITHOUT_TIMING,))
    monkeypatch.setattr("lstm_bench.check.table.table.__defaults__", (WITHOUT_TIMING,))
    monkeypatch.setattr("lstm_bench.engine.process_setup.prepare_process", lambda: None)
    yield


@pytest.mark.usefixtures("_untimed")
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["check_cells.Good", "hidden_size=6"], 0, "count        weight 6 x 16 = 96"),
        (["check_cells.Good"], 0, "cell check_cells.Good hidden_size=16 input_size=10\n"),
        (["check_cells.Good", "task=adding"], 0, "input_size=2\n"),
        (["check_cells.Heads", "heads=3", "hidden_size=6"], 0, "it allows 3, 6, 9, 12, 15 (1: cell.hidden_size=1"),
        (["check_cells.InPlace"], 1, "fault      in place     step writes in place into its state h"),
        (["cell=zoo/lem", "hidden_size=5", "dt=0.5"], 0, "dt=0.5"),
        (
            ["cell=lstm", "cell.hidden_size=4"],
            0,
            "members      several members in one call: it has a kernel of its own",
        ),
    ],
)
def test_the_exit_code_says_whether_something_is_wrong(
    arguments: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == code
    out, err = capsys.readouterr()
    assert said in out
    assert err == ""
    assert ("fault" in out) is (code == 1)


@pytest.mark.usefixtures("_untimed")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check_cells.Absent"], "cell._target_=check_cells.Absent: allowed: the import path of a class"),
        (["no_such_package.Cell"], "cell._target_=no_such_package.Cell: allowed: the import path of a class"),
        (["check_cells.Good", "depth=2"], "cell.depth=2: allowed: the keys hidden_size"),
        (["check_cells.Good", "hidden_size=wide"], "cell.hidden_size=wide: allowed: a valid integer"),
        (["check_cells.Good", "hidden_size=4,8"], "hidden_size=4,8: allowed: one value, not several"),
        (["check_cells.Heads", "hidden_size=6"], "cell.hidden_size=6: allowed: a multiple of heads=4"),
        (["cell=lstn"], "cell=lstn: allowed: gated_delta"),
        (["cell=lstm,gru"], "check=cell=lstm,gru: allowed: one cell and one task"),
        (["check_cells.Good", "check_cells.Heads"], "check=check_cells.Good check_cells.Heads: allowed: one class"),
        (["--config-dir", "/no/such/folder", "cell=mine"], "--config-dir=/no/such/folder: allowed: an existing folder"),
        (["--all", "cell=lstm"], "--all=cell=lstm: allowed: alone, or with task=NAME and --config-dir FOLDER"),
        (["torch.nn.Linear"], "cell._target_=torch.nn.modules.linear.Linear: allowed: a class whose constructor takes"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_checked(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(said)
    assert err.count("\n") == 1


@pytest.mark.usefixtures("_untimed")
def test_a_cell_of_ones_own_yaml_is_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "cell").mkdir()
    (tmp_path / "cell" / "mine.yaml").write_text("_target_: check_cells.Heads\nhidden_size: 8\nheads: 2\n")
    assert main(["cell=mine", "--config-dir", str(tmp_path), "heads=4"]) == 0
    assert capsys.readouterr().out.startswith("cell check_cells.Heads hidden_size=8 heads=4 input_size=10\n")


@pytest.mark.usefixtures("_untimed")
def test_a_table_has_a_row_for_each_cell_and_names_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cell").mkdir()
    for name, settings in {
        "bad": "check_cells.InPlace",
        "gone": "check_cells.Absent",
        "mine": "check_cells.Good",
    }.items():
        (tmp_path / "cell" / f"{name}.yaml").write_text(f"_target_: {settings}\nhidden_size: 8\n")
    assert {"bad", "gone", "mine", "lstm", "zoo/lem"} <= set(names_of("cell", tmp_path))
    monkeypatch.setattr(table, "names_of", lambda group, folder: ["bad", "gone", "lstm", "mine"])
    assert main(["--all", "--config-dir", str(tmp_path)]) == 1
    header, _, bad, gone, lstm, mine = (
        [entry.strip() for entry in row.strip("|").split("|")] for row in capsys.readouterr().out.splitlines()
    )
    assert header == ["cell", "parameters", "members step", "times nn.LSTM", "verdict"]
    assert bad[-1].startswith("fault: in place: step writes in place into its state h")
    assert gone[1:4] == ["", "", ""]
    assert gone[-1].startswith("fault: cell: cell._target_=check_cells.Absent: allowed")
    assert lstm == ["lstm", "19,456", "together, in C", "", "sound"]
    assert (mine[:2], mine[3:]) == (["mine", "144"], ["", "sound"])  # 8 x (10 + 8)
    assert mine[2] in ("together, in C", "together")  # without a C compiler
