"""A step whose numbers are drawn from a seed."""

import torch

from lstm_bench.cells.lstm import LSTMCell
from lstm_bench.probes.anatomy import StepAnatomy, dissect


def drawn_step(input_size: int, hidden_size: int, seed: int) -> StepAnatomy:
    """Take a step of a fresh LSTM apart: weights as the cell starts, x and c from N(0, 1), h = tanh of N(0, 1)."""
    generator = torch.Generator().manual_seed(seed)
    cell = LSTMCell(input_size, hidden_size, generator=generator)
    x, h, c = (torch.randn(size, generator=generator) for size in (input_size, hidden_size, hidden_size))
    return dissect(cell, x, h.tanh(), c)
