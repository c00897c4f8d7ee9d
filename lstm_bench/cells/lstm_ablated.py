"""The long short-term memory without one of its parts."""

from typing import Literal, get_args

import torch
from torch import Generator, Tensor, nn

from lstm_bench.cells.initialisation import RecurrentInit
from lstm_bench.cells.lstm import LSTMCell, LSTMState
from lstm_bench.checks import one_of

Part = Literal["forget_gate", "input_gate", "output_gate", "candidate_tanh", "independent_gates"]
WHOLE = "ifgo"  # the blocks of LSTMCell, in its order
BLOCKS: dict[Part, str] = {
    "forget_gate": "igo",
    "input_gate": "fgo",
    "output_gate": "ifg",
    "candidate_tanh": "ifgo",
    "independent_gates": "fgo",
}


class AblatedLSTMCell(nn.Module):
    """Advance an LSTM that lacks one part by one time step.

        c' = sigmoid(f) * c + sigmoid(i) * tanh(g)            # of `LSTMCell`, which has all parts
        h' = sigmoid(o) * tanh(c')

        without                                                                  blocks
        forget_gate          c' = c + sigmoid(i) * tanh(g)                       i, g, o
        input_gate           c' = sigmoid(f) * c + tanh(g)                       f, g, o
        output_gate          h' = tanh(c')                                       i, f, g
        candidate_tanh       c' = sigmoid(f) * c + sigmoid(i) * g                i, f, g, o
        independent_gates    c' = sigmoid(f) * c + (1 - sigmoid(f)) * tanh(g)    f, g, o

    The cell equals LSTMCell in everything else. The blocks that remain have the initial values that LSTMCell draws for
    them from the same generator.

    Args:
        input_size: D, features per step.
        hidden_size: H, width of h and of c.
        without: the part that is missing. A missing gate is 1 throughout and has no parameters; without
            `independent_gates` the input gate is 1 - f.
        init: initial values of each block of W_hh; all others are as in PyTorch, U(-1/sqrt(H), 1/sqrt(H)).
        forget_bias: effective initial bias of f. 0 gives f = 0.5, which halves the memory at every step; None
            leaves PyTorch's two random bias vectors. Must be None where there is no forget gate.
        generator: source of the initial values.

    Attributes:
        blocks: the letters of the blocks in the order in which they are stacked.
        retention: the gate that keeps the state from one step to the next, as `gates` names it; None without it.

    Shapes: x [B, D]; state (h [B, H], c [B, H]) -> output [B, H], state.
    Parameters: G (H^2 + H*D + 2H) for G blocks, named as in torch.nn.LSTM.
    Raises: ValueError for a size below 1, an unknown part or init, or forget_bias without a forget gate.
    References: Hochreiter & Schmidhuber 1997 (the LSTM without forget gate); Greff et al. 2017, whose variants NFG,
        NIG, NOG, NIAF and CIFG these are, in the order of the table, without peepholes; their CIFG learns i and takes
        f = 1 - i.
    """

    weight_ih: nn.Parameter
    weight_hh: nn.Parameter
    bias_ih: nn.Parameter
    bias_hh: nn.Parameter

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        without: Part = "forget_gate",
        init: RecurrentInit = "pytorch",
        forget_bias: float | None = None,
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__()
        one_of(get_args(Part), without=without)
        if forget_bias is not None and without == "forget_gate":
            raise ValueError(f"forget_bias={forget_bias} with without={without}: allowed: null")
        self.input_size, self.hidden_size, self.without = input_size, hidden_size, without
        self.blocks = BLOCKS[without]
        self.retention = "f" if "f" in self.blocks else None
        whole = LSTMCell(input_size, hidden_size, init, forget_bias, generator=generator)
        for name, parameter in whole.named_parameters():
            by_block = dict(zip(WHOLE, parameter.detach().chunk(4), strict=True))
            self.register_parameter(name, nn.Parameter(torch.cat([by_block[block] for block in self.blocks])))

    def initial_state(self, batch_size: int) -> LSTMState:
        """Return h = c = 0."""
        zeros = self.weight_hh.new_zeros(batch_size, self.hidden_size)
        return LSTMState(h=zeros, c=zeros.clone())

    def gates(self, x: Tensor, state: LSTMState) -> dict[str, Tensor]:
        """Return the gates of a step, between 0 and 1, each [B, H], by name: i, f and o without the missing one."""
        return self._open(self._before_gates(x, state))

    def _before_gates(self, x: Tensor, state: LSTMState) -> dict[str, Tensor]:
        pre = x @ self.weight_ih.T + self.bias_ih + state.h @ self.weight_hh.T + self.bias_hh
        return dict(zip(self.blocks, pre.chunk(len(self.blocks), dim=-1), strict=True))

    def _open(self, pre: dict[str, Tensor]) -> dict[str, Tensor]:
        gates = {block: torch.sigmoid(value) for block, value in pre.items() if block != "g"}
        return {"i": 1 - gates["f"], **gates} if self.without == "independent_gates" else gates

    def step(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        """Return (h', (h', c'))."""
        pre = self._before_gates(x, state)
        gates = self._open(pre)
        candidate = pre["g"] if self.without == "candidate_tanh" else torch.tanh(pre["g"])
        c = _through(gates.get("f"), state.c) + _through(gates.get("i"), candidate)
        h = _through(gates.get("o"), torch.tanh(c))
        return h, LSTMState(h=h, c=c)


def _through(gate: Tensor | None, signal: Tensor) -> Tensor:
    return signal if gate is None else gate * signal
