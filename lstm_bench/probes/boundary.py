"""The end of a sentence: how much of it the state keeps, whether answers need the boundary, and the gate there."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from lstm_bench.cells.contract import Cell, State, optional_method, state_parts
from lstm_bench.cells.reals import as_reals
from lstm_bench.engine.double_precision import wide_cell
from lstm_bench.engine.model import Model, predict
from lstm_bench.metrics import SHARE, Metric
from lstm_bench.probes.contract import Curve, need, need_finite, need_finite_weights
from lstm_bench.probes.linear_readout import Rows, above_chance, held_out_r2, squared_correlation
from lstm_bench.probes.unrolled import flat, states
from lstm_bench.tasks.contract import Task, log_spaced
from lstm_bench.tasks.roles import HasSentences

PROBE = "boundary"
WITH, WITHOUT = "boundary", "word"  # paths: after a boundary, and after an ordinary word in its place
CONTENT_AFTER = Metric("memory/content_after_{path}", SHARE)
STRENGTH_AFTER = Metric("memory/content_variance_after_{path}")
RIGHT_AFTER = Metric("memory/right_answers_after_{path}", SHARE)
GATE_ON_CONTENT = Metric("gates/content_kept_at_{path}", SHARE)
DISTANCES = 7  # after the boundary at which content is read, 0 and 1 among them
LEAST_SEQUENCES = 40


@dataclass(frozen=True)
class Side:
    """Measurements with a boundary, or with an ordinary word in its place and all else the same.

    content: held-out r^2 of a linear read-out of the content of the sentence before, chance subtracted, from the state
    `Boundary.distances` steps after that word, 0 being the state that has just read it.
    strength: the variance of that state that the content explains, summed over units.
    right: share of right answers by steps after that word; the right answers of both sides are those with a boundary.
    all_right: the same share over all these steps.
    gate: the gate that keeps the state, at that word, on the units that carry the content; None where there is none.
    """

    content: list[float]
    strength: list[float]
    right: dict[int, float]
    all_right: float
    gate: float | None


@dataclass(frozen=True)
class Boundary:
    """Measurements of a boundary, and of an ordinary word in its place."""

    distances: list[int]
    sides: dict[str, Side]

    def metrics(self) -> dict[Metric, float]:
        """Return the content one step after either word and its strength, the share of right answers, and the gate."""
        values: dict[Metric, float] = {}
        first = self.distances.index(1)
        for name, side in self.sides.items():
            values[CONTENT_AFTER.of(name)] = side.content[first]
            values[STRENGTH_AFTER.of(name)] = side.strength[first]
            values[RIGHT_AFTER.of(name)] = side.all_right
            if side.gate is not None:
                values[GATE_ON_CONTENT.of(name)] = side.gate
        return values

    def curves(self) -> dict[str, Curve]:
        """Return content and right answers against the steps since either word."""
        curves: dict[str, Curve] = {}
        for name, side in self.sides.items():
            curves[f"content after {name}"] = Curve(self.distances, side.content)
            curves[f"right answers after {name}"] = Curve(list(side.right), list(side.right.values()))
        return curves


def boundary(model: Model, task: Task, generator: Generator, sequences: int = 1600) -> Boundary | None:
    """Measure how much of a sentence a cell keeps after its end, and how it treats the word that ends it.

    Sequences are the task's, with a boundary in their middle; in a copy an ordinary word, the same in all, stands in
    its place. Four numbers are measured on both:

    - content: how much of the content of the sentence can be read off the whole state by ridge regression, fitted on
      half of the sequences, with the penalty chosen on a quarter and r^2 taken on the last quarter (`linear_readout`).
      Of several columns of content the mean of those that vary is taken. Fillers follow, the same on both sides, so
      that nothing but the boundary can take the content away. Content that is a thousand times smaller is read as well
      as before, as long as nothing else in the state covers it.
    - strength: the variance of the state that a linear regression on the content explains, summed over units; it
      falls to a ninth where all that carries the content is multiplied by a third.
    - right answers: those that the task's oracle gives to the sequence with its boundary, at the words that the task
      drew; a later boundary among these becomes a filler. A model that ignores the boundary answers both alike.
    - gate: the mean of the gate that the cell's `retention` names, at that word, in the same states before it. Units
      are weighted by the squared correlation (chance subtracted, none below 0) of the part of the state that the gate
      keeps with the content, just before that word; the part is the last one of the gate's width: c of an LSTM.

    None for a task without sentences (`tasks.roles`).

    Costs two unrolls of all sequences in float64, two predictions, and an eigendecomposition a distance and side: about
    half a second for an LSTM with H = 64 at T = 39.

    Raises: ProbeError for fewer than 40 sequences, too few steps, weights or states that are not finite, content that
    is the same in all sequences, or no answer after the boundary.
    """
    if not isinstance(task, HasSentences):
        return None
    need(sequences >= LEAST_SEQUENCES, PROBE, f"sequences={sequences}", f"at least {LEAST_SEQUENCES}")
    need_finite_weights(PROBE, model)
    middle = task.length // 2
    need(middle + 1 < task.length and middle >= 1, PROBE, f"a sequence of {task.length} steps", "at least 3 steps")
    words, cell = _draw(task.sample(sequences, generator).inputs, task, middle, generator), wide_cell(model)
    complete = words.inputs(task.boundary, words.asking, task.input_size)
    content = task.content(complete.double())[middle - 1]
    content = content[:, content.var(dim=0) > 0]
    need(content.shape[1] > 0, PROBE, "content that is the same in all sequences", "content that varies")
    answers = task.oracle(complete).argmax(dim=-1)[middle + 1 :]
    asked = task.is_answer(answers)
    need(bool(asked.any()), PROBE, "no answer after the boundary", "a task that asks for one")
    before = states(cell, complete[:middle].double())[-1]
    weights = _carriers(cell, before, content)
    distances, sides = [0, *log_spaced(task.length - 1 - middle, DISTANCES - 1)], dict[str, Side]()
    for name, word in ((WITH, task.boundary), (WITHOUT, words.filler)):
        read = words.inputs(word, words.silent, task.input_size)[middle:].double()
        after = states(cell, read, before)
        wholes = [_whole(after[k]) for k in distances]
        decoded, strength = ([measure(whole, content) for whole in wholes] for measure in (_decoded, _explained))
        right = _right(model, words.inputs(word, words.asking, task.input_size), answers)
        by_step = {k + 1: float(right[k][asked[k]].mean()) for k in range(len(right)) if asked[k].any()}
        gate = None if weights is None else float((_gate(cell, read[0], before) * weights).sum())
        sides[name] = Side(decoded, strength, by_step, float(right[asked].mean()), gate)
    return Boundary(distances, sides)


class _Words(NamedTuple):
    """Words [T, B] up to the middle, and two continuations after it: the words of the task, and fillers alone."""

    first: Tensor
    asking: Tensor
    silent: Tensor
    filler: int  # what stands in the middle of all sequences in place of a boundary: a constant, as a boundary is

    def inputs(self, word: int, continuation: Tensor, input_size: int) -> Tensor:
        """Return inputs [T, B, D] with a word in the middle and one of the two continuations after it."""
        joined = torch.cat((self.first, torch.full_like(self.first[:1], word), continuation))
        return F.one_hot(joined, input_size).float()


def _draw(inputs: Tensor, task: HasSentences, middle: int, generator: Generator) -> _Words:
    words, fillers = inputs.argmax(dim=-1), torch.tensor(task.fillers)
    drawn = fillers[torch.randint(len(fillers), words.shape, generator=generator)]
    asking = torch.where(words == task.boundary, drawn, words)[middle + 1 :]
    return _Words(words[:middle], asking, drawn[middle + 1 :], int(drawn[middle, 0]))


def _whole(state: State) -> Tensor:
    whole = flat(dict(state_parts(state))).double()
    need_finite(PROBE, **{"the state after the middle": whole})
    return whole


def _decoded(whole: Tensor, content: Tensor) -> float:
    """Return the held-out r^2 of content [B, K] from a whole state [B, S], mean over its columns."""
    n = len(content)
    parts = [n - n // 2, n // 2 - n // 4, n // 4]
    rows = [Rows(*pair) for pair in zip(whole.split(parts), content.split(parts), strict=True)]
    return float(held_out_r2(*rows).mean())


def _explained(whole: Tensor, content: Tensor) -> float:
    """Return the variance of a whole state [B, S] that the content [B, K] explains, summed over units."""
    centred = content - content.mean(dim=0)
    fitted = centred @ torch.linalg.pinv(centred) @ (whole - whole.mean(dim=0))
    return float(fitted.var(dim=0).sum())


def _right(model: Model, inputs: Tensor, answers: Tensor) -> Tensor:
    """Return 1 where a model gives the right answer in the last steps [S, B], else 0."""
    predictions = predict(model, inputs, len(inputs))[-len(answers) :]
    need_finite(PROBE, **{"an answer": predictions})
    return (predictions.argmax(dim=-1) == answers).double()


@torch.no_grad()
def _gate(cell: Any, x: Tensor, before: State) -> Tensor:
    """Return the mean over sequences of the gate that keeps the state [H], which the cell has."""
    values: Tensor = cell.gates(x, before)[cell.retention]
    return values.double().mean(dim=0)


def _carriers(cell: Cell, before: State, content: Tensor) -> Tensor | None:
    """Return the share of the content that each unit carries [H], of sum 1.

    None without a gate that keeps the state, or where no unit carries any content.
    """
    if getattr(cell, "retention", None) is None or not optional_method(cell, "gates"):
        return None
    parts = [part for part in state_parts(before).values() if part.shape[1:] == (cell.hidden_size,)]
    if not parts:
        return None
    kept = as_reals(parts[-1]).double().reshape(len(content), cell.hidden_size, -1, 1)
    r2 = above_chance(squared_correlation(kept, content[:, None, None]), len(content)).clamp_min(0)
    shares = r2.mean(dim=(1, 2))
    return shares / shares.sum() if shares.sum() > 0 else None
