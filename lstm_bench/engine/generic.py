"""The kernel for any cell: autograd over the cell's `step`, all members in one call where the cell permits it.

`torch.func.vmap` turns a step of one member into a step of all. It refuses cells that branch on values, draw random
numbers or write in place into tensors they do not own; such a cell is run member by member. Before it is used, both
ways run a small problem, and outputs, gradients, norms and buffers must agree.

A cell that is run member by member may draw from the global generators: each member then has streams of its own, seeded
anew at each `start`. Numbers may be complex: the state is differentiable at every cut, and a norm is that of |z|.

The kernel is exact for every differentiable cell, and slow, as autograd builds a small graph for each step.
"""

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from types import EllipsisType

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.func import vmap

from lstm_bench.cells.contract import Cell
from lstm_bench.cells.reals import as_reals, has_derivative, widened
from lstm_bench.engine.functional_cell import FunctionalCell
from lstm_bench.engine.global_generators import GeneratorStates, continue_from, kept_generators
from lstm_bench.engine.kernel import Kernel, Parts
from lstm_bench.engine.segment_graph import SegmentGraph, gradients_of

TRIAL_BATCH, TRIAL_STEPS = 3, 3
TRIAL_WEIGHTS = (1.0, 1.01)  # factors on the weights of two members, so that they differ a little
RELATIVE, ABSOLUTE = 1e-3, 1e-5  # both ways differ by rounding alone
# One call for all pays from three members on: it takes 1.3 to 1.7 times as long as one call after another with one
# member, 0.9 to 1.1 times with two and 0.66 to 0.86 times with three (MGU and LEM, H 16 to 128, T 100, B 32; one core
# of an AMD EPYC, torch 2.13, 2026-11-28). A fixed number, since a choice by the clock would change last bits between
# runs.
BATCHED_FROM = 3


@dataclass(frozen=True)
class Surroundings:
    """What a step may depend on besides weights, input and state: generators, and buffers that the cell writes into."""

    present: GeneratorStates
    streams: list[int | GeneratorStates]
    buffers: list[Parts]


