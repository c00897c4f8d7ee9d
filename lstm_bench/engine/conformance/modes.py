"""What a mode changes: random draws, running statistics, and whether the sequences of a batch affect each other."""

import torch

from lstm_bench.engine.conformance.finding import Finding, fault, ok, warning
from lstm_bench.engine.conformance.subject import DRAWS, Subject, alike, copied, inputs, listed, module, take
from lstm_bench.engine.functional_cell import FunctionalCell
from lstm_bench.engine.global_generators import GeneratorStates, seeded_generators


def evaluation(subject: Subject) -> Finding:
    """Find out what a step draws, and which buffers it changes, in either mode."""
    drawn = {training: _drawn(subject, training) for training in (True, False)}
    changed = {training: _changed_buffers(subject, training) for training in (True, False)}
    if drawn[False]:
        return warning(
            "a step draws random numbers in evaluation mode, too, so scores and probes are those of a noisy cell "
            "(dropout is off only where it depends on `self.training`)",
            "nn.Dropout as a submodule, or dropout(h, p, self.training)",
        )
    if changed[False]:
        return warning(
            f"a step changes its buffers {listed(changed[False])} in evaluation mode, too, so a score depends on "
            "what was scored before",
            "if self.training: self.buffer.copy_(...)",
        )
    effects = [
        *([f"draws from {listed(drawn[True])} global generator"] if drawn[True] else []),
        *([f"updates its buffers {listed(changed[True])}"] if changed[True] else []),
    ]
    return ok(
        f"in training mode, a step {' and '.join(effects)}; in evaluation mode it does not"
        if effects
        else "a step draws nothing and changes no buffer, in either mode"
    )


def _drawn(subject: Subject, training: bool) -> list[str]:
    """Return whose global generators an initial state and a step draw from: torch's, NumPy's, Python's."""
    functional, tensors = FunctionalCell(subject.first), copied(subject.tensors)
    module(subject.first).train(training)
    with torch.no_grad(), seeded_generators(DRAWS):
        before = GeneratorStates.now()
        state = functional.initial_state(tensors, len(subject.steps(training)[0].x))
        functional.step(tensors, subject.steps(training)[0].x, state)
        return GeneratorStates.now().differing(before)


def _changed_buffers(subject: Subject, training: bool) -> list[str]:
    first, last = subject.steps(training)[0].tensors, subject.steps(training)[-1].tensors
    return [name for name, _ in subject.first.named_buffers() if not alike(first[name], last[name])]


def batch_independence(subject: Subject) -> Finding:
    """Find out whether the answer to the first sequence of a batch depends on the others."""
    if _is_dependent(subject, training=False):
        return fault(
            "the output for a sequence depends on the others of its batch, in evaluation mode",
            "compute output[b] and the next state[b] from x[b] and state[b] alone; use batch statistics only while "
            "self.training, as nn.BatchNorm1d does",
        )
    if _is_dependent(subject, training=True):
        return ok("the sequences of a batch affect each other in training mode (batch statistics), not in evaluation")
    return ok("the output for a sequence does not depend on the others of its batch")


def _is_dependent(subject: Subject, training: bool) -> bool:
    """Return whether the last output and state of the first sequence change with the inputs of the others."""
    cell, functional = subject.first, FunctionalCell(subject.first)
    module(cell).train(training)
    xs = inputs(cell, functional.dtype).to(subject.device)
    others = xs.clone()
    others[:, 1:] = -2 * xs[:, 1:] + 1
    ends = []
    for sequences in (xs, others):
        tensors, state = copied(subject.moved), dict(subject.steps(training)[0].state)
        for x in sequences:
            output, state = take(functional, tensors, x, state)
        ends.append([output[0], *(part[0] for part in state.values())])
    return not all(alike(a, b) for a, b in zip(*ends, strict=True))
