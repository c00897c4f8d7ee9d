"""Gates by role and the fall of a clamp, on an LSTM whose every gate is set by hand."""

import pytest
import torch
from known_cells import by_key, generator, model_of, silent
from torch import Tensor, nn

from lstm_bench.cells.lstm import LSTMCell, LSTMState
from lstm_bench.cells.rnn import RNNCell
from lstm_bench.engine.model import Model
from lstm_bench.probes.contract import ProbeError
from lstm_bench.probes.gate_roles import gate_roles
from lstm_bench.probes.gated_run import gated_run
from lstm_bench.tasks.adding import AddingTask
from lstm_bench.tasks.contract import Batch
from lstm_bench.tasks.copy import BLANK, MARKER, N_LETTERS, CopyTask
from lstm_bench.tasks.masking import IGNORE_INDEX
from lstm_bench.tasks.roles import roles_of
from lstm_bench.tasks.segments import SegmentsTask
from lstm_bench.tasks.temporal_order import TemporalOrderTask

FULL = 40.0  # a pre-activation at which a gate is open or shut, but for 4e-18
LAG = 4
TASK = CopyTask(LAG, n_symbols=1)


@torch.no_grad()
def holder() -> Model:
    """Return an LSTM that solves copy with one letter: unit k holds letter k, and unit 0 would also write at blanks.

    i is open at letters alone, f and o always; the read-out says the letter whose unit is largest.
    """
    cell = silent(LSTMCell(TASK.input_size, N_LETTERS))
    i, f, g, o = (slice(k * N_LETTERS, (k + 1) * N_LETTERS) for k in range(4))
    cell.weight_ih[i, :N_LETTERS] = FULL
    cell.weight_ih[i, BLANK] = cell.weight_ih[i, MARKER] = -FULL
    cell.weight_ih[g, :N_LETTERS] = FULL * torch.eye(N_LETTERS, dtype=torch.float64)
    cell.weight_ih[g.start, BLANK] = FULL
    cell.bias_ih[f] = cell.bias_ih[o] = FULL
    readout = nn.Linear(N_LETTERS, TASK.output_size)
    readout.weight.copy_(torch.eye(TASK.output_size, N_LETTERS))
    readout.bias.zero_()
    return Model(cell, readout)


def test_each_gate_is_seen_by_the_role_of_the_step():
    metrics = by_key(gate_roles(holder(), TASK, generator(1)))
    expected = {"i": {"cue": 1, "blank": 0, "recall": 0}, "f": dict.fromkeys(("cue", "blank", "recall"), 1)}
    expected["o"] = expected["f"]
    for gate, roles in expected.items():
        for role, value in roles.items():
            assert metrics[f"gates/{gate}_at_{role}"] == pytest.approx(value, abs=1e-12)


def test_a_clamp_costs_what_the_gate_did_at_one_step_and_not_at_another():
    """Clamped at its mean 1/6, i admits 1/6 of the letter and 1/6 of unit 0 at each blank: all recall letter 0."""
    model, letters = holder(), TASK.sample(32, generator(1)).inputs[0].argmax(dim=-1)
    accuracy = float((letters == 0).double().mean())
    metrics = by_key(gate_roles(model, TASK, generator(1)))
    assert metrics["gates/i_clamp_fall"] == pytest.approx((1 - accuracy) / (1 - 1 / 8))
    assert (metrics["gates/f_clamp_fall"], metrics["gates/o_clamp_fall"]) == (0, 0)


def test_a_model_that_has_learned_nothing_has_nothing_to_lose():
    cell = LSTMCell(TASK.input_size, 4, generator=generator())
    assert gate_roles(model_of(cell, TASK.output_size), TASK, generator()).falls == {}


def test_a_boundary_is_a_reset():
    task = SegmentsTask(3)
    cell = silent(LSTMCell(task.input_size, 2))
    cell.weight_ih.data[2, task.boundary] = -FULL  # f of unit 0; all other gates are 1/2
    reading = gate_roles(model_of(cell, 2), task, generator(2))
    assert reading.by_unit["f"]["reset"] == pytest.approx([0, 0.5])
    assert reading.by_unit["f"]["elsewhere"] == pytest.approx([0.5, 0.5])
    assert by_key(reading)["gates/f_at_reset"] == pytest.approx(0.25)
    assert list(reading.curves()["f at reset"].at) == [1, 2]


