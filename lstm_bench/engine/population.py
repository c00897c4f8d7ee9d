"""A population: the parameters of M members of one cell in one block, trained together but independently."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from lstm_bench.cells.reals import as_reals, from_reals
from lstm_bench.engine.adam import BETA2, RowAdam
from lstm_bench.engine.compiled.kernel import CompiledKernel
from lstm_bench.engine.compiled.readout import CompiledReadout
from lstm_bench.engine.generic import GenericKernel
from lstm_bench.engine.kernel import Parts
from lstm_bench.engine.kernel_dispatch import kernel_of, readout_of
from lstm_bench.engine.memory_plan import MemoryPlan, plan_for
from lstm_bench.engine.model import Model, model_tensors
from lstm_bench.engine.readout import ReadoutBatch, ReadoutGradients, read_out
from lstm_bench.engine.settings import KernelChoice
from lstm_bench.engine.unroll import Unroll
from lstm_bench.tasks.contract import Batch, Task

OUTPUT_COPIES = 4  # the kernel's outputs, their copy for the read-out, and the gradients of both


class Population:
    """Trained parameters [M, P], gradients [M, P], one Adam state a member, and the tensors that are not trained.

    The block holds real numbers; a complex parameter is two of them. Buffers and frozen parameters are kept per member
    next to the block. All members run through the first one's cell with tensors of their own, so anything else that a
    cell draws in its constructor would be shared by all members: `conformance` refuses such a cell.

    Members share nothing but the calls: each has its own loss, gradient, clipping, learning rate and data, so a NaN
    in one stays in its own row. A plug-in trains in training mode and is scored in evaluation mode.

    Args:
        task: gives the loss and the number of predicted steps.
        models: (cell, read-out) of each member, all of one shape.
        learning_rates: Adam's rate of each member.
        device: where tensors live.
        kernel: which kernels may be used.
        plan: how much memory tapes may take; by default `plan_for` the device.
        beta2: Adam's decay of the mean of squared gradients.
    """

    def __init__(
        self,
        task: Task,
        models: Sequence[Model],
        learning_rates: Sequence[float],
        device: torch.device,
        kernel: KernelChoice = "auto",
        plan: MemoryPlan | None = None,
        beta2: float = BETA2,
    ) -> None:
        self.task, self.device, self._plan = task, device, plan or plan_for(device)
        self._hidden_size, self._beta2 = models[0].cell.hidden_size, beta2
        self._training, self._evaluation = (
            Unroll(kernel_of(models[0].cell, device, kernel, training, len(models)), self._plan.tape_bytes)
            for training in (True, False)
        )
        rows = [model_tensors(model) for model in models]
        self._readout = readout_of(task, rows[0]["readout.weight"].dtype, device, kernel)
        trained = [name for name, tensor in rows[0].items() if tensor.requires_grad]
        self._examples = {name: rows[0][name].detach() for name in trained}
        self._constants = {
            name: torch.stack([row[name] for row in rows]).to(device) for name in rows[0] if name not in trained
        }
        blocks = [torch.cat([as_reals(row[name].detach()).flatten() for name in trained]) for row in rows]
        self._adopt(torch.stack(blocks).to(device), list(learning_rates))

    def __len__(self) -> int:
        return len(self.weights)

    def _adopt(self, weights: Tensor, learning_rates: list[float]) -> None:
        self.weights, self.gradients = weights, torch.zeros_like(weights)
        self._named_weights, self._named_gradients = self._views(self.weights), self._views(self.gradients)
        self._learning_rates = learning_rates
        self._adam = RowAdam(self.weights, self.gradients, learning_rates, self._beta2)

    def _views(self, block: Tensor) -> dict[str, Tensor]:
        """Return each parameter's reals [M, ...] as a view of a block [M, P]."""
        views, start = {}, 0
        for name, example in self._examples.items():
            shape = as_reals(example).shape
            stop = start + shape.numel()
            views[name] = block[:, start:stop].view(len(block), *shape)
            start = stop
        return views

    def member_weights(self, index: int) -> dict[str, Tensor]:
        """Return a copy of one member's parameters and buffers by name, as a state dict of `cell.*` and `readout.*`."""
        return {name: tensor[index].clone() for name, tensor in self._tensors().items()}

    def member_moments(self, index: int) -> dict[str, Tensor]:
        """Return a copy of one member's Adam state: step, exp_avg, exp_avg_sq; empty before its first update."""
        return self._adam.moments(index)

    def state(self) -> dict[str, Any]:
        """Return a copy of everything that training changes: weights, Adam's state of each member, buffers."""
        return {
            "weights": self.weights.clone(),
            "moments": [self.member_moments(index) for index in range(len(self))],
            "constants": {name: tensor.clone() for name, tensor in self._constants.items()},
            "batched": [kernel.batched for kernel in self._plug_in_kernels()],
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Load what `state` returned, for as many members of the same cell.

        Raises: RuntimeError, ValueError or KeyError where the state is that of another population.
        """
        if state["weights"].shape != self.weights.shape:
            raise ValueError(f"weights {tuple(state['weights'].shape)}: allowed: {tuple(self.weights.shape)}")
        self.weights.copy_(state["weights"])
        for kernel, batched in zip(self._plug_in_kernels(), state.get("batched", ()), strict=True):
            kernel.batched = batched  # as chosen for the number of members at the start
        self._constants = {name: state["constants"][name].to(self.device) for name in self._constants}
        for index, moments in zip(range(len(self)), state["moments"], strict=True):
            self._adam.load(index, moments)

    @property
    def may_draw(self) -> bool:
        """Whether a step may draw random numbers: a plug-in's may, that of a hand-written kernel draws nothing."""
        return bool(self._plug_in_kernels())

    def _plug_in_kernels(self) -> list[GenericKernel]:
        """Return the kernels, for training and for scoring, that run a plug-in's own step."""
        kernels = (self._training.kernel, self._evaluation.kernel)
        return [kernel for kernel in kernels if isinstance(kernel, GenericKernel)]

    def _tensors(self) -> dict[str, Tensor]:
        """Return parameters and buffers [M, ...] by name: views, or copies where a parameter is complex."""
        weights = {name: from_reals(view, self._examples[name]) for name, view in self._named_weights.items()}
        return weights | self._constants

    def keep(self, indices: Sequence[int]) -> None:
        """Keep only these members, with their weights, gradients and Adam states as they are."""
        moments = [self._adam.moments(index) for index in indices]
        gradients = self.gradients[list(indices)]
        self._constants = {name: tensor[list(indices)] for name, tensor in self._constants.items()}
        self._adopt(self.weights[list(indices)].clone(), [self._learning_rates[index] for index in indices])
        self.gradients.copy_(gradients)
        for index, moments_of_member in enumerate(moments):
            self._adam.load(index, moments_of_member)

    def compute_gradients(
        self, batch: Batch, with_norms: bool = False, seeds: Sequence[int] = ()
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute `gradients` from one batch; return losses [M] and, where `with_norms`, ||dL/ds_t|| [T, M] by part.

        `seeds` seed what a plug-in draws in its steps, one a member; without them it draws from the global generators
        as they are.

        Shapes: batch.inputs [T, M, B, D], batch.targets [S, M, B].
        """
        tensors, gradients = self._tensors(), self._named_gradients
        tape = self._training.kernel.bytes_per_step(batch.inputs) * len(batch.inputs)
        member_bytes = tape + OUTPUT_COPIES * self.output_bytes(1) * batch.inputs.shape[2]
        chunks = self._plan.chunks(len(self), member_bytes)
        if len(chunks) == 1:
            _seed(self._training, seeds)
            return self._compute_chunk(tensors, gradients, batch, with_norms)
        results = []
        for rows in chunks:
            chunk_tensors = {name: tensor[rows] for name, tensor in tensors.items()}
            chunk_gradients = {name: gradient[rows] for name, gradient in gradients.items()}
            chunk_batch = Batch(batch.inputs[:, rows], batch.targets[:, rows])
            _seed(self._training, seeds[rows])
            results.append(self._compute_chunk(chunk_tensors, chunk_gradients, chunk_batch, with_norms))
        losses, norms = zip(*results, strict=True)
        return torch.cat(losses), {part: torch.cat([by_part[part] for by_part in norms], dim=1) for part in norms[0]}

    def output_bytes(self, members: int) -> int:
        """Return the bytes of the outputs that the loss reads, for one sequence a member."""
        return members * self.task.predicted_steps * self._hidden_size * self.weights.element_size()

    def _compute_chunk(
        self, tensors: dict[str, Tensor], gradients: dict[str, Tensor], batch: Batch, with_norms: bool
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute the gradients of one chunk of members; return their losses and norms."""
        reading = ReadoutBatch(batch.targets, tensors["readout.weight"], tensors["readout.bias"])
        back, cell_gradients, norms = self._through(_cell_part(tensors), batch.inputs, reading, with_norms)
        gradients["readout.weight"].copy_(back.weight)
        gradients["readout.bias"].copy_(back.bias)
        for name, gradient in cell_gradients.items():
            if f"cell.{name}" in gradients:  # otherwise frozen
                gradients[f"cell.{name}"].copy_(as_reals(gradient))
        return back.losses.to(self.weights.dtype), norms

    def _through(
        self, parameters: Parts, inputs: Tensor, reading: ReadoutBatch, with_norms: bool
    ) -> tuple[ReadoutGradients, Parts, Parts]:
        """Go forward, through the loss and back: in one call where all is compiled and the tape fits into memory."""
        kernel, readout = self._training.kernel, self._readout
        if isinstance(kernel, CompiledKernel) and isinstance(readout, CompiledReadout) and self._training.fits(inputs):
            return kernel.step(parameters, inputs, readout, reading, with_norms)
        outputs = self._training.forward(parameters, inputs, len(reading.targets))
        back = readout.gradients(outputs, reading)
        return back, *self._training.backward(back.outputs, with_norms)

    def gradient_norms(self) -> Tensor:
        """Return each member's global gradient norm [M], before clipping if called before `update`."""
        norms: Tensor = torch.linalg.vector_norm(self.gradients, dim=1)
        return norms

    def update(self, clip: float, rate_share: float = 1.0) -> None:
        """Clip each member's gradient to the norm `clip` (0: never) and take one Adam step at a share of its rate."""
        if clip > 0:
            scale = (clip / (self.gradient_norms() + 1e-6)).clamp(max=1.0)
            self.gradients.mul_(scale.unsqueeze(1))
        self._adam.step(rate_share)

    @torch.no_grad()
    def predict(self, inputs: Tensor, indices: Sequence[int], seeds: Sequence[int] = ()) -> Tensor:
        """Return predictions [S, M', B, C] of the members at `indices` for inputs [T, M', B, D], in evaluation mode.

        `seeds` as in `compute_gradients`, one for each of these members.
        """
        tensors = {name: tensor[list(indices)] for name, tensor in self._tensors().items()}
        _seed(self._evaluation, seeds)
        outputs = self._evaluation.last_outputs(_cell_part(tensors), inputs, self.task.predicted_steps)
        weight, bias = tensors["readout.weight"], tensors["readout.bias"]
        if self.device.type != "cpu":
            return read_out(outputs, weight, bias)
        apart = [read_out(outputs[:, [k]], weight[k : k + 1], bias[k : k + 1]) for k in range(len(indices))]
        return torch.cat(apart, dim=1)  # the last bits of a batched product depend on how many members it takes


def _seed(unroll: Unroll, seeds: Sequence[int]) -> None:
    """Seed what a plug-in draws in the next sequence; a hand-written kernel draws nothing."""
    if isinstance(unroll.kernel, GenericKernel):
        unroll.kernel.seeds = seeds


def _cell_part(views: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix("cell."): view for name, view in views.items() if name.startswith("cell.")}