class GenericKernel:
    """The `Kernel` of any cell without one of its own.

    Args:
        cell: any cell; its parameters serve as an example only.
        batched: whether one call a step runs all members; None does so where there are at least BATCHED_FROM of them
            and a trial shows that the cell permits it.
        training: the mode of the cell while it runs: `train()` to train, `eval()` to score and to probe.
        members: how many there are at the start. Those that end do not change the way the others run, nor their bits.

    Every method raises CellError where the cell breaks its contract or fails.

    Attributes:
        batched: whether one call a step runs all members.
        seeds: one seed a member for its draws from the next `start` on. Without seeds, a cell draws from the global
            generators as they are. A batched cell draws nothing.
    """

    name = "autograd over step"

    def __init__(
        self, cell: Cell, batched: bool | None = None, training: bool = True, members: int = BATCHED_FROM
    ) -> None:
        self._cell, self._functional, self._training = cell, FunctionalCell(cell), training
        self._trained = {name for name, parameter in cell.named_parameters() if parameter.requires_grad}
        self._step_bytes: dict[torch.Size, int] = {}
        if batched is None:
            batched = members >= BATCHED_FROM and permits_batching(cell, training)
        self.batched = batched
        self.seeds: Sequence[int] = ()

    def bytes_per_step(self, inputs: Tensor) -> int:
        """See `Kernel`; the bytes that autograd saves for one step, measured once for each shape."""
        shape = inputs.shape[2:]
        if shape not in self._step_bytes:
            self._step_bytes[shape] = self._measure_step(torch.zeros(shape, dtype=inputs.dtype))
        return self._step_bytes[shape]

    def _measure_step(self, x: Tensor) -> int:
        storage_bytes: dict[int, int] = {}

        def record(tensor: Tensor) -> Tensor:
            storage_bytes[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        weights = {name: tensor.detach().clone() for name, tensor in named_tensors(self._cell).items()}
        for name in self._trained:
            weights[name].requires_grad_()
        self._set_mode()
        with kept_generators(), torch.enable_grad(), saved_tensors_hooks(record, lambda tensor: tensor):
            output, state = self._functional.step(weights, x, self._functional.initial_state(weights, len(x)))
        for tensor in (output, *state.values()):
            record(tensor)
        for tensor in weights.values():
            storage_bytes.pop(tensor.untyped_storage().data_ptr(), None)
        return max(1, sum(storage_bytes.values()))

    def start(self, parameters: Mapping[str, Tensor], batch_size: int) -> Parts:
        """See `Kernel`."""
        members = range(len(next(iter(parameters.values()))))
        self._groups: list[int | EllipsisType] = [...] if self.batched else list(members)
        self._leaves = [
            {n: tensor[group].detach().requires_grad_(n in self._trained) for n, tensor in parameters.items()}
            for group in self._groups
        ]
        self._streams: list[int | GeneratorStates] = [] if self.batched else list(self.seeds)
        initial_state = (
            vmap(self._functional.initial_state, in_dims=(0, None)) if self.batched else self._functional.initial_state
        )
        self._set_mode()
        self._starts = list[Parts]()
        with self._kept_generators():
            for index, leaves in enumerate(self._leaves):
                with self._drawing(index):
                    self._starts.append(initial_state(leaves, batch_size))
        self._sums = [[torch.zeros_like(leaf) for leaf in self._trained_leaves(leaves)] for leaves in self._leaves]
        return self._join_parts([{part: t.detach() for part, t in start.items()} for start in self._starts])

    def _set_mode(self) -> None:
        self._functional.train(self._training)

    def _kept_generators(self) -> AbstractContextManager[None]:
        """Leave the global generators as they are where members draw from streams of their own."""
        return kept_generators() if self._streams else nullcontext()

    @contextmanager
    def _drawing(self, index: int) -> Iterator[None]:
        """Let a member draw from its own streams during the block, and keep where they stopped for the next block."""
        if not self._streams:
            yield
            return
        continue_from(self._streams[index])
        yield
        self._streams[index] = GeneratorStates.now()

    def surroundings(self) -> Surroundings:
        """Return what the next `forward` depends on besides its arguments."""
        buffers = [{name: leaf.clone() for name, leaf in self._buffers(leaves).items()} for leaves in self._leaves]
        return Surroundings(GeneratorStates.now(), list(self._streams), buffers)

    def _buffers(self, leaves: Parts) -> Parts:
        return {name: leaf for name, leaf in leaves.items() if name not in self._trained}

    @contextmanager
    def back_in(self, earlier: Surroundings) -> Iterator[None]:
        """Restore earlier generators and buffers during the block; put the present ones back afterwards."""
        streams, buffers = self._streams, [self._buffers(leaves) for leaves in self._leaves]
        self._streams = list(earlier.streams)
        self._use(earlier.buffers)
        try:
            with kept_generators():
                earlier.present.restore()
                yield
        finally:
            self._streams = streams
            self._use(buffers)

    def _use(self, buffers: Sequence[Parts]) -> None:
        for leaves, replacements in zip(self._leaves, buffers, strict=True):
            leaves.update(replacements)

    def _trained_leaves(self, leaves: Parts) -> list[Tensor]:
        return [leaf for name, leaf in leaves.items() if name in self._trained]

    def _join(self, tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
        """Return the tensors of all groups in one, with the members along one axis."""
        return tensors[0] if self.batched else torch.stack(list(tensors), dim)

    def _join_parts(self, groups: Sequence[Parts], dim: int = 0) -> Parts:
        return {part: self._join([parts[part] for parts in groups], dim) for part in groups[0]}

    def forward(self, inputs: Tensor, state: Parts) -> tuple[Tensor, Parts]:
        """See `Kernel`."""
        self._set_mode()
        self._graphs = list[SegmentGraph]()
        with self._kept_generators():
            for index, (group, leaves) in enumerate(zip(self._groups, self._leaves, strict=True)):
                entering = {part: tensor[group] for part, tensor in state.items()}
                with self._drawing(index):
                    graph = SegmentGraph(self._functional, leaves, inputs[:, group], entering, self.batched)
                self._graphs.append(graph)
        outputs = [torch.stack([output.detach() for output in graph.outputs]) for graph in self._graphs]
        after = [{part: t.detach() for part, t in graph.states[-1].items()} for graph in self._graphs]
        return self._join(outputs, dim=1), self._join_parts(after)

    def backward(self, d_outputs: Tensor, d_state: Parts | None, with_norms: bool) -> tuple[Parts, Parts]:
        """See `Kernel`."""
        entered, norms = list[Parts](), list[Parts]()
        for group, graph, leaves, sums in zip(self._groups, self._graphs, self._leaves, self._sums, strict=True):
            arriving = {part: gradient[group] for part, gradient in (d_state or {}).items()}
            gradients = graph.gradients(d_outputs[:, group], arriving, self._trained_leaves(leaves), with_norms)
            for total in sums:
                total.add_(gradients.pop(0))
            entered.append({part: gradients.pop(0) for part in graph.entered})
            norms.append(self._norms(list(graph.entered), gradients) if with_norms else {})
        return self._join_parts(entered), self._join_parts(norms, dim=1)

    def _norms(self, parts: list[str], gradients: list[Tensor]) -> Parts:
        """Return the norms of each part [T, M] or [T]; `gradients` has the parts of the first state, then the next."""
        batch_axes = int(self.batched)
        norms = [torch.linalg.vector_norm(widened(g), dim=tuple(range(batch_axes, g.dim()))) for g in gradients]
        return {part: torch.stack(norms[k :: len(parts)]) for k, part in enumerate(parts)}

    def gradients(self, d_start: Parts) -> Parts:
        """See `Kernel`."""
        for group, start, leaves, sums in zip(self._groups, self._starts, self._leaves, self._sums, strict=True):
            arriving = [d_start[part][group] for part in start]
            for total, share in zip(
                sums, gradients_of(list(start.values()), arriving, self._trained_leaves(leaves)), strict=True
            ):
                total.add_(share)
        names = [name for name in self._leaves[0] if name in self._trained]
        return self._join_parts([dict(zip(names, sums, strict=True)) for sums in self._sums])


def permits_batching(cell: Cell, training: bool = True) -> bool:
    """Return whether, in a trial, all members of a cell can step in one call in a mode, with the same results.

    A cell that fails in the trial is run member by member, and raises its own error there.
    """
    return why_not_batched(cell, training) is None


def why_not_batched(cell: Cell, training: bool = True) -> str | None:
    """Return why the members of a cell cannot step in one call in a mode; None where they can."""
    try:
        with warnings.catch_warnings(), kept_generators():
            warnings.simplefilter("error", UserWarning)  # vmap warns where it would loop over members itself, slowly
            ways = [trial(GenericKernel(cell, batched, training), cell) for batched in (False, True)]
    except (
        RuntimeError,
        ValueError,
        TypeError,
        NotImplementedError,
        UserWarning,
    ) as error:  # vmap refuses in many ways
        return str(error)
    if all(agree(a, b) for a, b in zip(*ways, strict=True)):
        return None
    return "several members in one call and one after another give different numbers"


def agree(a: Tensor, b: Tensor) -> bool:
    """Return whether two tensors have one shape and differ by rounding at most."""
    if a.shape != b.shape or not has_derivative(a):
        return torch.equal(a, b)
    return torch.allclose(as_reals(a), as_reals(b), RELATIVE, ABSOLUTE, equal_nan=True)


def trial(kernel: Kernel, cell: Cell) -> list[Tensor]:
    """Return outputs, gradients, norms and buffers of a small problem with two members that draw differently."""
    named = named_tensors(cell)
    weights = {name: torch.stack(_of_two_members(tensor)).detach() for name, tensor in named.items()}
    numbers = next(tensor for tensor in named.values() if has_derivative(tensor))
    shape = (TRIAL_STEPS, len(TRIAL_WEIGHTS), TRIAL_BATCH, cell.input_size)
    ramp = torch.arange(math.prod(shape), dtype=numbers.dtype.to_real(), device=numbers.device)
    if isinstance(kernel, GenericKernel):
        kernel.seeds = range(len(TRIAL_WEIGHTS))
    with torch.enable_grad():
        outputs, _ = kernel.forward(ramp.sin().view(shape), kernel.start(weights, TRIAL_BATCH))
        d_start, norms = kernel.backward(outputs.cos(), None, with_norms=True)
    buffers = [weights[name] for name, _ in cell.named_buffers()]
    return [outputs, *kernel.gradients(d_start).values(), *norms.values(), *buffers]


def _of_two_members(tensor: Tensor) -> list[Tensor]:
    """Return a tensor of each of two members; whole numbers, which may index another tensor, are the same in both."""
    return [tensor * scale if has_derivative(tensor) else tensor for scale in TRIAL_WEIGHTS]


def named_tensors(cell: Cell) -> Parts:
    """Return all parameters and buffers of a cell by name."""
    return dict((*cell.named_parameters(), *cell.named_buffers()))
