"""Facts about each class of cells in addition to its equations, declared once.

Cells are looked up by their exact class. A plug-in has no facts, nor has a subclass, which may step
differently. Kernels are declared in `engine.kernel_dispatch`, because cells do not depend on the engine.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from lstm_bench.cells.gru import GRUCell
from lstm_bench.cells.lstm import LSTMCell
from lstm_bench.cells.lstm_1997 import OriginalLSTMCell
from lstm_bench.cells.lstm_ablated import AblatedLSTMCell
from lstm_bench.cells.rnn import RNNCell

StockLayer = nn.RNN | nn.GRU | nn.LSTM


@dataclass(frozen=True)
class CellFacts:
    """Facts about a class of cells.

    Attributes:
        nonlinearities: returns how many sigmoids, tanhs and relus a cell evaluates in one time step of one sequence.
        stock_layer: makes the layer of torch.nn that computes what a cell does; None where torch.nn has none.
        published_name: the cell's name in the tables of published results; None where they have no such cell.
    """

    nonlinearities: Callable[[Any], int]
    stock_layer: Callable[[Any], StockLayer] | None = None
    published_name: str | None = None


def _stock_rnn(cell: RNNCell) -> nn.RNN:
    return nn.RNN(cell.input_size, cell.hidden_size, nonlinearity=cell.nonlinearity)


REGISTRY: Mapping[type, CellFacts] = {
    RNNCell: CellFacts(
        nonlinearities=lambda cell: cell.hidden_size,
        stock_layer=_stock_rnn,
        published_name="rnn",
    ),
    GRUCell: CellFacts(
        nonlinearities=lambda cell: 3 * cell.hidden_size,
        stock_layer=lambda cell: nn.GRU(cell.input_size, cell.hidden_size),
        published_name="gru",
    ),
    LSTMCell: CellFacts(
        nonlinearities=lambda cell: 5 * cell.hidden_size,
        stock_layer=lambda cell: nn.LSTM(cell.input_size, cell.hidden_size),
        published_name="lstm",
    ),
    # Whichever part is missing, one of the LSTM's five nonlinearities is missing with it.
    AblatedLSTMCell: CellFacts(nonlinearities=lambda cell: 4 * cell.hidden_size),
    # The candidate and the inner state of each cell, and the two gates of each block.
    OriginalLSTMCell: CellFacts(
        nonlinearities=lambda cell: 2 * cell.hidden_size + 2 * cell.blocks,
        published_name="lstm_1997",
    ),
}


def facts_of(cell: object) -> CellFacts | None:
    """Return the facts about a cell's class; None for a class that is not in the registry."""
    return REGISTRY.get(type(cell))


def stock_layer(cell: object) -> StockLayer | None:
    """Return the layer of torch.nn that computes what a cell does; None where torch.nn has none, or none is known."""
    facts = facts_of(cell)
    return None if facts is None or facts.stock_layer is None else facts.stock_layer(cell)
