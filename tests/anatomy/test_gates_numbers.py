"""Gates and states of the layers of torch.nn: equal to torch.nn's outputs, and to steps taken by hand."""

import math
from typing import Any

import pytest
import torch
from torch import nn

from lstm_bench.anatomy.dissection import dissect
from lstm_bench.anatomy.gates.inputs import Sequence
from lstm_bench.anatomy.gates.reading import read_sequence
from lstm_bench.anatomy.gates.trace import difference_from_torch, trace
from lstm_bench.anatomy.gates.weights import find_recurrent
from lstm_bench.cells.gru import GRUCell
from lstm_bench.cells.lstm import LSTMCell

T, D, H = 12, 3, 5
LAYERS: list[tuple[type[nn.RNNBase], dict[str, Any]]] = [
    (nn.LSTM, {}),
    (nn.LSTM, {"num_layers": 3, "dropout": 0.5}),
    (nn.LSTM, {"num_layers": 2, "proj_size": 2}),
    (nn.LSTM, {"num_layers": 2, "bidirectional": True, "proj_size": 4, "bias": False}),
    (nn.GRU, {}),
    (nn.GRU, {"num_layers": 2, "bidirectional": True}),
    (nn.RNN, {"bias": False}),
    (nn.RNN, {"num_layers": 2, "nonlinearity": "relu"}),
]


def layer_of(kind: type[nn.RNNBase], settings: dict[str, Any], dtype: torch.dtype) -> nn.RNNBase:
    torch.manual_seed(1)
    layer = kind(D, H, dtype=dtype, **settings).eval()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.mul_(1.5)  # gates further from 1/2
    return layer


def inputs(dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(T, D, generator=torch.Generator().manual_seed(2), dtype=torch.float64).to(dtype)


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize(("kind", "settings"), LAYERS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-6)])
def test_h_is_that_of_torch(
    kind: type[nn.RNNBase], settings: dict[str, Any], dtype: torch.dtype, tolerance: float
) -> None:
    layer, x = layer_of(kind, settings, dtype), inputs(dtype)
    with torch.no_grad():
        expected, _ = layer(x.unsqueeze(1))
    recurrent = find_recurrent(layer.state_dict(), "a test", None, settings.get("nonlinearity", "tanh"))
    last = trace(recurrent, x)[-1]
    outputs = torch.cat([last[0].inside["h"], *(reverse.inside["h"].flip(0) for reverse in last[1:])], dim=1)
    torch.testing.assert_close(outputs, expected[:, 0].double(), rtol=0, atol=tolerance)
    assert difference_from_torch(recurrent, x, last[0].inside["h"], dtype) <= tolerance
    assert difference_from_torch(recurrent, x, last[0].inside["h"] + 0.25, dtype) == pytest.approx(0.25, abs=1e-6)


def test_everything_inside_an_lstm_is_what_a_step_by_hand_gives() -> None:
    cell = LSTMCell(D, H, generator=torch.Generator().manual_seed(3)).double()
    one = trace(find_recurrent(cell.state_dict(), "a test", None, "tanh"), inputs())[0][0]
    h, c = torch.zeros(H).double(), torch.zeros(H).double()
    for t, x in enumerate(inputs()):
        step = dissect(cell, x, h, c)
        by_hand = step.gates | {"c": step.c, "h": step.h}
        assert {name: values[t].tolist() for name, values in one.inside.items()} == {
            name: pytest.approx(values, abs=1e-14) for name, values in by_hand.items()
        }
        assert [part.tolist() for part in one.entered[t]] == [h.tolist(), c.tolist()]
        h, c = one.inside["h"][t], one.inside["c"][t]


def test_an_lstm_of_one_unit_in_plain_arithmetic() -> None:
    """In the order of PyTorch: i, f, g, o."""
    w, u, b = [0.5, -1.0, 2.0, 0.3], [0.2, 0.7, -0.4, 1.1], [0.1, 1.0, -0.3, 0.0]
    tensors = {
        "weight_ih_l0": torch.tensor(w).unsqueeze(1), "weight_hh_l0": torch.tensor(u).unsqueeze(1),
        "bias_ih_l0": torch.tensor(b), "bias_hh_l0": torch.zeros(4),
    }  # fmt: skip
    tensors = {name: tensor.double() for name, tensor in tensors.items()}
    numbers = [0.4, -1.3, 0.0, 2.0]
    xs = torch.tensor(numbers, dtype=torch.float64)
    inside = trace(find_recurrent(tensors, "a test", None, "tanh"), xs.unsqueeze(1))[0][0].inside
    h = c = 0.0
    w, u, b = (tensors[name].flatten().tolist() for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0"))
    for t, x in enumerate(numbers):
        pre = [w[k] * x + u[k] * h + b[k] for k in range(4)]
        i, f, o = (1 / (1 + math.exp(-pre[k])) for k in (0, 1, 3))
        g = math.tanh(pre[2])
        c = f * c + i * g
        h = o * math.tanh(c)
        values = {name: float(inside[name][t, 0]) for name in "figoch"}
        assert values == pytest.approx({"f": f, "i": i, "g": g, "o": o, "c": c, "h": h}, abs=1e-14)


def test_the_gates_of_a_gru_are_those_of_the_cell() -> None:
    cell = GRUCell(D, H, generator=torch.Generator().manual_seed(4)).double()
    inside = trace(find_recurrent(cell.state_dict(), "a test", None, "tanh"), inputs())[0][0].inside
    h = cell.initial_state(1)
    for t, x in enumerate(inputs()):
        gates = cell.gates(x.unsqueeze(0), h)
        before, (h, _) = h, cell.step(x.unsqueeze(0), h)
        for name, expected in (gates | {"h": h}).items():
            torch.testing.assert_close(inside[name][t], expected[0], rtol=0, atol=1e-14)
        z, n = inside["z"][t], inside["n"][t]
        torch.testing.assert_close((1 - z) * n + z * before[0], h[0], rtol=0, atol=1e-14)


def test_half_precision_is_read_and_checked_in_float64_alone() -> None:
    layer = layer_of(nn.LSTM, {}, torch.float64).half()
    reading = read_sequence(find_recurrent(layer.state_dict(), "a test", None, "tanh"), Sequence(inputs(), "numbers"))
    assert list(reading.differences) == ["float64"]
    assert reading.differences["float64"] < 1e-14
