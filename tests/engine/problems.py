"""Small problems for kernels, and their answers by torch.nn alone."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pytest
import torch
from torch import Generator, Tensor, nn

from lstm_bench.cells.gru import GRUCell
from lstm_bench.cells.lstm import LSTMCell
from lstm_bench.cells.rnn import RNNCell
from lstm_bench.engine.generic import GenericKernel
from lstm_bench.engine.kernel import Kernel
from lstm_bench.engine.kernel_dispatch import COMPILED, TORCH, why_not_compiled
from lstm_bench.engine.unroll import Unroll

NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
BLOCKS = {"tanh": 1, "relu": 1, "gru": 3, "lstm": 4}  # of H rows in each parameter
WHOLE = 2**60  # bytes: no sequence is cut
MAKERS: dict[str, Callable[[Any], Kernel]] = {
    "compiled": lambda cell: COMPILED[type(cell)](cell),
    "torch": lambda cell: TORCH[type(cell)](cell),
    "batched": lambda cell: GenericKernel(cell, batched=True),
    "by member": lambda cell: GenericKernel(cell, batched=False),
}
NEEDS_COMPILER = pytest.mark.skipif(why_not_compiled() is not None, reason=f"{why_not_compiled()}")
HERE = [name for name in MAKERS if name != "compiled" or why_not_compiled() is None]
KINDS = pytest.mark.parametrize("kind", BLOCKS)
KERNELS = pytest.mark.parametrize("maker", HERE)


class Sizes(NamedTuple):
    """T steps of which the loss reads the last S, M members, B sequences, D features, H units."""

    T: int
    S: int
    M: int
    B: int
    D: int
    H: int


class Problem(NamedTuple):
    """Random weights, inputs and dL/d(output) of a population."""

    weights: dict[str, Tensor]
    inputs: Tensor
    d_outputs: Tensor

    def member(self, m: int) -> "Problem":
        """Return the same for one member, in a population of its own."""
        rows = slice(m, m + 1)
        weights = {name: tensor[rows] for name, tensor in self.weights.items()}
        return Problem(weights, self.inputs[:, rows], self.d_outputs[:, rows])

    def to(self, dtype: torch.dtype) -> "Problem":
        weights = {name: tensor.to(dtype) for name, tensor in self.weights.items()}
        return Problem(weights, self.inputs.to(dtype), self.d_outputs.to(dtype))


class Answer(NamedTuple):
    """What an unroll returns: outputs [T, M, B, H], gradients by parameter, norms [T, M] by part of the state."""

    outputs: Tensor
    gradients: Mapping[str, Tensor]
    norms: Mapping[str, Tensor]

    def members(self, rows: Any) -> "Answer":
        gradients = {name: gradient[rows] for name, gradient in self.gradients.items()}
        return Answer(self.outputs[:, rows], gradients, {part: n[:, rows] for part, n in self.norms.items()})

    def named(self) -> dict[str, Tensor]:
        norms = {f"norm of {part}": values for part, values in self.norms.items()}
        return {"outputs": self.outputs} | {f"d {name}": g for name, g in self.gradients.items()} | norms


def problem(kind: str, sizes: Sizes, seed: int = 0) -> Problem:
    generator = Generator().manual_seed(seed)

    def random(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    rows, (T, S, M, B, D, H) = BLOCKS[kind] * sizes.H, sizes
    shapes = {"weight_ih": (rows, D), "weight_hh": (rows, H), "bias_ih": (rows,), "bias_hh": (rows,)}
    scale = min(0.7, 1.2 / H**0.5)  # states neither die nor explode
    weights = {name: scale * random(M, *shape) for name, shape in shapes.items()}
    return Problem(weights, random(T, M, B, D), random(S, M, B, H))


def cell_of(kind: str, D: int, H: int) -> Any:
    return {"lstm": LSTMCell, "gru": GRUCell}[kind](D, H) if kind in {"gru", "lstm"} else RNNCell(D, H, kind)


def kernel_for(maker: str, kind: str, p: Problem) -> Kernel:
    cell = cell_of(kind, p.inputs.shape[-1], p.d_outputs.shape[-1])
    return MAKERS[maker](cell.to(p.inputs.dtype))


def tape_bytes(kernel: Kernel, p: Problem, steps: int) -> int:
    """Return what the tape of so many steps takes."""
    return kernel.bytes_per_step(p.inputs) * p.inputs.shape[1] * steps


def solve(kernel: Kernel, p: Problem, steps: int | None = None) -> Answer:
    """Run a problem, in segments of at most so many steps; the outputs are those of all steps if it is not cut."""
    unroll = Unroll(kernel, WHOLE if steps is None else tape_bytes(kernel, p, steps))
    outputs = unroll.forward(p.weights, p.inputs, len(p.inputs)).clone()
    return Answer(outputs, *unroll.backward(p.d_outputs, with_norms=True))


def fresh(maker: str, kind: str, p: Problem, steps: int | None = None) -> Answer:
    """Solve a problem with a kernel that has seen no other."""
    return solve(kernel_for(maker, kind, p), p, steps)


def stock_cell(kind: str, D: int, H: int, dtype: torch.dtype = torch.float64) -> nn.Module:
    if kind in {"gru", "lstm"}:
        return {"gru": nn.GRUCell, "lstm": nn.LSTMCell}[kind](D, H, dtype=dtype)
    return nn.RNNCell(D, H, nonlinearity=kind, dtype=dtype)


def stock_layer(kind: str, D: int, H: int, dtype: torch.dtype = torch.float64) -> nn.Module:
    if kind in {"gru", "lstm"}:
        return {"gru": nn.GRU, "lstm": nn.LSTM}[kind](D, H, dtype=dtype)
    return nn.RNN(D, H, nonlinearity=kind, dtype=dtype)


def torch_cell_answer(kind: str, p: Problem) -> Answer:
    """Step torch.nn's cell, member by member, and keep the gradient of every state."""
    return stack([_torch_cell_answer(kind, p.member(m)) for m in range(p.inputs.shape[1])])


