"""Count the operations of a training step, by formula."""

from torch import Tensor, nn

from lstm_bench.cells.contract import optional_method
from lstm_bench.cells.registry import facts_of


def training_flops(cell: object, batch_size: int, length: int) -> float:
    """Return floating-point operations of one training step by formula: 6 per weight, time step and sequence.

    A multiply and an add forwards and twice that backwards, for each entry of each weight matrix; element-wise work
    and the read-out are left out. An entry that is complex counts as four, since a product of complex numbers is four
    of real ones. A cell with other products states their number in `step_flops`, see `cells.contract.Cell`.
    (The framework's own counter reports 0 for a fused LSTM on a CPU.)
    """
    step_flops = optional_method(cell, "step_flops")
    if step_flops is not None:
        return float(step_flops(batch_size)) * length
    matrices = [p for p in cell.parameters() if p.dim() > 1] if isinstance(cell, nn.Module) else []
    entries = sum(matrix.numel() * (4 if matrix.is_complex() else 1) for matrix in matrices)
    return 6.0 * entries * batch_size * length


def training_work(cell: object, batch_size: int, length: int) -> tuple[float, float] | None:
    """Return (floating-point operations, nonlinearities) of one training step of one model.

    Six operations for each entry of W_hh, time step and sequence: a multiply and an add forwards, for the gradient of
    h and for that of the weight. Four for W_ih, since the gradient of the inputs is not needed. None for a cell that is
    not in the registry, since it is not known which of its weights are multiplied and what it evaluates.
    """
    facts = facts_of(cell)
    if facts is None:
        return None
    steps, weights = batch_size * length, _recurrent_weights(cell)
    operations = steps * sum((6 if name == "weight_hh" else 4) * weight.numel() for name, weight in weights.items())
    return operations, steps * facts.nonlinearities(cell)


def _recurrent_weights(cell: object) -> dict[str, Tensor]:
    return {name: getattr(cell, name) for name in ("weight_hh", "weight_ih")}
