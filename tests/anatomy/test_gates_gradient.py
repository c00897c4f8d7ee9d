"""The gradient of the last output: that of torch.nn's own layers by autograd, and in closed form."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd.functional import jacobian

from lstm_bench.anatomy.gates import gradient
from lstm_bench.anatomy.gates.gradient import Gradients, LayerGradient, strengths
from lstm_bench.anatomy.gates.trace import trace
from lstm_bench.anatomy.gates.weights import find_recurrent

T, D, H = 7, 3, 4
X = torch.randn(T, D, generator=torch.Generator().manual_seed(5), dtype=torch.float64)


def measured(layer: nn.Module, x: Tensor = X) -> Gradients:
    return strengths(trace(find_recurrent(layer.state_dict(), "a test", None, "tanh"), x))


def by_unit(matrix: Tensor) -> Tensor:
    """Return ||d h_T / d s|| / sqrt(P) of each number s, from the Jacobian [P, ...]."""
    return (matrix.square().sum(dim=0) / len(matrix)).sqrt()


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (nn.LSTM, {}), (nn.LSTM, {"num_layers": 2}), (nn.LSTM, {"num_layers": 2, "proj_size": 2}),
        (nn.GRU, {"num_layers": 2}), (nn.RNN, {"num_layers": 3}),
    ],
)  # fmt: skip
def test_it_is_the_jacobian_of_torch_at_the_state_between_any_two_steps(
    kind: type[nn.RNNBase], settings: dict[str, Any]
) -> None:
    torch.manual_seed(6)
    layer = kind(D, H, dtype=torch.float64, **settings)
    found = measured(layer)
    assert (found.exact, found.n_vectors) == (True, settings.get("proj_size", H))
    for t in range(T):
        state = None
        if t:
            with torch.no_grad():
                _, state = layer(X[:t].unsqueeze(1))
        names = ("h", "c") if kind is nn.LSTM else ("h",)
        sizes = {"h": settings.get("proj_size", H), "c": H}
        depth = settings.get("num_layers", 1)
        parts = [torch.zeros(depth, 1, sizes[name], dtype=torch.float64) for name in names]
        if state is not None:
            parts = [part.detach() for part in (state if kind is nn.LSTM else (state,))]

        def last_output(*entered: Tensor, start: int = t) -> Tensor:
            outputs: Tensor = layer(X[start:].unsqueeze(1), entered if kind is nn.LSTM else entered[0])[0]
            return outputs[-1, 0]

        matrices = jacobian(last_output, tuple(parts))
        for name, matrix in zip(names, matrices, strict=True):
            expected = by_unit(matrix)[:, 0]
            for place, at_layer in enumerate(found.layers):
                torch.testing.assert_close(at_layer.parts[name][t], expected[place], rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("settings", [{}, {"num_layers": 2}, {"num_layers": 2, "bidirectional": True}])
def test_at_the_inputs_it_is_the_jacobian_of_torch(settings: dict[str, Any]) -> None:
    torch.manual_seed(7)
    layer = nn.GRU(D, H, dtype=torch.float64, **settings)
    matrix = jacobian(lambda x: layer(x.unsqueeze(1))[0][-1, 0, :H], X)
    assert isinstance(matrix, Tensor)
    torch.testing.assert_close(measured(layer).inputs, by_unit(matrix), rtol=1e-9, atol=1e-15)


def test_along_c_alone_it_is_the_product_of_forget_gates() -> None:
    """With W_hh = 0: d h_T / d c_t = o (1 - tanh(c_T)^2) f^(T - t) of each unit, over sqrt(H)."""
    layer = nn.LSTM(1, 2, dtype=torch.float64)
    bias = torch.tensor([0.5, 0.5, 1.0, 2.0, 1.0, -1.0, 0.0, 1.0], dtype=torch.float64)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        layer.bias_ih_l0.copy_(bias)
    _, f, g, o = bias.chunk(4)
    i, f, g, o = bias[:2].sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
    n = 50
    c = i * g * (1 - f**n) / (1 - f)
    found = measured(layer, torch.zeros(n, 1, dtype=torch.float64)).layers[0]
    steps = n - torch.arange(n).unsqueeze(1)
    expected = o * (1 - c.tanh() ** 2) * f**steps / 2**0.5
    torch.testing.assert_close(found.parts["c"], expected, rtol=1e-10, atol=0.0)
    assert not found.parts["h"].any()
    assert found.flow[1:] == pytest.approx(expected.norm(dim=1).flip(0).tolist(), rel=1e-10)


def test_a_horizon_is_the_first_step_back_below_a_thousandth() -> None:
    parts = {"h": torch.tensor([[1e-9], [0.0006], [0.1]]), "c": torch.tensor([[0.0], [0.0008], [0.0]])}
    assert LayerGradient(parts).flow == pytest.approx([1.0, 0.1, 0.001, 1e-9])
    assert LayerGradient({"h": torch.tensor([[0.00098], [0.0011]])}).horizon == 2
    assert LayerGradient({"h": torch.tensor([[0.5], [0.5]])}).horizon is None


def test_of_many_outputs_it_is_estimated_from_fewer_directions(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(8)
    layer = nn.LSTM(D, 64, dtype=torch.float64)
    exact = measured(layer)
    monkeypatch.setattr(gradient, "MOST_VECTORS", 16)
    estimate = measured(layer)
    assert (exact.exact, estimate.exact, estimate.n_vectors) == (True, False, 16)
    assert estimate.layers[0].flow == pytest.approx(exact.layers[0].flow, rel=0.15)
    assert estimate.layers[0].flow != exact.layers[0].flow