def test_held_gates_take_the_place_of_their_own_and_all_else_goes_on():
    cell = LSTMCell(3, 4, generator=generator(3)).double()
    inputs = torch.randn(6, 5, 3, dtype=torch.float64, generator=generator(4))
    held = {"f": torch.tensor([1.0, 0.5, 0.0, 0.25], dtype=torch.float64)}
    run = gated_run(cell, inputs, held)
    h = c = torch.zeros(5, 4, dtype=torch.float64)
    for t, x in enumerate(inputs):
        i, _, g, o = (x @ cell.weight_ih.T + cell.bias_ih + h @ cell.weight_hh.T + cell.bias_hh).chunk(4, dim=1)
        c = held["f"] * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        torch.testing.assert_close(run.c[t], c)
        torch.testing.assert_close(run.outputs[t], h)
        torch.testing.assert_close(run.gates["o"][t], torch.sigmoid(o))
    assert torch.equal(run.gates["f"][2, 3], held["f"])


def test_with_no_gate_held_a_step_is_the_cells_own():
    cell = LSTMCell(3, 4, generator=generator(3)).double()
    x, state = torch.ones(2, 3).double(), LSTMState(torch.full((2, 4), 0.5).double(), torch.ones(2, 4).double())
    for own, held in zip(cell.step(x, state)[1], cell.step_with_gates(x, state, {})[1], strict=True):
        torch.testing.assert_close(own, held)


@pytest.mark.parametrize("cell", [RNNCell, LSTMCell])
def test_without_gates_to_hold_or_roles_there_is_no_reading(cell):
    tasks: list[object] = [TemporalOrderTask(10)] if cell is LSTMCell else [TASK]
    for task in tasks:
        made = cell(task.input_size, 4, generator=generator())
        assert gate_roles(model_of(made, task.output_size), task, generator()) is None


def test_no_example_is_refused():
    with pytest.raises(ProbeError, match="gate_roles: examples=0: allowed: at least 1"):
        gate_roles(holder(), TASK, generator(), examples=0)


def shown(roles: dict[str, Tensor]) -> str:
    """Return the first sequence's roles, a letter a step: c, b, r, and "-" for none."""
    steps = len(next(iter(roles.values())))
    return "".join(next((role[0] for role in roles if roles[role][t, 0]), "-") for t in range(steps))


@pytest.mark.parametrize(("dialect", "steps"), [("arjovsky", "ccbbb-rr"), ("bai", "ccbbb-rr"), ("s4", "ccbbbbrr")])
def test_the_steps_of_copy_are_letters_blanks_and_recall(dialect, steps):
    task = CopyTask(4, 2, dialect)
    roles = task.roles(task.sample(3, generator()))
    assert shown(roles) == steps
    assert {tuple(of_role.shape) for of_role in roles.values()} == {(8, 3)}


def test_the_steps_of_adding_are_its_marks_the_rest_and_the_last():
    task = AddingTask(6)
    batch = task.sample(200, generator())
    roles = task.roles(batch)
    assert torch.equal(roles["cue"].sum(dim=0), torch.full((200,), 2))
    assert torch.equal((batch.inputs[..., 0] * roles["cue"]).sum(dim=0, keepdim=True), batch.targets)
    assert roles["recall"].sum(dim=1).tolist() == [0] * 5 + [200]
    others = roles["cue"] | roles["blank"]
    assert bool((others[:5]).all())
    assert not bool((roles["cue"] & roles["blank"]).any())


class OfTwoLengths(SegmentsTask):
    """Segments whose first sequence is read up to its third step."""

    def sample(self, batch_size: int, generator: torch.Generator) -> Batch:
        batch = super().sample(batch_size, generator)
        batch.targets[3:, 0] = IGNORE_INDEX
        return batch


def test_steps_behind_the_end_of_a_sequence_have_no_role():
    task = OfTwoLengths(3)
    roles = roles_of(task, task.sample(4, generator()))
    has_one = roles["reset"] | roles["elsewhere"]
    assert has_one[:, 0].tolist() == [True] * 3 + [False] * 13
    assert bool(has_one[:, 1:].all())
    assert roles_of(TemporalOrderTask(10), TemporalOrderTask(10).sample(2, generator())) == {}
