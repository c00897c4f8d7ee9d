"""The same word in two contexts: how much an answer depends on a word some steps back, all else being equal."""

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from lstm_bench.engine.model import Model, predict
from lstm_bench.metrics import Metric
from lstm_bench.probes.contract import Curve, need, need_finite, need_finite_weights
from lstm_bench.tasks.contract import Task

PROBE = "same_word"
DIVERGENCE = Metric("memory/divergence_{path}", "bits")
SMALLEST = 1e-30  # a probability: below it p ln p is 0


@dataclass(frozen=True)
class SameWord:
    """At each distance d >= 1: divergence in bits, 0 for the same answer, 1 for certain and different ones."""

    divergences: list[float]

    def metrics(self) -> dict[Metric, float]:
        """Return the divergence at distance 1 and at the longest."""
        ends = {"next": 0, "furthest": -1}
        return {DIVERGENCE.of(name): self.divergences[place] for name, place in ends.items()}

    def curves(self) -> dict[str, Curve]:
        """Return the divergence against the distance."""
        return {"divergence": Curve(range(1, len(self.divergences) + 1), self.divergences)}


def same_word(model: Model, task: Task, generator: Generator, sequences: int = 300) -> SameWord | None:
    """Measure the Jensen-Shannon divergence of two answers to the same words after contexts that differ d steps back.

        JS(p, q) = H((p + q)/2) - (H(p) + H(q))/2, in bits, mean over pairs

    Both sequences of a pair are the task's, except that the second has another first word; at step d both read the same
    word, and p and q are the model's answers. None for a task whose inputs are not words (one-hot).

    Costs one unroll of twice as many sequences, in float32 by the cell's kernel: 7 ms for an LSTM at T = 9 with H = 64,
    one thread of an AMD EPYC.

    Raises: ProbeError for no sequences or a single step, or weights or answers that are not finite.
    """
    need(sequences >= 1, PROBE, f"sequences={sequences}", "at least 1")
    need_finite_weights(PROBE, model)
    inputs = task.sample(sequences, generator).inputs
    if not is_one_hot(inputs):
        return None
    need(len(inputs) >= 2, PROBE, f"a sequence of {len(inputs)} steps", "at least 2 steps")
    shift = torch.randint(1, task.input_size, (sequences,), generator=generator)
    other = inputs.clone()
    other[0] = torch.nn.functional.one_hot((inputs[0].argmax(dim=-1) + shift) % task.input_size, task.input_size)
    answers, other_answers = _answers(model, torch.cat((inputs, other), dim=1)).chunk(2, dim=1)
    return SameWord(_divergence(answers, other_answers)[1:].tolist())


def is_one_hot(inputs: Tensor) -> bool:
    """Return whether inputs [T, B, D] are words: a single 1 at each step, else 0."""
    return bool(((inputs == 0) | (inputs == 1)).all() and (inputs.sum(dim=-1) == 1).all())


@torch.no_grad()
def _answers(model: Model, inputs: Tensor) -> Tensor:
    predictions = predict(model, inputs, len(inputs))
    need_finite(PROBE, **{"an answer": predictions})
    return predictions


def _divergence(first: Tensor, second: Tensor) -> Tensor:
    """Return JS of the softmax of both [T, B, C], mean over pairs [T], in bits."""
    p, q = (answers.double().softmax(dim=-1) for answers in (first, second))
    return (_entropy((p + q) / 2) - (_entropy(p) + _entropy(q)) / 2).clamp_min(0).mean(dim=1) / math.log(2)


def _entropy(p: Tensor) -> Tensor:
    return -(p * p.clamp_min(SMALLEST).log()).sum(dim=-1)
