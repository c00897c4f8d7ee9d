"""The unroll for any cell: autograd over its own `step`, member by member.

Exact for every cell that is differentiable, and slow: one small graph a step and member. A cell that matters gets a
kernel of its own in `unroll.FUSED`.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from lstm_bench.cells.contract import Cell, state_parts


class _Sequence(nn.Module):
    """Run a cell over x [T, B, D]; as a module, so that `functional_call` can lend it any parameters."""

    def __init__(self, cell: Cell) -> None:
        super().__init__()
        self.cell: Any = cell

    def forward(self, x: Tensor) -> tuple[list[Tensor], list[dict[str, Tensor]]]:
        state, outputs, states = self.cell.initial_state(x.shape[1]), [], []
        for x_t in x:
            output, state = self.cell.step(x_t, state)
            outputs.append(output)
            states.append(state_parts(state))
        return outputs, states


class GenericUnroll:
    """The `Unroll` of any other cell."""

    name = "autograd over step"

    def __init__(self, cell: Cell) -> None:
        self._sequence = _Sequence(cell)
        self._trained = {name for name, parameter in cell.named_parameters() if parameter.requires_grad}

    def _run(self, parameters: Mapping[str, Tensor], x: Tensor) -> tuple[list[Tensor], list[dict[str, Tensor]]]:
        lent = {f"cell.{name}": tensor for name, tensor in parameters.items()}
        outputs, states = functional_call(self._sequence, lent, (x,))
        return outputs, states

    def forward(self, parameters: Mapping[str, Tensor], inputs: Tensor) -> Tensor:
        """See `Unroll.forward`."""
        members = range(inputs.shape[1])
        lent = [
            {name: tensor[m].detach().requires_grad_(name in self._trained) for name, tensor in parameters.items()}
            for m in members
        ]
        self._leaves = [{name: tensors[name] for name in tensors if name in self._trained} for tensors in lent]
        with torch.enable_grad():
            runs = [self._run(tensors, inputs[:, m]) for m, tensors in enumerate(lent)]
        self._outputs = [outputs for outputs, _ in runs]
        self._states = [states for _, states in runs]
        return torch.stack([torch.stack(outputs) for outputs in self._outputs], dim=1).detach()

    def backward(self, d_outputs: Tensor, with_norms: bool) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """See `Unroll.backward`."""
        results = [self._backward_member(m, d_outputs[:, m], with_norms) for m in range(d_outputs.shape[1])]
        gradients = {n: torch.stack([g[n] for g, _ in results]) for n in self._leaves[0]}
        return gradients, {part: torch.stack([norms[part] for _, norms in results], dim=1) for part in results[0][1]}

    def _backward_member(
        self, m: int, d_outputs: Tensor, with_norms: bool
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        leaves, states = self._leaves[m], self._states[m] if with_norms else []
        reached = [part for state in states for part in state.values() if part.requires_grad]
        outputs = self._outputs[m][-len(d_outputs) :]
        found = torch.autograd.grad(
            outputs, [*leaves.values(), *reached], list(d_outputs), allow_unused=True, materialize_grads=True
        )
        norm_of = {id(part): g.norm() for part, g in zip(reached, found[len(leaves) :], strict=True)}
        nothing = d_outputs.new_zeros(())  # of a part that no parameter enters, say a copy of the input
        parts = states[0] if states else {}
        norms = {part: torch.stack([norm_of.get(id(state[part]), nothing) for state in states]) for part in parts}
        return dict(zip(leaves, found[: len(leaves)], strict=True)), norms

    @torch.no_grad()
    def last_outputs(self, parameters: Mapping[str, Tensor], inputs: Tensor, last: int) -> Tensor:
        """See `Unroll.last_outputs`."""
        members = range(inputs.shape[1])
        runs = [self._run({n: p[m] for n, p in parameters.items()}, inputs[:, m])[0] for m in members]
        return torch.stack([torch.stack(outputs[-last:]) for outputs in runs], dim=1)
