"""The loop a user would write: torch.nn and PyTorch's defaults, one model after another. The speed study runs it too.

python experiments/speed/plain_loop.py --cell LSTM --lag 400 --hidden 128 --steps 20
"""

import argparse
import time

import torch
from torch import Tensor, nn


class Model(nn.Module):
    """A recurrent layer, and a linear read-out of its last output."""

    def __init__(self, cell: str, hidden: int) -> None:
        super().__init__()
        self.layer = getattr(nn, cell)(2, hidden)
        self.readout = nn.Linear(hidden, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map [T, B, 2] to [B]."""
        outputs, _ = self.layer(x)
        return self.readout(outputs[-1]).squeeze(1)


def adding_batch(lag: int, batch: int) -> tuple[Tensor, Tensor]:
    """Draw the adding problem: two marked numbers, one in each half, whose sum is asked for."""
    values, markers, column = torch.rand(lag, batch), torch.zeros(lag, batch), torch.arange(batch)
    first, second = torch.randint(0, lag // 2, (batch,)), torch.randint(lag // 2, lag, (batch,))
    markers[first, column] = 1.0
    markers[second, column] = 1.0
    return torch.stack([values, markers], dim=2), values[first, column] + values[second, column]


class Training:
    """One model in training."""

    def __init__(self, cell: str, lag: int, hidden: int, batch: int) -> None:
        self.model, self.lag, self.batch = Model(cell, hidden), lag, batch
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-3)

    def step(self) -> float:
        """Train one batch; return its loss."""
        x, y = adding_batch(self.lag, self.batch)
        loss = nn.functional.mse_loss(self.model(x), y)
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        return loss.item()


def main() -> None:
    """Train some models, one after another, and say how long that took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cell", choices=["RNN", "GRU", "LSTM"], default="LSTM")
    for name, default in (("lag", 100), ("hidden", 64), ("batch", 32), ("steps", 100), ("seeds", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    for seed in range(asked.seeds):
        torch.manual_seed(seed)
        training = Training(asked.cell, asked.lag, asked.hidden, asked.batch)
        started = time.perf_counter()
        losses = [training.step() for _ in range(asked.steps)]
        seconds = time.perf_counter() - started
        print(f"seed {seed}: loss {losses[-1]:.4f}, {asked.steps / seconds:.2f} steps/s")


if __name__ == "__main__":
    main()
