"""The adapter of torchrecurrent: its cells, their settings and starts, and the papers' equations where they differ."""

import sys
from typing import Any, get_args

import numpy as np
import pytest
import torch
import torchrecurrent
import yaml
from torch import Generator, Tensor

from lstm_bench.cells.zoo import ZooCell
from lstm_bench.cells.zoo_catalogue import CATALOGUE, OutputAndPast, ZooName
from lstm_bench.cells.zoo_settings import complete_settings
from lstm_bench.conf_folder import conf_dir

YAMLS = {path.stem: yaml.safe_load(path.read_text()) for path in (conf_dir() / "cell" / "zoo").glob("*.yaml")}
OF_AN_INPUT_AS_WIDE_AS_THE_OUTPUT = {"IntersectionRNNCell"}
D, H, B, T = 3, 5, 2, 6


def make(name: str, hidden_size: int = H, **settings: Any) -> ZooCell:
    return ZooCell(D, hidden_size, name, generator=Generator().manual_seed(0), **settings)


def from_yaml(name: str, hidden_size: int, lag: int = 50) -> ZooCell:
    given = {key: value for key, value in YAMLS[name].items() if key not in ("_target_", "name", "hidden_size")}
    return make(name, hidden_size, **{key: lag if value == "${task.lag}" else value for key, value in given.items()})


def moved(cell: ZooCell) -> ZooCell:
    """Return a cell in float64 whose parameters are all different from 0, and its biases too."""
    generator = Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in cell.double().parameters():
            parameter.uniform_(-0.7, 0.7, generator=generator)
    return cell


def arrays(cell: ZooCell) -> dict[str, np.ndarray]:
    return {name: tensor.detach().numpy() for name, tensor in cell.library.state_dict().items()}


def inputs() -> Tensor:
    return torch.randn(T, B, D, generator=Generator().manual_seed(1), dtype=torch.float64)


def outputs(cell: ZooCell, x: Tensor) -> np.ndarray:
    state, collected = cell.initial_state(B), []
    for x_t in x:
        output, state = cell.step(x_t, state)
        collected.append(output.detach().numpy())
    return np.stack(collected)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def test_every_cell_that_the_library_exports_is_offered_or_cannot_be() -> None:
    exported = {name for name in torchrecurrent.__all__ if name.endswith("Cell")}
    assert {facts.library for facts in CATALOGUE.values()} == exported - OF_AN_INPUT_AS_WIDE_AS_THE_OUTPUT
    assert set(get_args(ZooName)) == set(CATALOGUE)


def test_a_cell_whose_output_mixes_in_its_input_needs_both_to_be_as_wide() -> None:
    for name in OF_AN_INPUT_AS_WIDE_AS_THE_OUTPUT:
        with pytest.raises(ValueError, match="input_size == hidden_size"):
            getattr(torchrecurrent, name)(D, H)


@pytest.mark.parametrize("name", CATALOGUE)
def test_its_yaml_leaves_no_setting_to_the_library(name: str) -> None:
    settings = complete_settings(getattr(torchrecurrent, CATALOGUE[name].library), {})
    own = {"taugru": {"delay"}, "janet": {"chrono"}, "star": {"chrono"}}.get(name, set())
    assert set(YAMLS[name]) == {"_target_", "name", "hidden_size", *settings, *own}
    assert YAMLS[name]["name"] == name


def test_every_yaml_is_of_a_cell() -> None:
    assert set(YAMLS) == set(CATALOGUE)


@pytest.mark.parametrize("name", CATALOGUE)
def test_with_the_librarys_settings_a_seed_draws_what_the_library_draws(name: str) -> None:
    ours = make(name, hidden_size=7)
    with torch.random.fork_rng():
        torch.manual_seed(0)  # that of `make`
        library = getattr(torchrecurrent, CATALOGUE[name].library)(D, 7)
    assert ours.library.state_dict().keys() == library.state_dict().keys()
    for key, tensor in library.state_dict().items():
        assert torch.equal(ours.library.state_dict()[key], tensor)


