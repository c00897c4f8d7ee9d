"""A complex cell is probed as the real cell that it is equal to: each complex number as a pair of reals."""

import math
from typing import Any

import pytest
import torch
from known_cells import PlugIn, generator, model_of, normal
from torch import Generator, Tensor, nn

from lstm_bench.engine.double_precision import wide_cell
from lstm_bench.engine.model import Model
from lstm_bench.probes.boundary import boundary
from lstm_bench.probes.gradient_flow import flow_over, gradient_flow
from lstm_bench.probes.jacobian import jacobian_over
from lstm_bench.probes.learned_walk import learned_walk
from lstm_bench.probes.lyapunov import spectrum_over
from lstm_bench.probes.memory_capacity import memory_capacity
from lstm_bench.probes.state_and_gates import state_and_gates
from lstm_bench.tasks.context import ContextTask
from lstm_bench.tasks.copy import CopyTask
from lstm_bench.tasks.segments import SegmentsTask

D, N = 3, 4  # inputs, complex units
TASK = CopyTask(lag=4, n_symbols=1)


class ComplexUnit(PlugIn):
    """z' = lambda z + B x,  y = Re z' and Im z' side by side."""

    def __init__(self, turn: Tensor, inward: Tensor) -> None:
        super().__init__(inward.shape[1], 2 * len(turn))
        self.turn, self.inward = nn.Parameter(turn.to(torch.complex64)), nn.Parameter(inward.to(torch.complex64))

    def initial_state(self, batch_size: int) -> Tensor:
        return self.turn.new_zeros(batch_size, len(self.turn))

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        z = self.turn * state + x.to(state.dtype) @ self.inward.T
        return torch.cat((z.real, z.imag), dim=1), z


class RealUnit(PlugIn):
    """The same in real numbers: s = [Re z, Im z], a rotation and a shrinkage of each pair."""

    def __init__(self, turn: Tensor, inward: Tensor) -> None:
        super().__init__(inward.shape[1], 2 * len(turn))
        re, im = torch.diag(turn.real), torch.diag(turn.imag)
        self.turn = nn.Parameter(torch.cat((torch.cat((re, -im), 1), torch.cat((im, re), 1))).float())
        self.inward = nn.Parameter(torch.cat((inward.real, inward.imag)).float())

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        s = state @ self.turn.T + x @ self.inward.T
        return s, s


def pair(input_size: int = D) -> tuple[Any, Any]:
    radius, angle = 0.8 + 0.15 * torch.rand(N, generator=generator(1)), math.tau * torch.rand(N, generator=generator(2))
    inward = torch.complex(normal(N, input_size).float(), normal(N, input_size, seed=1).float())
    turn = torch.polar(radius, angle)
    return ComplexUnit(turn, inward), RealUnit(turn, inward)


def test_the_two_cells_are_equal() -> None:
    x = normal(6, 2, D).float()
    outputs = []
    for cell in pair():
        state = cell.initial_state(2)
        for step in x:
            output, state = cell.step(step, state)
        outputs.append(output)
    torch.testing.assert_close(*outputs)


def test_gradient_flow_jacobian_and_lyapunov_exponents_are_those_of_the_real_cell() -> None:
    x = normal(12, 2, D)
    one, other = pair()
    flows = [flow_over(cell, x, generator(3)) for cell in (one, other)]
    assert flows[0].joint.norms == pytest.approx(flows[1].joint.norms, rel=1e-6)
    products = [jacobian_over(cell, x[:, :1], [1, 5, 12]) for cell in (one, other)]
    assert products[0].spectral == pytest.approx(products[1].spectral, rel=1e-6)
    assert products[0].frobenius == pytest.approx(products[1].frobenius, rel=1e-6)
    spectra = [spectrum_over(cell, normal(400, 1, D), generator(3), 2 * N, 100).exponents for cell in (one, other)]
    expected = sorted([float(r) for r in one.turn.detach().abs().log()] * 2, reverse=True)
    assert spectra[1] == pytest.approx(expected, abs=5e-3)  # an eigenvalue of each unit, twice
    assert spectra[0] == pytest.approx(expected, abs=5e-3)


