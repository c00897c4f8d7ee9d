"""Scores at other lags: of a machine that copies up to a known delay, and of cells stepped by hand."""

import pytest
import torch
from known_cells import PlugIn, by_key, generator, model_of, run
from torch import Tensor, nn

from lstm_bench.cells.lstm import LSTMCell
from lstm_bench.engine.model import Model
from lstm_bench.probes.forgetting import forgetting
from lstm_bench.probes.length_generalisation import LengthGeneralisation, length_generalisation
from lstm_bench.tasks.adding import AddingTask
from lstm_bench.tasks.copy import CopyTask

LETTERS, BLANK, MARKER = 8, 8, 9


class CopyMachine(PlugIn):
    """Writes letters on a tape of n places and reads them off after the marker, until it loses the tape.

    State: the tape [B, 8 n], whether the marker has been [B, 1], and steps since the last letter [B, 1]. The output
    is the letter, the letter 0 once the tape is lost, or a blank.
    """

    def __init__(self, n_symbols: int, patience: int) -> None:
        super().__init__(10, 9)
        self.tape, self.patience = LETTERS * n_symbols, patience

    def initial_state(self, batch_size: int) -> tuple[Tensor, Tensor, Tensor]:
        return self.zeros(batch_size, self.tape), self.zeros(batch_size, 1), self.zeros(batch_size, 1)

    def step(self, x: Tensor, state: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
        tape, reading, waited = state
        letter, marker = x[:, :LETTERS], x[:, MARKER:]
        writing = letter.sum(dim=1, keepdim=True)
        waited = (waited + 1) * (1 - writing)
        kept = (waited <= self.patience).to(x.dtype) * tape
        first = nn.functional.one_hot(torch.zeros(1, dtype=torch.long), LETTERS)
        head = kept[:, :LETTERS] + (1 - kept[:, :LETTERS].sum(dim=1, keepdim=True)) * first
        output = torch.cat([reading * head, 1 - reading], dim=1)
        moved = torch.cat([kept[:, LETTERS:], letter], dim=1)
        moves = torch.maximum(writing, reading)
        return output, (moves * moved + (1 - moves) * kept, torch.maximum(reading, marker), waited)


@torch.no_grad()
def copying_until(patience: int, n_symbols: int = 2) -> Model:
    """Return a model that solves copy wherever the last letter is said within so many steps of being shown."""
    model = model_of(CopyMachine(n_symbols, patience), 9)
    model.readout.weight.copy_(100 * torch.eye(9))
    model.readout.bias.zero_()
    return model


def chance(sequences: int) -> object:
    return pytest.approx(1 / 8, abs=5 * (7 / 64 / (2 * sequences)) ** 0.5)


def test_a_machine_that_copies_within_twelve_steps_scores_one_up_to_there_and_chance_beyond():
    """The last letter is said lag + 2 steps after it was shown: at lags 4 and 8 within 12 steps, at 16 and 32 not."""
    by_length = length_generalisation(copying_until(12), CopyTask(lag=8, n_symbols=2), generator())
    assert by_length.scores == {0.5: 1.0, 1.0: 1.0, 2.0: chance(500), 4.0: chance(500)}
    assert list(by_key(by_length)) == [f"memory/score_at_{multiple}x" for multiple in ("0.5", "1", "2", "4")]
    assert [list(column) for column in by_length.curves()["score"]] == [[0.5, 1, 2, 4], list(by_length.scores.values())]


def test_the_same_machine_forgets_where_it_loses_its_tape():
    recalled = forgetting(copying_until(12), CopyTask(lag=8, n_symbols=2), generator(), sequences=200)
    assert recalled.distances == [4, 6, 8, 10, 14, 18, 26, 34]
    assert recalled.mean_recall[:4] == [1.0] * 4
    standard_error = (7 / 64 / 400) ** 0.5 / (7 / 8)
    assert recalled.mean_recall[4:] == pytest.approx([0.0] * 4, abs=5 * standard_error)
    assert 10 < recalled.half_life < 14


@pytest.mark.parametrize(
    ("task", "lags"),
    [
        (AddingTask(lag=6), {0.5: 3, 1.0: 6, 2.0: 12, 4.0: 24}),
        (CopyTask(lag=5, n_symbols=1, dialect="bai"), {0.5: 2, 1.0: 5, 2.0: 10, 4.0: 20}),
        (AddingTask(lag=2), {1.0: 2, 2.0: 4, 4.0: 8}),  # adding has no lag of 1
        (CopyTask(lag=1, n_symbols=1), {1.0: 1, 2.0: 2, 4.0: 4}),  # and copy none of 0
    ],
)
def test_scores_are_those_of_the_cells_own_steps_in_float64_on_the_same_draws(task, lags):
    model, stream = model_of(LSTMCell(task.input_size, 6, generator=generator()), task.output_size), generator(3)
    by_length = length_generalisation(model, task, generator(3), sequences=60)
    cell, readout = model.cell.double(), model.readout.double()
    expected = {}
    for multiple, lag in lags.items():
        at_lag = task.at_lag(lag)
        batch = at_lag.sample(60, stream)
        said = readout(run(cell, batch.inputs.double())[0][-at_lag.predicted_steps :]).detach()
        expected[multiple] = {n: float(v) for n, v in at_lag.metrics(said, batch.targets).items()}
    assert list(by_length.measured) == list(expected)
    for multiple, metrics in expected.items():
        assert by_length.measured[multiple] == pytest.approx(metrics, rel=1e-4, abs=1e-5)
    assert by_length.scores == {multiple: metrics[task.score] for multiple, metrics in by_length.measured.items()}


def test_metrics_are_named_after_the_multiple():
    by_length = LengthGeneralisation(
        "explained", {0.5: {"loss": 3, "explained": 0.25}, 2: {"loss": 1, "explained": 0.75}}
    )
    assert by_key(by_length) == {
        "memory/score_at_0.5x": 0.25,
        "memory/score_at_2x": 0.75,
    }
    curves = {name: (list(curve.at), list(curve.values)) for name, curve in by_length.curves().items()}
    assert curves == {"score": ([0.5, 2], [0.25, 0.75]), "loss": ([0.5, 2], [3, 1])}