def test_lem_reads_the_new_memory() -> None:
    cell = moved(make("lem", dt=0.3))
    p, x, y, z = arrays(cell), inputs().numpy(), np.zeros((B, H)), np.zeros((B, H))
    w1, w2, wz, wy = np.split(p["weight_ih"], 4)
    b1, b2, bz, by = np.split(p["bias_ih"], 4)
    v1, v2, vz = np.split(p["weight_hh"], 3)
    c1, c2, cz = np.split(p["bias_hh"], 3)
    expected = []
    for u in x:  # equation 3 of Rusch et al. 2022
        bar = 0.3 * sigmoid(u @ w1.T + b1 + y @ v1.T + c1)
        dt = 0.3 * sigmoid(u @ w2.T + b2 + y @ v2.T + c2)
        z = (1 - dt) * z + dt * np.tanh(u @ wz.T + bz + y @ vz.T + cz)
        y = (1 - bar) * y + bar * np.tanh(u @ wy.T + by + z @ p["weight_ch"].T + p["bias_ch"])
        expected.append(y)
    np.testing.assert_allclose(outputs(cell, inputs()), expected, rtol=1e-12)


def test_janet_has_one_state_and_a_beta_that_is_not_trained() -> None:
    cell = moved(make("janet", beta=0.5))
    p, h, expected = arrays(cell), np.zeros((B, H)), []
    for u in inputs().numpy():  # equations 7 to 10 of van der Westhuizen & Lasenby 2018
        s, candidate = np.split(u @ p["weight_ih"].T + p["bias_ih"] + h @ p["weight_hh"].T + p["bias_hh"], 2, axis=1)
        h = sigmoid(s) * h + (1 - sigmoid(s - 0.5)) * np.tanh(candidate)
        expected.append(h)
    np.testing.assert_allclose(outputs(cell, inputs()), expected, rtol=1e-12)
    assert isinstance(cell.initial_state(B), Tensor)
    assert "library.beta" not in dict(cell.named_parameters())
    assert "library.alpha" not in dict(make("scrn").named_parameters())


@pytest.mark.parametrize("delay", [1, 3])
def test_tau_gru_reads_the_output_of_so_many_steps_before(delay: int) -> None:
    cell = moved(make("taugru", delay=delay))
    p, past, expected = arrays(cell), [np.zeros((B, H))] * (delay + 1), []
    for u in inputs().numpy():
        h, delayed = past[-1], past[-1 - delay]
        from_x = np.split(u @ p["weight_ih"].T + p["bias_ih"] + p["bias_hh"], 4, axis=1)
        w = np.split(p["weight_hh"], 4)
        candidate, feedback = np.tanh(from_x[0] + h @ w[0].T), np.tanh(from_x[1] + delayed @ w[1].T)
        gate, weight = sigmoid(from_x[2] + h @ w[2].T), sigmoid(from_x[3] + h @ w[3].T)
        past.append((1 - gate) * h + gate * (candidate + weight * feedback))
        expected.append(past[-1])
    np.testing.assert_allclose(outputs(cell, inputs()), expected, rtol=1e-12)
    state = cell.initial_state(B)
    assert isinstance(state, OutputAndPast)
    assert state.past.shape == (B, delay, H)


def test_cornn_is_two_coupled_differential_equations() -> None:
    cell = moved(make("cornn", dt=0.1, gamma=2.0, epsilon=3.0))
    p, y, z, expected = arrays(cell), np.zeros((B, H)), np.zeros((B, H)), []
    for u in inputs().numpy():  # equation 3 of Rusch & Mishra 2021
        drive = u @ p["weight_ih"].T + y @ p["weight_hh"].T + z @ p["weight_ch"].T
        drive += p["bias_ih"] + p["bias_hh"] + p["bias_ch"]
        z = z + 0.1 * (np.tanh(drive) - 2 * y - 3 * z)
        y = y + 0.1 * z
        expected.append(y)
    np.testing.assert_allclose(outputs(cell, inputs()), expected, rtol=1e-12)


