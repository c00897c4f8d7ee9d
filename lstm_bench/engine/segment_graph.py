"""The autograd graph of one segment of time, for one member or for all of them in one call."""

from collections.abc import Sequence

from torch import Tensor, autograd, zeros_like
from torch._C._functorch import _add_batch_dim, _remove_batch_dim, maybe_current_level
from torch.func import vmap

from lstm_bench.cells.reals import has_derivative
from lstm_bench.engine.functional_cell import FunctionalCell
from lstm_bench.engine.kernel import Parts


class SegmentGraph:
    """The outputs and states of a segment, with the graph that leads back from them.

    Attributes:
        entered: the state before the first step, a leaf.
        outputs: of each step.
        states: after each step; the next step continues from these very tensors, so each has a total derivative.

    Args:
        functional: the cell.
        weights: its parameters and buffers.
        inputs: [T, B, D], or [T, M, B, D] where batched.
        state: before the first step.
        batched: whether all tensors are those of several members, to be run in one call.
    """

    def __init__(
        self, functional: FunctionalCell, weights: Parts, inputs: Tensor, state: Parts, batched: bool = False
    ) -> None:
        self.entered = {part: tensor.detach() for part, tensor in state.items()}
        for tensor in self.entered.values():
            tensor.requires_grad_(has_derivative(tensor))
        self.states = list[Parts]()
        if batched:
            self._members = inputs.shape[1]
            run = vmap(functional.steps, in_dims=(0, 0, 0, None))
            self.outputs: list[Tensor] = run(weights, list(inputs), self.entered, self._keep_of_all)
        else:
            self.outputs = functional.steps(weights, inputs, self.entered, self._keep)

    def _keep(self, state: Parts) -> Parts:
        self.states.append(state)
        return state

    def _keep_of_all(self, state: Parts) -> Parts:
        """Keep the tensors of all members, and return one member's view of them, from which the next step continues.

        The tensors that `vmap` itself returns may be views that the next step does not use; no gradient reaches them.
        """
        level = maybe_current_level()
        assert level is not None  # `vmap` calls this
        together = {part: _remove_batch_dim(tensor, level, self._members, 0) for part, tensor in state.items()}
        self.states.append(together)
        return {part: _add_batch_dim(tensor, 0, level) for part, tensor in together.items()}

    def gradients(
        self, d_outputs: Tensor, d_state: Parts, parameters: Sequence[Tensor], with_states: bool
    ) -> list[Tensor]:
        """Return the gradients of the parameters, of the state that entered and, with `with_states`, of each state.

        `d_outputs` are the gradients of the last outputs, `d_state` those of the last state.
        """
        ends = [*self.outputs[len(self.outputs) - len(d_outputs) :], *(self.states[-1][part] for part in d_state)]
        states = [self.entered, *(self.states if with_states else ())]
        parts = [part for state in states for part in state.values()]
        return gradients_of(ends, [*d_outputs, *d_state.values()], [*parameters, *parts])


def gradients_of(outputs: Sequence[Tensor], arriving: Sequence[Tensor], inputs: Sequence[Tensor]) -> list[Tensor]:
    """Return the gradient of each input from those `arriving` at the outputs; 0 where no output depends on it."""
    pairs = [(output, seed) for output, seed in zip(outputs, arriving, strict=True) if output.requires_grad]
    differentiable = [tensor for tensor in inputs if tensor.requires_grad]
    if not pairs or not differentiable:
        return [zeros_like(tensor) for tensor in inputs]
    ends, seeds = zip(*pairs, strict=True)
    gradients = autograd.grad(ends, differentiable, seeds, allow_unused=True, materialize_grads=True)
    by_id = {id(tensor): gradient for tensor, gradient in zip(differentiable, gradients, strict=True)}
    return [by_id[id(t)] if id(t) in by_id else zeros_like(t) for t in inputs]
