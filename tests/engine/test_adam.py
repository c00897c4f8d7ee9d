"""Adam of a block's rows is torch.optim.Adam of each row, to the bit."""

import subprocess
import sys

import pytest
import torch
from torch import Generator, Tensor, nn

from lstm_bench.engine.adam import RowAdam

RATES = (0.01, 0.001, 0.01, 0.3)
PARAMETERS = 37  # no multiple of a vector's width


def draws(generator: Generator) -> Tensor:
    return torch.randn(len(RATES), PARAMETERS, generator=generator)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_each_row_takes_the_steps_of_fused_adam(dtype: torch.dtype) -> None:
    generator = Generator().manual_seed(1)
    block = draws(generator).to(dtype)
    rows = [nn.Parameter(row.clone()) for row in block]
    optimisers = [torch.optim.Adam([row], lr=rate, fused=True) for row, rate in zip(rows, RATES, strict=True)]
    gradients = torch.empty_like(block)
    adam = RowAdam(block, gradients, RATES)
    for _ in range(20):
        gradients.copy_(draws(generator))
        adam.step()
        for row, gradient, optimiser in zip(rows, gradients, optimisers, strict=True):
            row.grad = gradient.clone()
            optimiser.step()
    for index, (row, optimiser) in enumerate(zip(rows, optimisers, strict=True)):
        assert torch.equal(block[index], row)
        state = optimiser.state[row]
        assert adam.moments(index).keys() == state.keys()
        assert all(torch.equal(moment, state[name]) for name, moment in adam.moments(index).items())


def test_a_state_that_is_loaded_goes_on_as_it_would_have() -> None:
    generator = Generator().manual_seed(2)
    block, draws_of_gradients = draws(generator), [draws(generator) for _ in range(6)]
    gradients = torch.empty_like(block)
    adam = RowAdam(block, gradients, RATES)
    assert adam.moments(0) == {}
    for draw in draws_of_gradients[:3]:
        gradients.copy_(draw)
        adam.step()
    resumed_block = block.clone()
    resumed = RowAdam(resumed_block, gradients, RATES)
    for row in range(len(RATES)):
        resumed.load(row, adam.moments(row))
    for draw in draws_of_gradients[3:]:
        gradients.copy_(draw)
        adam.step()
        resumed.step()
    assert torch.equal(block, resumed_block)


def test_training_does_not_import_torchs_compiler() -> None:
    code = (
        "import sys, torch\n"
        "from lstm_bench.engine.adam import RowAdam\n"
        "block = torch.ones(2, 3)\n"
        "RowAdam(block, block.clone(), [0.1, 0.2]).step()\n"
        "assert 'torch._dynamo' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
