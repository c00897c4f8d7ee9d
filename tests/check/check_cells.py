"""Plug-ins for the tests of the check: a good one, and bad ones that each break one rule."""

import random
import warnings
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor, nn


class Good(nn.Module):
    """h' = tanh(W [x, h])."""

    def __init__(self, input_size: int, hidden_size: int, *, generator: Generator | None = None) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        start = torch.empty(hidden_size, input_size + hidden_size)
        self.weight = nn.Parameter(start.uniform_(-0.4, 0.4, generator=generator))
        self.prepare()

    def prepare(self) -> None:
        """What a kind adds in its constructor."""

    def initial_state(self, batch_size: int) -> Any:
        return self.weight.new_zeros(batch_size, self.hidden_size)

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        h = torch.tanh(torch.cat((x, h), dim=1) @ self.weight.T)
        return h, h


class WrongShape(Good):
    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        output, h = super().step(x, h)
        return output[:, :-1], h


class InPlace(Good):
    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        following = super().step(x, h)[0]
        h.mul_(0.5)
        return following, following


class WritesIntoItsInput(Good):
    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        h = super().step(x, h)[0]
        x.zero_()
        return h, h


class HiddenDraws(Good):
    """Draws its start from torch's global generator."""

    def prepare(self) -> None:
        nn.init.xavier_uniform_(self.weight)


class NumpyDraws(Good):
    def prepare(self) -> None:
        self.weight.data = torch.from_numpy(np.random.standard_normal(self.weight.shape)).float() * 0.3


class PythonDraws(Good):
    def prepare(self) -> None:
        self.weight.data *= random.random()


class Unseeded(Good):
    """Draws its start from a generator of NumPy that no seed decides."""

    def prepare(self) -> None:
        self.weight.data = torch.from_numpy(np.random.default_rng().random(self.weight.shape)).float()


class Unused(Good):
    def prepare(self) -> None:
        self.spare = nn.Parameter(torch.ones(self.hidden_size))


class Heads(Good):
    """Refuses a hidden size that its heads do not divide."""

    def __init__(
        self, input_size: int, hidden_size: int, heads: int = 4, *, generator: Generator | None = None
    ) -> None:
        if hidden_size % heads:
            raise ValueError(f"hidden_size={hidden_size}: allowed: a multiple of heads={heads}")
        super().__init__(input_size, hidden_size, generator=generator)
        self.heads = heads


class HeadsInStep(Good):
    """Notices in its step that its heads do not divide the hidden size."""

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        return super().step(x, h.view(len(h), 4, self.hidden_size // 4).flatten(1))


class OtherWidth(Good):
    """Makes a cell of another width than it is told."""

    def __init__(self, input_size: int, hidden_size: int, *, generator: Generator | None = None) -> None:
        super().__init__(input_size, max(hidden_size, 8), generator=generator)


class WrapsLSTM(Good):
    """One step of torch.nn's layer."""

    def prepare(self) -> None:
        del self.weight
        self.lstm = nn.LSTM(self.input_size, self.hidden_size)

    def initial_state(self, batch_size: int) -> Any:
        zeros = self.lstm.weight_hh_l0.new_zeros(batch_size, self.hidden_size)
        return zeros, zeros

    def step(self, x: Tensor, state: Any) -> Any:
        output, after = self.lstm(x.unsqueeze(0), tuple(part.unsqueeze(0) for part in state))
        return output[0], tuple(part[0] for part in after)


class Scriptable(nn.Module):
    """A cell that TorchScript can compile whole."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.weight = nn.Parameter(torch.empty(hidden_size, input_size + hidden_size))

    @torch.jit.export
    def initial_state(self, batch_size: int) -> Tensor:
        return torch.zeros(batch_size, self.hidden_size, dtype=self.weight.dtype, device=self.weight.device)

    @torch.jit.export
    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        h = torch.tanh(torch.cat((x, h), dim=1) @ self.weight.t())
        return h, h


def scripted(input_size: int, hidden_size: int, *, generator: Generator | None = None) -> Any:
    """Return a cell that is a TorchScript module."""
    cell = Scriptable(input_size, hidden_size)
    nn.init.uniform_(cell.weight, -0.4, 0.4, generator=generator)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of Python 3.14 alone
        return torch.jit.script(cell)


class CutsTheGradient(Good):
    """A gain whose gradient is cut off on one of its two ways."""

    def prepare(self) -> None:
        self.gain = nn.Parameter(torch.ones(self.hidden_size))

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        h = super().step(x, h * self.gain.detach())[0]
        return h * self.gain, h * self.gain


class TwiceTheGradient(torch.autograd.Function):
    """y = x, whose backward is wrong by a factor of 2."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, d_y: Tensor) -> Tensor:
        return 2 * d_y


class WrongBackward(Good):
    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        return super().step(TwiceTheGradient.apply(x), h)


class StraightThrough(Good):
    """Rounds its output, and pretends that it does not on the way back."""

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        h = super().step(x, h)[0]
        return h + (h.sign() - h).detach(), h


class Complex(Good):
    """z' = e^(i w) z / 2 + W x, of complex numbers; the output is its real part."""

    def prepare(self) -> None:
        del self.weight
        start = torch.linspace(-1, 1, self.hidden_size * self.input_size).view(self.hidden_size, -1)
        self.into = nn.Parameter(torch.complex(start, start.cos()))
        self.phase = nn.Parameter(torch.linspace(0, 3, self.hidden_size))

    def initial_state(self, batch_size: int) -> Any:
        return self.into.new_zeros(batch_size, self.hidden_size)

    def step(self, x: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        z = torch.polar(torch.full_like(self.phase, 0.5), self.phase) * z + x.to(z.dtype) @ self.into.T
        return z.real, z


class MeetsOthers(Good):
    """Takes the mean of its batch out of its state in either mode."""

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        return super().step(x, h - h.mean(dim=0, keepdim=True))


class BatchNorm(Good):
    def prepare(self) -> None:
        self.norm = nn.BatchNorm1d(self.hidden_size)

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        h = self.norm(super().step(x, h)[0])
        return h, h


class Dropout(Good):
    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        h = super().step(x, h)[0]
        return nn.functional.dropout(h, 0.3, self.training), h


class CountsScores(Good):
    """A buffer that moves in evaluation mode, too."""

    def prepare(self) -> None:
        self.register_buffer("steps", torch.zeros(()))

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        self.steps += 1
        return super().step(x, h)


class Places(Good):
    """Permutes its state by places that it keeps in a buffer of whole numbers."""

    def prepare(self) -> None:
        self.register_buffer("places", torch.arange(self.hidden_size).roll(1))
        self.register_buffer("mask", torch.arange(self.hidden_size) % 2 == 0)

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        return super().step(x, torch.where(self.mask, h[:, self.places], h))


class Late(Good):
    """Makes a parameter in its first step."""

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        if not hasattr(self, "gain"):
            self.gain = nn.Parameter(torch.ones(()))
        return super().step(x, h * self.gain)


class Branches(Good):
    """Looks at a value of its first input to decide what to do."""

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        return super().step(x if x[0, 0] > 2 else 2 * x, h)


class Exits(Good):
    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        raise SystemExit(3)
