"""Run a cell with any parameters, and check its contract at every step.

Every error of a plug-in, raised or returned, is reported with the name of its class. The checks look at shapes and
types, never at values.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from lstm_bench.cells.contract import Cell, CellError, State, cell_error, cell_failure, state_like, state_parts
from lstm_bench.cells.reals import has_derivative
from lstm_bench.engine.global_generators import kept_generators
from lstm_bench.engine.kernel import Parts


class FunctionalCell(nn.Module):
    """Run a cell's two methods under `functional_call`, with any parameters and with states as parts by name.

    Every method raises CellError where the cell raises, or returns what its contract does not allow; an
    out-of-memory error passes unchanged.

    Attributes:
        dtype: the real type of the cell's numbers; those of a complex cell are pairs of it.
    """

    def __init__(self, cell: Cell) -> None:
        super().__init__()
        self.cell: Any = cell
        tensors = (tensor for _, tensor in (*cell.named_parameters(), *cell.named_buffers()))
        numbers = next((tensor for tensor in tensors if has_derivative(tensor)), None)
        if numbers is None:
            raise cell_error(type(cell), "no parameters: allowed: one or more of floating-point or complex numbers")
        self._hidden_size, self.dtype = cell.hidden_size, numbers.dtype.to_real()
        with kept_generators(), torch.no_grad():
            self._example: State = self.call("initial_state", {}, 1)
        self._parts("initial_state", self._example, 1)

    def forward(self, run: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function of this object or its cell; `functional_call` calls this with other parameters in place."""
        return run(*arguments)

    def initial_state(self, weights: Parts, batch_size: int) -> Parts:
        """Return the parts of the state before the first step, each [B, ...]."""
        return self._parts("initial_state", self.call("initial_state", weights, batch_size), batch_size)

    def step(self, weights: Parts, x: Tensor, state: Parts) -> tuple[Tensor, Parts]:
        """Return the output [B, H] and the parts of the next state [B, ...], after an input [B, D]."""
        answer: tuple[Tensor, Parts] = self._with(weights, self._answer, x, state)
        return answer

    def steps(
        self, weights: Parts, inputs: Iterable[Tensor], state: Parts, cut: Callable[[Parts], Parts]
    ) -> list[Tensor]:
        """Return the outputs of steps, one after another; the parameters are put in place once.

        A tensor that a step puts in the place of a parameter or buffer is replaced before the next one, as in `step`.

        Args:
            weights: parameters and buffers by name.
            inputs: [B, D] of each step.
            state: before the first step.
            cut: called with the state after each step; the next one starts from what it returns.
        """
        outputs: list[Tensor] = self._with(weights, self._outputs, inputs, state, cut)
        return outputs

    def _outputs(self, inputs: Iterable[Tensor], state: Parts, cut: Callable[[Parts], Parts]) -> list[Tensor]:
        places, outputs = list(self._places()), list[Tensor]()
        for x in inputs:
            output, next_state = self._answer(x, state)
            outputs.append(output)
            state = cut(next_state)
            for tensors, name, tensor in places:
                tensors[name] = tensor
        return outputs

    def _places(self) -> Iterator[tuple[dict[str, Any], str, Any]]:
        """Yield the place of each parameter and buffer, a dict and a name in it, and the tensor at that place."""
        for module in self.cell.modules():
            for tensors in (module._parameters, module._buffers):
                yield from ((tensors, name, tensor) for name, tensor in tensors.items())

    def _answer(self, x: Tensor, state: Parts) -> tuple[Tensor, Parts]:
        """Return the output and the next state, checked."""
        answer = self._called("step", x, state_like(self._example, state))
        if not isinstance(answer, (tuple, list)) or len(answer) != 2:
            raise self._refusal("step", _described(answer), "two values, the output and the next state")
        output, shape = answer[0], (x.shape[0], self._hidden_size)
        if not isinstance(output, Tensor) or output.shape != shape or output.dtype != x.dtype:
            allowed = f"{list(shape)} of {x.dtype}, which is [batch, hidden_size]"
            raise self._refusal("step", f"as output {_described(output)}", allowed)
        next_state = self._parts("step", answer[1], shape[0])
        self._compare_with_entered(next_state, state)
        return output, next_state

    def _compare_with_entered(self, next_state: Parts, entered: Parts) -> None:
        """Raise CellError where a state leaves a step with other parts, shapes or types than it entered with."""
        if next_state.keys() != entered.keys():
            raise self._refusal(
                "step", f"a state of {', '.join(next_state)}", f"{', '.join(entered)}, as in initial_state"
            )
        for name, part in next_state.items():
            before = entered[name]
            if part.shape != before.shape or part.dtype != before.dtype:
                allowed = f"{list(before.shape)} of {before.dtype}, as in initial_state"
                raise self._refusal("step", f"as state {name} {_described(part)}", allowed)

    def call(self, method: str, weights: Parts, *arguments: Any) -> Any:
        """Return what a method of the cell returns, without checking it."""
        return self._with(weights, self._called, method, *arguments)

    def _with(self, weights: Parts, run: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function while the cell has these parameters and buffers."""
        return functional_call(self, {f"cell.{n}": tensor for n, tensor in weights.items()}, (run, *arguments))

    def _called(self, method: str, *arguments: Any) -> Any:
        """Return what a method of the cell returns; an exception becomes a CellError, except for lack of memory."""
        try:
            return getattr(self.cell, method)(*arguments)
        except (MemoryError, torch.OutOfMemoryError):
            raise
        except Exception as error:
            raise cell_failure(type(self.cell), method, error) from error

    def _parts(self, method: str, state: Any, batch_size: int) -> Parts:
        """Check a state that a method returned, and return its parts."""
        tensors = (state,) if isinstance(state, Tensor) else state
        if not isinstance(tensors, (tuple, list)) or not tensors or not all(isinstance(t, Tensor) for t in tensors):
            raise self._refusal(method, f"as state {_described(state)}", "a tensor or a tuple of tensors")
        parts = dict(state_parts(state))
        for name, part in parts.items():
            if not part.dim() or part.shape[0] != batch_size:
                raise self._refusal(method, f"as state {name} {_described(part)}", f"[batch, ...], {batch_size} first")
            if has_derivative(part) and part.dtype.to_real() != self.dtype:
                allowed = f"{self.dtype if part.is_floating_point() else self.dtype.to_complex()}, as the parameters"
                raise self._refusal(method, f"as state {name} {_described(part)}", allowed)
        return parts

    def _refusal(self, method: str, returned: str, allowed: str) -> CellError:
        return cell_error(type(self.cell), f"{method} returned {returned}: allowed: {allowed}")


def _described(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"a tensor {list(value.shape)} of {value.dtype}"
    if isinstance(value, (tuple, list)):
        return f"{len(value)} values ({', '.join(type(item).__name__ for item in value)})"
    return "None" if value is None else f"a value of type {type(value).__name__}"
