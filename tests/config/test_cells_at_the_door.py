"""A plug-in that cannot be made is refused before anything runs, and one that needs storage is not."""

import sys
from types import ModuleType

import pytest
import torch
from torch import nn

from lstm_bench.config.errors import ConfigError
from lstm_bench.config.objects import build_job
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
    module.NeedsStorage, module.Raises, module.Stepless = NeedsStorage, Raises, Stepless
    monkeypatch.setitem(sys.modules, "at_the_door", module)


def job(name: str) -> JobConfig:
    return JobConfig("copy", "mine", TASK, {"_target_": f"at_the_door.{name}", "hidden_size": 4}, TrainerConfig())


def test_a_cell_whose_constructor_fails_is_refused_by_name():
    with pytest.raises(ConfigError) as caught:
        build_job(job("Raises"))
    assert str(caught.value) == f"cell {__name__}.Raises: its constructor raised RuntimeError: cannot be made"


def test_a_cell_that_lacks_a_method_is_refused_by_name():
    with pytest.raises(
        ConfigError, match=r"^cell\._target_=at_the_door\.Stepless: allowed: a torch\.nn\.Module with inp"
    ):
        build_job(job("Stepless"))


def test_a_cell_whose_constructor_needs_storage_is_allowed():
    assert build_job(job("NeedsStorage"))[1].scale == 40
