"""One step of the layers of torch.nn with everything inside it kept: gates, candidate and state."""

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

import torch
from torch import Tensor

Mode = Literal["LSTM", "GRU", "RNN_TANH", "RNN_RELU"]  # as torch.nn names them
State = tuple[Tensor, ...]  # (h, c) for an LSTM, (h,) for the others


class LayerWeights(NamedTuple):
    """One direction of one layer: W_ih [G H, D], W_hh [G H, P], b_ih and b_hh [G H]; W_hr [P, H] of a projection."""

    ih: Tensor
    hh: Tensor
    b_ih: Tensor
    b_hh: Tensor
    hr: Tensor | None = None

    @property
    def input_size(self) -> int:
        """D, the numbers of one input."""
        return self.ih.shape[1]

    @property
    def output_size(self) -> int:
        """P, the numbers of h: H without a projection."""
        return self.hh.shape[1]

    @property
    def hidden_size(self) -> int:
        """H, the number of units."""
        return self.hh.shape[1] if self.hr is None else self.hr.shape[1]


class StepResult(NamedTuple):
    """The values inside a step by name, each [..., H] (h [..., P]), and the state after it.

    The first part of the state is the output.
    """

    inside: dict[str, Tensor]
    state: State


def lstm_step(weights: LayerWeights, x: Tensor, state: State) -> StepResult:
    """Take a step of an LSTM.

        i, f, g, o = split(W_ih x + b_ih + W_hh h + b_hh);   i, f, o through sigmoid, g through tanh
        c' = f c + i g,   h' = o tanh(c'), with a projection h' = W_hr (o tanh(c'))

    Source: Gers, Schmidhuber & Cummins 2000; Sak, Senior & Beaufays 2014 for the projection.
    """
    h, c = state
    i, f, g, o = (x @ weights.ih.T + weights.b_ih + h @ weights.hh.T + weights.b_hh).chunk(4, dim=-1)
    i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
    c = f * c + i * g
    h = o * c.tanh()
    if weights.hr is not None:
        h = h @ weights.hr.T
    return StepResult({"f": f, "i": i, "g": g, "o": o, "c": c, "h": h}, (h, c))


def gru_step(weights: LayerWeights, x: Tensor, state: State) -> StepResult:
    """Take a step of a GRU.

        r = sigmoid(W_ir x + b_ir + W_hr h + b_hr),   z = sigmoid(W_iz x + b_iz + W_hz h + b_hz)
        n = tanh(W_in x + b_in + r (W_hn h + b_hn)),   h' = (1 - z) n + z h

    Source: Cho et al. 2014, in the variant of cuDNN, which applies r after the product; z is 1 - z of some papers.
    """
    (h,) = state
    r_x, z_x, n_x = (x @ weights.ih.T + weights.b_ih).chunk(3, dim=-1)
    r_h, z_h, n_h = (h @ weights.hh.T + weights.b_hh).chunk(3, dim=-1)
    r, z = (r_x + r_h).sigmoid(), (z_x + z_h).sigmoid()
    n = (n_x + r * n_h).tanh()
    h = (1 - z) * n + z * h
    return StepResult({"z": z, "r": r, "n": n, "h": h}, (h,))


def rnn_step(phi: Callable[[Tensor], Tensor], weights: LayerWeights, x: Tensor, state: State) -> StepResult:
    """Take a step of an Elman network, h' = phi(W_ih x + b_ih + W_hh h + b_hh)."""
    h = phi(x @ weights.ih.T + weights.b_ih + state[0] @ weights.hh.T + weights.b_hh)
    return StepResult({"h": h}, (h,))


STEPS: Mapping[Mode, Callable[[LayerWeights, Tensor, State], StepResult]] = {
    "LSTM": lstm_step,
    "GRU": gru_step,
    "RNN_TANH": lambda weights, x, state: rnn_step(torch.tanh, weights, x, state),
    "RNN_RELU": lambda weights, x, state: rnn_step(torch.relu, weights, x, state),
}
BLOCKS: Mapping[Mode, int] = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}  # G, of H rows each


def initial_state(mode: Mode, weights: LayerWeights) -> State:
    """Return the state before the first step, zeros."""
    h = weights.hh.new_zeros(weights.output_size)
    return (h, weights.hh.new_zeros(weights.hidden_size)) if mode == "LSTM" else (h,)