def _torch_cell_answer(kind: str, p: Problem) -> Answer:
    cell = stock_cell(kind, p.inputs.shape[-1], p.d_outputs.shape[-1], p.inputs.dtype)
    cell.load_state_dict({name: tensor[0] for name, tensor in p.weights.items()})
    states, state = [], None
    for x in p.inputs[:, 0]:
        state = cell(x, state)
        states.append(dict(zip("hc", state if kind == "lstm" else (state,), strict=False)))
    for step in states:
        for part in step.values():
            part.retain_grad()
    outputs = torch.stack([step["h"] for step in states])
    (outputs[len(outputs) - len(p.d_outputs) :] * p.d_outputs[:, 0]).sum().backward()
    norms = {part: torch.stack([step[part].grad.norm() for step in states]) for part in states[0]}
    return Answer(outputs.detach(), {name: getattr(cell, name).grad for name in NAMES}, norms)


def torch_layer_answer(kind: str, p: Problem) -> Answer:
    """Run torch.nn's layer, member by member; it does not show the gradients of its states."""
    return stack([_torch_layer_answer(kind, p.member(m)) for m in range(p.inputs.shape[1])])


def _torch_layer_answer(kind: str, p: Problem) -> Answer:
    layer = stock_layer(kind, p.inputs.shape[-1], p.d_outputs.shape[-1], p.inputs.dtype)
    layer.load_state_dict({f"{name}_l0": tensor[0] for name, tensor in p.weights.items()})
    outputs = layer(p.inputs[:, 0])[0]
    (outputs[len(outputs) - len(p.d_outputs) :] * p.d_outputs[:, 0]).sum().backward()
    return Answer(outputs.detach(), {name: getattr(layer, f"{name}_l0").grad for name in NAMES}, {})


def stack(answers: list[Answer]) -> Answer:
    """Put the answers of single members side by side."""
    return Answer(
        torch.stack([answer.outputs for answer in answers], dim=1),
        {name: torch.stack([answer.gradients[name] for answer in answers]) for name in NAMES},
        {part: torch.stack([answer.norms[part] for answer in answers], dim=1) for part in answers[0].norms},
    )


def same(ours: Answer, theirs: Answer, tolerance: float = 1e-10, who: str = "") -> None:
    """Assert that all that they have is what we have; with tolerance 0, bit by bit."""
    assert set(ours.gradients) == set(theirs.gradients)
    tensors = ours.named()
    for name, expected in theirs.named().items():
        torch.testing.assert_close(
            tensors[name], expected, rtol=tolerance, atol=tolerance, check_dtype=False,
            equal_nan=True, msg=lambda text, name=name: f"{who} {name}: {text}",
        )  # fmt: skip