def test_chrono_spreads_the_bias_of_the_gate_that_keeps() -> None:
    """Of ln U(1, 49) the median is ln 25; JANET's gate keeps, STAR's renews."""
    for name, rows, sign in (("janet", slice(0, 400), 1), ("star", slice(400, 800), -1)):
        bias = from_yaml(name, hidden_size=400, lag=50).library.bias_ih.detach()
        spread = sign * bias[rows]
        assert 0 <= spread.min() < spread.max() <= np.log(49)
        assert spread.median().item() == pytest.approx(np.log(25), abs=0.15)
        others = bias[400:] if rows.start == 0 else bias[:400]
        assert not others.any()


def test_starts_that_the_papers_have_and_the_library_has_not() -> None:
    fastrnn, fastgrnn = from_yaml("fastrnn", 64), from_yaml("fastgrnn", 64)
    assert torch.sigmoid(fastrnn.library.alpha).item() == pytest.approx(0.0474, abs=1e-4)
    assert torch.sigmoid(fastrnn.library.beta).item() == pytest.approx(0.9526, abs=1e-4)
    assert isinstance(fastgrnn.library.act, torch.nn.Sigmoid)
    u = from_yaml("indrnn", 400).library.vector_u
    assert 0 <= u.min() < 0.05
    assert 0.95 < u.max() <= 1
    lem = from_yaml("lem", 64)
    assert all(0.11 < parameter.abs().max() <= 0.125 for parameter in lem.parameters())
    cornn = from_yaml("cornn", 64)
    assert [name for name, _ in cornn.named_parameters() if "bias" in name] == ["library.bias_ih"]
    assert cornn.library.weight_hh.abs().max().item() == pytest.approx((D + 2 * 64) ** -0.5, rel=1e-3)
    antisymmetric = from_yaml("antisymmetric", 64)
    assert antisymmetric.library.weight_hh.std().item() == pytest.approx(1 / 8, rel=0.05)


def test_each_gate_of_an_orthogonal_start_is_orthogonal() -> None:
    weight = from_yaml("ligru", 8).library.weight_hh.detach()
    for block in weight.split(8):
        torch.testing.assert_close(block @ block.T, torch.eye(8), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("lem", {"dtt": 1.0}, "dtt=1.0: allowed: the keys bias, recurrent_bias, cell_bias"),
        ("lem", {"dt": "fast"}, "dt=fast: allowed: a number"),
        ("lem", {"dt": True}, "dt=True: allowed: a number"),
        ("lem", {"dt": float("inf")}, "dt=inf: allowed: a number"),
        ("lem", {"bias": 1}, "bias=1: allowed: true or false"),
        ("lem", {"device": "cpu"}, "device=cpu: allowed: the keys"),
        ("mgu", {"nonlinearity": "tan"}, "nonlinearity=tan: allowed: elu, gelu"),
        ("mgu", {"kernel_init": "unit"}, "kernel_init=unit: allowed: zeros, ones"),
        ("indrnn", {"recurrent_kernel_init": "orthogonal"}, "allowed for the vector vector_u: zeros, ones"),
        ("taugru", {"delay": 0}, "delay=0: allowed: an integer of at least 1"),
        ("janet", {"chrono": 1}, "chrono=1: allowed: an integer of at least 2"),
        ("mgu", {"chrono": 9}, "chrono=9: allowed: the keys bias"),
        ("taugru", {"delays": 9}, "delays=9: allowed: the keys delay, bias"),
    ],
)
def test_a_setting_that_is_not_allowed_is_named(name: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(name, **settings)


def test_a_bias_that_is_off_is_no_parameter() -> None:
    cell = make("lem", bias=False, recurrent_bias=False)
    assert [name for name, _ in cell.named_parameters() if "bias" in name] == ["library.bias_ch"]
    assert not any(buffer.any() for buffer in cell.buffers())


def test_a_whole_number_is_a_number() -> None:
    assert make("lem", dt=1).library.dt == 1.0


def test_without_the_library_the_command_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchrecurrent", None)
    with pytest.raises(ValueError, match=r"name=lem: allowed: .*: pip install 'lstm_bench\[zoo\]'"):
        make("lem")