def test_memory_capacity_reads_both_parts_of_a_complex_state() -> None:
    read = [memory_capacity(model_of(cell), TASK, generator(4), delays=30) for cell in pair()]
    assert [reading.units for reading in read] == [2 * N, 2 * N]
    assert read[0].squared_correlations == pytest.approx(read[1].squared_correlations, abs=1e-6)
    assert read[0].capacity > N + 1  # more than as many reals as there are complex numbers could hold


def test_the_size_of_a_complex_state_is_that_of_its_modulus() -> None:
    traces = [
        state_and_gates(model_of(cell, TASK.output_size), TASK, generator(5)).state_traces["h"]
        for cell in pair(TASK.input_size)
    ]
    assert traces[0] == pytest.approx([math.sqrt(2) * value for value in traces[1]], rel=1e-6)


def test_a_boundary_and_a_walk_are_measured_on_a_complex_state() -> None:
    task = SegmentsTask(lag=4)
    at_the_end = boundary(model_of(pair(task.input_size)[0], task.output_size), task, generator(6))
    assert at_the_end is not None
    left = [at_the_end.sides[word].content for word in ("boundary", "word")]
    assert left[0] == pytest.approx(left[1], rel=1e-6)  # linear: another word adds the same to every state
    assert left[0][1] > 0.05  # chance is below 0.003
    context = ContextTask(lag=5)
    walk = learned_walk(model_of(pair(context.input_size)[0], context.output_size), context, generator())
    assert walk is not None
    assert {"h.real", "h.imag"} <= walk.values.keys()
    assert [len(row) for row in walk.values["h.imag"]] == [N] * len(context.sentence)


# --- cells that Python cannot copy, and modes ---


class KeepsGenerator(RealUnit):
    """Keeps what cannot be copied."""

    def __init__(self, turn: Tensor, inward: Tensor, kept: Any) -> None:
        super().__init__(turn, inward)
        self.kept = kept

    def gates(self, x: Tensor, state: Tensor) -> dict[str, Tensor]:
        return {"open": torch.sigmoid(state @ self.turn.T)}


@pytest.mark.parametrize("kept", [Generator(), (2 * nn.Parameter(torch.ones(2)),)])
def test_a_cell_that_cannot_be_copied_is_probed_like_one_that_can(kept: Any) -> None:
    _, plain = pair(TASK.input_size)
    turn, inward = torch.polar(torch.ones(N), torch.ones(N)), torch.ones(N, TASK.input_size, dtype=torch.complex64)
    awkward: Any = KeepsGenerator(turn, inward, kept)
    awkward.load_state_dict(plain.state_dict())
    before = {name: tensor.clone() for name, tensor in awkward.state_dict().items()}
    model = model_of(awkward, TASK.output_size)._replace(make_cell=lambda _: KeepsGenerator(turn, inward, kept))
    flows = [gradient_flow(each, TASK, generator(7)) for each in (model, model_of(plain, TASK.output_size))]
    assert flows[0].joint.norms == flows[1].joint.norms
    gates = state_and_gates(model, TASK, generator(5)).gates
    assert 0 < gates["open"].mean < 1
    wide = wide_cell(model)
    assert wide.step(torch.zeros(1, TASK.input_size).double(), wide.initial_state(1))[0].dtype == torch.float64
    assert wide.hidden_size == awkward.hidden_size
    assert all(torch.equal(before[name], tensor) for name, tensor in awkward.state_dict().items())


class Modal(RealUnit):
    """Its state shrinks by a tenth a step while it trains."""

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        s = super().step(x, state)[1] * (0.1 if self.training else 1.0)
        return s, s


def test_gradients_are_probed_in_evaluation_mode_whatever_mode_a_cell_was_left_in() -> None:
    _, plain = pair(TASK.input_size)
    modal = Modal(torch.polar(torch.ones(N), torch.ones(N)), torch.ones(N, TASK.input_size, dtype=torch.complex64))
    modal.load_state_dict(plain.state_dict())
    for training in (True, False):
        modal.train(training)
        model: Model = model_of(modal, TASK.output_size)
        expected = gradient_flow(model_of(plain, TASK.output_size), TASK, generator(7))
        assert gradient_flow(model, TASK, generator(7)) == expected
        assert modal.training is training
