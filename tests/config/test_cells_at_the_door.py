"""A plug-in that cannot be made is refused before anything runs, and one that needs storage is not."""

import faulthandler
import os
import signal
import sys
import time
from types import ModuleType

import pytest
import torch
from torch import nn

from lstm_bench.config.errors import ConfigError
from lstm_bench.config.objects import build_job, cell_notes, check_job, n_parameters
from lstm_bench.config.schema import JobConfig, TrainerConfig

TASK = {"_target_": "lstm_bench.tasks.copy.CopyTask", "lag": 10}


class NeedsStorage(nn.Module):
    """Reads a value while it is made."""

    def __init__(self, input_size: int, hidden_size: int, *, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.weight = nn.Parameter(torch.ones(hidden_size, input_size))
        self.scale = self.weight.sum().item()

    def initial_state(self, batch_size: int) -> torch.Tensor:
        return self.weight.new_zeros(batch_size, self.hidden_size)

    def step(self, x: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return state, state


class Raises(NeedsStorage):
    def __init__(self, input_size: int, hidden_size: int, *, generator: torch.Generator | None = None) -> None:
        raise RuntimeError("cannot\nbe made")


class Stepless(nn.Module):
    def __init__(self, input_size: int, hidden_size: int, *, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size


@pytest.fixture(autouse=True)
def door(monkeypatch):
    module = ModuleType("at_the_door")
    for cell_type in (
        NeedsStorage,
        Raises,
        Stepless,
        PlainMask,
        Complex,
        Breaks,
        Exits,
        Crashes,
        Vanishes,
        Hangs,
        OfAnotherLibrary,
        Leaves,
    ):
        setattr(module, cell_type.__name__, cell_type)
    monkeypatch.setitem(sys.modules, "at_the_door", module)


def job(name: str) -> JobConfig:
    return JobConfig("copy", "mine", TASK, {"_target_": f"at_the_door.{name}", "hidden_size": 4}, TrainerConfig())


def notes_on(config: JobConfig) -> list[str]:
    return cell_notes(config, *build_job(config))


def test_a_cell_whose_constructor_fails_is_refused_by_name():
    with pytest.raises(ConfigError) as caught:
        build_job(job("Raises"))
    assert str(caught.value) == f"cell {__name__}.Raises: its constructor raised RuntimeError: cannot be made"


class PlainMask(NeedsStorage):
    """Keeps a random mask as a plain attribute."""

    def __init__(self, input_size: int, hidden_size: int, *, generator: torch.Generator | None = None) -> None:
        super().__init__(input_size, hidden_size)
        self.mask = torch.rand(hidden_size, generator=generator).round()

    def step(self, x: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        h = (state + x @ self.weight.T) * self.mask
        return h, h


class Complex(NeedsStorage):
    def __init__(self, input_size: int, hidden_size: int, *, generator: torch.Generator | None = None) -> None:
        super().__init__(input_size, hidden_size)
        self.weight = nn.Parameter(torch.ones(hidden_size, input_size, dtype=torch.complex64))
        self.bias = nn.Parameter(torch.ones(hidden_size))


def test_a_cell_whose_numbers_would_be_wrong_is_refused_by_name():
    with pytest.raises(ConfigError, match=r"^cell .*PlainMask: .* differ in mask: allowed: .*register it as a buffer"):
        check_job(job("PlainMask"))


class Breaks(NeedsStorage):
    def step(self, x: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        raise RuntimeError("two\nlines")


class Exits(NeedsStorage):
    def step(self, x: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        sys.exit(3)


@pytest.mark.parametrize(("name", "told"), [("Breaks", "RuntimeError: two lines"), ("Exits", "SystemExit: 3")])
def test_a_cell_that_cannot_step_is_refused_by_name(name, told):
    with pytest.raises(ConfigError) as caught:
        check_job(job(name))
    assert str(caught.value) == f"cell {__name__}.{name}: step raised {told}"


class Crashes(NeedsStorage):
    def step(self, x: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        faulthandler.disable()  # pytest's, which would print every thread
        os.kill(os.getpid(), signal.SIGSEGV)
        return state, state


class Hangs(NeedsStorage):
    def step(self, x: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        time.sleep(3600)
        return state, state


class Vanishes(NeedsStorage):
    def step(self, x: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        os._exit(3)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Crashes", "died of SIGSEGV"),
        ("Vanishes", "ended its process with exit code 3"),
        ("Hangs", "did not end within 0.2 s"),
    ],
)
def test_a_cell_that_crashes_or_hangs_in_its_trial_takes_nothing_along_and_is_noted(monkeypatch, name, told):
    monkeypatch.setattr("lstm_bench.engine.trial.TIMEOUT_S", 0.2 if name == "Hangs" else 300.0)
    (note,) = notes_on(job(name))
    assert note == f"cell {__name__}.{name}: its trial {told}, so its numbers were not checked"


def test_what_a_reader_must_know_of_a_cell_is_noted_and_a_cell_with_a_kernel_is_not_tried(monkeypatch):
    alike, unreached = notes_on(job("NeedsStorage"))
    assert "two seeds start with the same parameters" in alike
    assert "no gradient reaches weight in 3 steps (40 numbers" in unreached
    monkeypatch.setattr("lstm_bench.config.objects.try_cell", pytest.fail)
    assert notes_on(job("NeedsStorage")) == [alike, unreached]  # tried once a process
    ours = {"_target_": "lstm_bench.cells.lstm.LSTMCell", "hidden_size": 4}
    assert notes_on(JobConfig("copy", "lstm", TASK, ours, TrainerConfig())) == []


def test_a_complex_parameter_counts_as_two_numbers():
    _, cell = build_job(job("Complex"))
    assert n_parameters(cell) == 2 * 4 * 10 + 4


class OfAnotherLibrary(nn.Module):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()


class Leaves(NeedsStorage):
    def __init__(self, input_size: int, hidden_size: int, *, generator: torch.Generator | None = None) -> None:
        sys.exit(0)


def test_a_cell_of_another_library_is_pointed_to_the_contract():
    with pytest.raises(ConfigError) as caught:
        build_job(job("OfAnotherLibrary"))
    assert str(caught.value) == (
        f"cell._target_={__name__}.OfAnotherLibrary: allowed: a class whose constructor takes input_size, generator, "
        "and this one has no generator; see lstm_bench/cells/contract.py"
    )


def test_a_constructor_that_ends_the_process_is_refused_by_name():
    with pytest.raises(ConfigError, match=r"Leaves: its constructor raised SystemExit: 0$"):
        build_job(job("Leaves"))


@pytest.mark.parametrize("name", ["Raises", "Leaves"])
def test_so_is_that_of_a_task(name):
    task = {"_target_": f"at_the_door.{name}", "input_size": 1, "hidden_size": 1}
    cell = {"_target_": "lstm_bench.cells.rnn.RNNCell", "hidden_size": 4}
    with pytest.raises(ConfigError, match=rf"^task {__name__}\.{name}: its constructor raised (Runtime|SystemEx)"):
        build_job(JobConfig("mine", "rnn", task, cell, TrainerConfig()))


def test_a_cell_that_lacks_a_method_is_refused_by_name():
    with pytest.raises(
        ConfigError, match=r"^cell\._target_=at_the_door\.Stepless: allowed: a torch\.nn\.Module with inp"
    ):
        build_job(job("Stepless"))


def test_a_cell_whose_constructor_needs_storage_is_allowed():
    assert build_job(job("NeedsStorage"))[1].scale == 40
