"""The whole Jacobian of a state with respect to an earlier one: the most and the average that any gradient keeps."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from lstm_bench.cells.contract import Cell, state_parts
from lstm_bench.engine.double_precision import in_float64, wide_cell
from lstm_bench.engine.model import Model
from lstm_bench.metrics import FACTOR, Metric
from lstm_bench.probes.contract import Curve, need, need_finite, need_finite_weights
from lstm_bench.probes.unrolled import flat, pull_back, split, unroll
from lstm_bench.tasks.contract import Task, log_spaced

SIZE_LIMIT = 256  # units: beyond this, S x S matrices for every step take seconds
PROBE = "jacobian"
SPECTRAL_DECAY = Metric("grad/spectral_decay", FACTOR)


@dataclass(frozen=True)
class JacobianNorms:
    """Norms of the product J_k = d s_T / d s_{T-k} of the whole state s, at some k."""

    steps_back: list[int]
    spectral: list[float]
    frobenius: list[float]

    def metrics(self) -> dict[Metric, float]:
        """Return the decay per step of the spectral norm, between the first and the last k where that is not 0."""
        points = [(k, math.log(norm)) for k, norm in zip(self.steps_back, self.spectral, strict=True) if norm > 0]
        if len(points) < 2:
            return {}
        (first, ln_first), (last, ln_last) = points[0], points[-1]
        return {SPECTRAL_DECAY: math.exp((ln_last - ln_first) / (last - first))}

    def curves(self) -> dict[str, Curve]:
        """Return both norms against k."""
        return {"spectral": Curve(self.steps_back, self.spectral), "frobenius": Curve(self.steps_back, self.frobenius)}


def jacobian(model: Model, task: Task, generator: Generator, points: int = 12) -> JacobianNorms | None:
    """Measure the Jacobian product on one fresh sequence of the task, at up to `points` k; see `jacobian_over`.

    None for a cell with more than 256 units. Costs an unroll with S copies of a sequence and a singular value
    decomposition for each k: 12 ms for an RNN and 50 ms for an LSTM at T = 54, H = 64, one thread of an AMD EPYC.

    Raises: ProbeError for a single step, weights or a state that are not finite, or a state without a derivative.
    """
    if model.cell.hidden_size > SIZE_LIMIT:
        return None
    need_finite_weights(PROBE, model)
    batch = task.sample(1, generator)
    inputs = batch.inputs[: int(batch.lengths)]
    need(len(inputs) >= 2, PROBE, f"a sequence of {len(inputs)} steps", "at least 2 steps")
    return jacobian_over(wide_cell(model), inputs, log_spaced(len(inputs), points))


def jacobian_over(cell: Cell, inputs: Tensor, steps_back: Sequence[int]) -> JacobianNorms:
    """Return ||J_k||_2 and ||J_k||_F of J_k = d s_T / d s_{T-k} for one sequence [T, 1, D], s the whole state.

    One row of the batch for each row of J: all start from the identity and are pulled back together.
    """
    met = f"{max(steps_back)} steps back in a sequence of {len(inputs)}"
    need(min(steps_back) >= 1 and max(steps_back) <= len(inputs), PROBE, met, f"1 to {len(inputs)} steps back")
    cell = in_float64(cell)
    size = flat(dict(state_parts(cell.initial_state(1)))).shape[1]
    steps = unroll(PROBE, cell, inputs.double().repeat(1, size, 1))
    product = split(torch.eye(size, dtype=torch.float64), steps[-1].left)
    products_at_k = []
    for k, step in enumerate(reversed(steps), start=1):
        product = pull_back(step, product)
        if k in steps_back:
            products_at_k.append(flat(product))
    products = torch.stack(products_at_k)
    need_finite(PROBE, **{"the Jacobian product": products})
    spectral = torch.linalg.matrix_norm(products, ord=2).tolist()
    return JacobianNorms(sorted(set(steps_back)), spectral, torch.linalg.matrix_norm(products).tolist())
