"""The operations of one step of a cell, forward and backward, as one graph.

`make_fx` runs a step of one member and the autograd pass after it once, and records each ATen operation with its
shapes. The graph holds only what a step computes, and no Python (the cell's code, module calls, autograd's nodes). The
batch size of the trace is a prime that divides no other size of the cell, and no sum of these if there is such a prime
(a cell may join its input and its state). So the graph shows where the batch is, and a program made from the graph runs
at any batch size.
"""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch
from torch import Tensor, autograd
from torch._decomp import core_aten_decompositions, get_decompositions
from torch.func import functionalize
from torch.fx import Graph, GraphModule, Node
from torch.fx.experimental.proxy_tensor import make_fx

from lstm_bench.cells.contract import Cell
from lstm_bench.engine.functional_cell import FunctionalCell
from lstm_bench.engine.generic import named_tensors
from lstm_bench.engine.global_generators import GeneratorStates, kept_generators
from lstm_bench.engine.kernel import Parts

aten = torch.ops.aten
PRIMES = [n for n in range(11, 500) if all(n % divisor for divisor in range(2, n))]
MOST_JOINED = 3  # sizes in a sum


class CannotGenerateError(RuntimeError):
    """No kernel can be generated for a cell; the message is one line that says why."""


@dataclass(frozen=True)
class StepGraph:
    """One step of one member, s' = f(w, x, s) with an output y, and its vector-Jacobian product.

    Attributes:
        module: the graph; its constants are attributes of it.
        batch: the batch size of the trace, which divides no other size.
        dtype: the real type of all numbers.
        weights, state, d_state: the nodes of parameters and buffers, of the parts of s, and of dL/ds' by part.
        x, d_output: the nodes of the input and of the loss's own dL/dy.
        output: the node of y.
        following: the node of each part of s'.
        d_weights: the node of each trained parameter's gradient, of this step alone.
        d_entering: the node of dL/ds of each part.
        totals: the node of the total derivative dL/ds', by part; none for a part that depends on no parameter or state.
    """

    module: GraphModule
    batch: int
    dtype: torch.dtype
    weights: Mapping[str, Node]
    x: Node
    state: Mapping[str, Node]
    d_output: Node
    d_state: Mapping[str, Node]
    output: Node
    following: Mapping[str, Node]
    d_weights: Mapping[str, Node]
    d_entering: Mapping[str, Node]
    totals: Mapping[str, Node]

    @property
    def graph(self) -> Graph:
        """The operations in the order in which they were run."""
        return self.module.graph


def trace_step(cell: Cell, training: bool) -> StepGraph:
    """Trace a step of a cell, in training or in evaluation mode.

    Raises: CannotGenerateError for a cell whose step depends on values or draws, or has numbers of other types;
        CellError where it fails.
    """
    functional = FunctionalCell(cell)
    functional.train(training)
    weights = {name: tensor.detach().clone() for name, tensor in named_tensors(cell).items()}
    trained = [name for name, parameter in cell.named_parameters() if parameter.requires_grad]
    with kept_generators(), torch.no_grad():
        sample = functional.initial_state(weights, 1)
    batch = _batch_size(chain.from_iterable(t.shape for t in (*weights.values(), *sample.values())), cell)
    with kept_generators(), torch.no_grad():
        before = GeneratorStates.now()
        state = {part: tensor.detach().clone() for part, tensor in functional.initial_state(weights, batch).items()}
        _check_draws("initial_state", before)
    _check_types(functional.dtype, {name: weights[name] for name in trained} | state)
    x = torch.linspace(
        -1, 1, batch * cell.input_size, dtype=functional.dtype, device=next(iter(weights.values())).device
    )
    totals: list[str] = []

    def step(
        weights: Parts, x: Tensor, state: Parts, d_output: Tensor, d_state: Parts
    ) -> tuple[Tensor, Parts, list[Tensor], list[Tensor], list[Tensor]]:
        for tensor in (*(weights[name] for name in trained), *state.values()):
            tensor.requires_grad_()
        output, following = functional.step(weights, x, state)
        totals[:] = [part for part, tensor in following.items() if tensor.requires_grad]
        ends = [(output, d_output), *((following[part], d_state[part]) for part in totals)]
        ends = [(end, arriving) for end, arriving in ends if end.requires_grad]
        sources = [*(weights[name] for name in trained), *state.values(), *(following[part] for part in totals)]
        outputs, seeds = zip(*ends, strict=True)
        gradients = list(autograd.grad(outputs, sources, seeds, allow_unused=True, materialize_grads=True))
        of_weights, of_state, of_totals = ([gradients.pop(0) for _ in group] for group in (trained, state, totals))
        return output, following, of_weights, of_state, of_totals

    arguments = (
        weights,
        x.view(batch, -1),
        state,
        torch.ones(batch, cell.hidden_size).to(x),
        {part: t.clone() for part, t in state.items()},
    )
    with kept_generators(), torch.enable_grad():
        before = GeneratorStates.now()
        try:
            module = make_fx(step, decomposition_table=_decompositions())(*arguments)
            if any(map(_writes_in_place, module.graph.nodes)):
                with torch.no_grad():  # what is written in place into a step's own tensors becomes new tensors
                    module = make_fx(functionalize(module), decomposition_table=_decompositions())(*arguments)
        except (Exception, SystemExit) as error:  # tracing fails in many ways, as vmap does
            raise CannotGenerateError(" ".join(str(error).split())) from error
        _check_draws("step", before)
    return _described(module, batch, functional.dtype, list(weights), list(state), trained, totals)


