"""The shapes and the dtypes that a step takes and returns."""

from lstm_bench.cells.contract import CellError, cell_name
from lstm_bench.engine.conformance.finding import Finding, fault, ok, warning
from lstm_bench.engine.conformance.subject import BATCH, DRAWS, MODES, Subject, step_once
from lstm_bench.engine.double_precision import narrow_parts
from lstm_bench.engine.kernel import Parts


def shapes(subject: Subject) -> Finding:
    """Take steps in both modes; an output or a state that is not allowed raises CellError."""
    step = next(step for training in MODES[::-1] for step in subject.steps(training))
    output, state = list(step.output.shape), _described(step.next_state)
    return ok(f"x {list(step.x.shape)} -> output {output}; state {state}, as in initial_state")


def dtypes(subject: Subject) -> Finding:
    """Find out whether a cell also runs in float64, in which probes run it."""
    wide = subject.wide
    narrow = narrow_parts(wide.initial_state(BATCH))
    if narrow:
        name, part = next(iter(narrow.items()))
        return fault(
            f"initial_state returned state {name} of {part.dtype} when the parameters were of torch.float64, in which "
            "probes run a cell",
            "the dtype and device of the parameters, as in next(self.parameters()).new_zeros(batch_size, "
            "self.hidden_size)",
        )
    try:
        step_once(wide, DRAWS)
    except CellError as error:
        message = str(error).removeprefix(f"{cell_name(type(wide))}: ")
        return warning(
            f"{message} (in float64, in which probes run a cell, so they will fail; a constant tensor must be a buffer)"
        )
    types = {str(tensor.dtype).removeprefix("torch.") for tensor in subject.tensors.values()}
    return ok(f"it trains in {', '.join(sorted(types))} and also runs in float64")


def _described(parts: Parts) -> str:
    """Return names, shapes and types of the parts of a state."""
    return ", ".join(f"{name} {list(part.shape)} of {part.dtype}".replace("torch.", "") for name, part in parts.items())
