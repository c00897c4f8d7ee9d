"""How the parts of an opaque state are named in the gradient curves."""

from typing import NamedTuple

import torch
from torch import Tensor

from lstm_bench.cells.contract import state_parts


class Named(NamedTuple):
    """A plug-in's own names."""

    fast: Tensor
    slow: Tensor


def test_a_lone_tensor_is_h() -> None:
    assert list(state_parts(torch.zeros(2, 3))) == ["h"]


def test_a_named_tuple_names_its_own_parts() -> None:
    parts = state_parts(Named(fast=torch.zeros(1), slow=torch.ones(1)))
    assert {name: float(part) for name, part in parts.items()} == {"fast": 0.0, "slow": 1.0}


def test_a_plain_tuple_is_numbered() -> None:
    parts = state_parts((torch.zeros(1), torch.ones(1), torch.full((1,), 2.0)))
    assert {name: float(part) for name, part in parts.items()} == {"s0": 0.0, "s1": 1.0, "s2": 2.0}