_FURTHER = [
    aten.native_layer_norm_backward,
    aten._softmax,
    aten._softmax_backward_data,
    aten.gelu,
]


@functools.cache
def _decompositions() -> dict[Any, Callable[..., Any]]:
    """Return the decompositions of operations into those of `operations.py`."""
    return {**core_aten_decompositions(), **get_decompositions(_FURTHER), **_OWN}


def _addmm(bias: Tensor, a: Tensor, b: Tensor, beta: float = 1, alpha: float = 1) -> Tensor:
    product = torch.mm(a, b)
    return bias + product if alpha == beta == 1 else beta * bias + alpha * product


def _layer_norm(
    x: Tensor, shape: Sequence[int], weight: Tensor | None, bias: Tensor | None, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    axes = list(range(-len(shape), 0))
    mean = x.mean(axes, keepdim=True)
    centred = x - mean
    scale = torch.rsqrt((centred * centred).mean(axes, keepdim=True) + eps)
    normed = centred * scale
    weighted = normed if weight is None else normed * weight
    return (weighted if bias is None else weighted + bias), mean, scale


_OWN = {aten.addmm.default: _addmm, aten.native_layer_norm.default: _layer_norm}


def _batch_size(sizes: Iterable[int], cell: Cell) -> int:
    """Return a prime that divides no size, and as few sums of sizes as possible."""
    known = {size for size in (*sizes, cell.input_size, cell.hidden_size) if size}
    joined = [{0}]
    for _ in range(MOST_JOINED):
        joined.append({abs(total + sign * size) for total in joined[-1] for size in known for sign in (1, -1)})
    for n_joined in range(MOST_JOINED, 0, -1):
        totals = set().union(*joined[: n_joined + 1])
        for prime in PRIMES:
            if all(total % prime for total in totals if total):
                return prime
    raise CannotGenerateError("all small primes divide its sizes")


def _check_draws(method: str, before: GeneratorStates) -> None:
    if drawn := GeneratorStates.now().differing(before):
        raise CannotGenerateError(f"{method} draws from {' and '.join(drawn)} global generator")


def _check_types(dtype: torch.dtype, tensors: Parts) -> None:
    if dtype not in (torch.float32, torch.float64):
        raise CannotGenerateError(f"numbers of {dtype}")
    for name, tensor in tensors.items():
        if tensor.dtype != dtype:
            raise CannotGenerateError(f"{name} is of {tensor.dtype}")


def _described(
    module: GraphModule,
    batch: int,
    dtype: torch.dtype,
    weights: list[str],
    parts: list[str],
    trained: list[str],
    totals: list[str],
) -> StepGraph:
    """Return a traced graph with its nodes by name."""
    module.graph.eliminate_dead_code()
    for node in module.graph.nodes:
        _check(node)
    entering = iter(node for node in module.graph.nodes if node.op == "placeholder")
    take: Callable[[list[str]], dict[str, Node]] = lambda names: {name: next(entering) for name in names}  # noqa: E731
    of_weights, x, state = take(weights), next(entering), take(parts)
    d_output, d_state = next(entering), take(parts)
    (leaving,) = (node for node in module.graph.nodes if node.op == "output")
    ends = iter(torch.utils._pytree.tree_leaves(leaving.args[0]))
    output = next(ends)
    following, d_weights, d_entering, of_totals = (
        {name: next(ends) for name in names} for names in (parts, trained, parts, totals)
    )
    return StepGraph(
        module,
        batch,
        dtype,
        of_weights,
        x,
        state,
        d_output,
        d_state,
        output,
        following,
        d_weights,
        d_entering,
        of_totals,
    )


def _check(node: Node) -> None:
    """Refuse an operation that writes in place or draws."""
    if _writes_in_place(node):
        raise CannotGenerateError(f"a step writes in place ({node.target})")
    if isinstance(node.target, torch._ops.OpOverload) and torch.Tag.nondeterministic_seeded in node.target.tags:
        raise CannotGenerateError(f"a step draws random numbers ({node.target})")


def _writes_in_place(node: Node) -> bool:
    return isinstance(node.target, torch._ops.OpOverload) and node.target._schema.is_mutable
