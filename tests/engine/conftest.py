"""An independent model of torch.nn to hold the engine against."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch.nn.functional as F
from torch import Tensor, nn

from lstm_bench.tasks.adding import AddingTask


class StockModel(nn.Module):
    """A recurrent layer of torch.nn and a linear read-out, with the weights of one member of a population."""

    def __init__(self, weights: Mapping[str, Tensor], nonlinearity: str = "tanh") -> None:
        super().__init__()
        rows, input_size = weights["cell.weight_ih"].shape
        hidden_size = weights["cell.weight_hh"].shape[1]
        dtype: Any = weights["cell.weight_hh"].dtype
        if rows == hidden_size:
            self.layer: nn.Module = nn.RNN(input_size, hidden_size, nonlinearity=nonlinearity, dtype=dtype)
        else:
            self.layer = {3: nn.GRU, 4: nn.LSTM}[rows // hidden_size](input_size, hidden_size, dtype=dtype)
        self.readout = nn.Linear(hidden_size, len(weights["readout.bias"]), dtype=dtype)
        self.load_state_dict(
            {
                f"{name.replace('cell.', 'layer.')}_l0" if name.startswith("cell.") else name: tensor
                for name, tensor in weights.items()
            }
        )

    def forward(self, inputs: Tensor) -> Tensor:
        return self.readout(self.layer(inputs)[0])

    def loss(self, task: Any, inputs: Tensor, targets: Tensor) -> Tensor:
        """Return the task's loss by torch.nn.functional, over the steps that the loss reads."""
        predictions = self(inputs)[-len(targets) :]
        if isinstance(task, AddingTask):
            return F.mse_loss(predictions.squeeze(-1), targets)
        return F.cross_entropy(predictions.flatten(0, 1), targets.flatten())

    def weights(self) -> dict[str, Tensor]:
        """Return the parameters under the population's names."""
        return {
            name.replace("layer.", "cell.").removesuffix("_l0"): parameter.detach()
            for name, parameter in self.named_parameters()
        }


@pytest.fixture
def stock_model() -> type[StockModel]:
    return StockModel
