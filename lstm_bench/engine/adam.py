"""Adam for the rows of a block, each with a learning rate of its own.

The update is that of `torch.optim.Adam(fused=True)`, by the same call and to the same bits. The class itself is not
used, since its first instance imports torch's compiler, which takes more than a second.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8  # the defaults of torch.optim


class RowAdam:
    """Adam's state of each row of a block [M, P]: its step, and both moments.

    Args:
        block: the parameters, which `step` updates in place.
        gradients: their gradients [M, P], which `step` reads.
        learning_rates: the rate of each row.
        beta2: the decay of the mean of squared gradients.
    """

    def __init__(self, block: Tensor, gradients: Tensor, learning_rates: Sequence[float], beta2: float = BETA2) -> None:
        self._beta2 = beta2
        self._steps = [torch.zeros((), device=block.device) for _ in learning_rates]
        self._first, self._second = torch.zeros_like(block), torch.zeros_like(block)
        tensors = (block, gradients, self._first, self._second)
        self._rows_by_rate = {}  # views, made once: a step of a small cell is a few calls long
        for rate in dict.fromkeys(learning_rates):
            rows = [row for row, other in enumerate(learning_rates) if other == rate]
            views = [[tensor[row] for row in rows] for tensor in tensors]
            self._rows_by_rate[rate] = views, [self._steps[row] for row in rows]

    @torch.no_grad()
    def step(self, rate_share: float = 1.0) -> None:
        """Take one step with all rows, each at this share of its rate."""
        for rate, ((weights, gradients, first, second), steps) in self._rows_by_rate.items():
            torch._foreach_add_(steps, 1)
            torch._fused_adam_(
                weights,
                gradients,
                first,
                second,
                [],
                steps,
                lr=rate * rate_share,
                beta1=BETA1,
                beta2=self._beta2,
                weight_decay=0.0,
                eps=EPSILON,
                amsgrad=False,
                maximize=False,
            )

    def moments(self, row: int) -> dict[str, Tensor]:
        """Return a copy of one row's state: step, exp_avg, exp_avg_sq; empty before its first update."""
        if not self._steps[row]:
            return {}
        state = {"step": self._steps[row], "exp_avg": self._first[row], "exp_avg_sq": self._second[row]}
        return {name: tensor.clone() for name, tensor in state.items()}

    def load(self, row: int, moments: Mapping[str, Tensor]) -> None:
        """Load what `moments` returned; do nothing where that is empty."""
        if moments:
            self._steps[row].copy_(moments["step"])
            self._first[row].copy_(moments["exp_avg"])
            self._second[row].copy_(moments["exp_avg_sq"])
