"""A walk through one sentence: every gate and every part of the state, unit by unit, word by word."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from lstm_bench.cells.contract import Cell, State, optional_method, state_parts
from lstm_bench.engine.double_precision import wide_cell
from lstm_bench.engine.model import Model, predict
from lstm_bench.metrics import Metric
from lstm_bench.probes.contract import Curve, need, need_finite, need_finite_weights
from lstm_bench.tasks.contract import Task

PROBE = "learned_walk"
CANDIDATE = "g"


@dataclass(frozen=True)
class LearnedWalk:
    """Values [words][units] by name (gates i f o, candidate g, parts of the state), and the answer at each word.

    `answers` are classes of the task, the likeliest at each word.
    """

    values: dict[str, list[list[float]]]
    answers: list[int]

    def metrics(self) -> dict[Metric, float]:
        """Return no metrics: a walk consists of curves."""
        return {}

    def curves(self) -> dict[str, Curve]:
        """Return each unit of each value against the position of the word, "f 0", "f 1", ..., and "answer"."""
        units = {
            f"{name} {unit}": Curve(range(len(rows)), [row[unit] for row in rows])
            for name, rows in self.values.items()
            for unit in range(len(rows[0]))
        }
        return units | {"answer": Curve(range(len(self.answers)), list(map(float, self.answers)))}


def learned_walk(model: Model, task: Task, generator: Generator) -> LearnedWalk | None:
    """Walk a model through the task's own `sentence`, in its `words`; None for a task without one.

    Gates are those of the cell's method `gates`, the candidate that of its method `candidate`, where it has them.
    Nothing is drawn. Costs 1 ms.

    Raises: ProbeError for a word that the task does not know, or weights that are not finite.
    """
    words, sentence = getattr(task, "words", ()), getattr(task, "sentence", ())
    if not sentence:
        return None
    unknown = [word for word in sentence if word not in words]
    need(not unknown, PROBE, f"the word {', '.join(unknown)}", ", ".join(words))
    need_finite_weights(PROBE, model)
    indices = torch.tensor([words.index(word) for word in sentence])
    inputs = F.one_hot(indices, task.input_size).unsqueeze(1)
    values = _values(wide_cell(model), inputs.double())
    need_finite(PROBE, **values)
    answers = predict(model, inputs.float(), len(sentence)).squeeze(1).argmax(dim=-1)
    return LearnedWalk({name: rows.tolist() for name, rows in values.items()}, answers.tolist())


@torch.no_grad()
def _values(cell: Cell, inputs: Tensor) -> dict[str, Tensor]:
    """Return the gates, the candidate and the parts of the state by name, each [words, units]."""
    gates, candidate = (optional_method(cell, name) for name in ("gates", "candidate"))
    state, values = cell.initial_state(1), dict[str, list[Tensor]]()
    for x in inputs:
        inside = dict(gates(x, state)) if gates else {}
        if candidate:
            inside[CANDIDATE] = candidate(x, state)
        _, state = cell.step(x, state)
        for name, value in (inside | _real_parts(state)).items():
            values.setdefault(name, []).append(value.flatten())
    return {name: _stacked(rows) for name, rows in values.items()}


def _real_parts(state: State) -> dict[str, Tensor]:
    """Return the parts of a state, a complex one as two: "h.real" and "h.imag"."""
    parts = dict[str, Tensor]()
    for name, part in state_parts(state).items():
        parts |= {f"{name}.real": part.real, f"{name}.imag": part.imag} if part.is_complex() else {name: part}
    return parts


def _stacked(rows: Sequence[Tensor]) -> Tensor:
    return torch.stack(list(rows))
