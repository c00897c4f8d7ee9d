"""The claims about gradients judge an RNN and an LSTM that start alike, each start of a task once."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from synthetic_study import make_study

from lstm_bench.analysis.frames import StudyData, load_study
from lstm_bench.analysis.gradients import DECAY, PATH_DECAY, THOUSANDTH
from lstm_bench.claims.deciding import Ruling, rule_on
from lstm_bench.claims.explainer import additive_path, nearly_zero, vanishing_gradient
from lstm_bench.claims.starts import shared_starts, start_of, without_partner

SPREAD = np.exp(0.01 * np.arange(-2, 3))  # of a factor a step over five members
LAG = 32


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> StudyData:
    """Return a study of an LSTM and an RNN of which no probe said anything."""
    folder = tmp_path_factory.mktemp("runs") / "starts"
    make_study(folder, lags=(LAG,), tuned=False, timed=False, probed=False)
    return load_study(folder)


Start = tuple[str, Mapping[str, Any]]  # kind of cell, settings
STARTS: Mapping[str, Start] = {
    "rnn": ("rnn", {"init": "orthogonal"}),
    "rnn_pytorch": ("rnn", {"init": "pytorch"}),
    "lstm": ("lstm", {"init": "orthogonal", "forget_bias": 3.0}),
    "lstm_pytorch": ("lstm", {"init": "pytorch"}),
    "lstm_identity": ("lstm", {"init": "identity"}),
}
TARGETS = {"rnn": "lstm_bench.cells.rnn.RNNCell", "lstm": "lstm_bench.cells.lstm.LSTMCell"}
Decays = Mapping[str, tuple[float, ...]]  # of a cell: joint, and for an LSTM through c and through h


def flow(bare: StudyData, initial: Decays, final: Decays | None = None, reach: int = 200, name: str = "") -> StudyData:
    """Return a study whose gradients decay by these factors a step, followed `reach` steps back."""
    jobs, results, probes = [], [], []
    for cell in initial:
        kind, settings = STARTS[cell]
        job = next(job for job in bare.plan.jobs if job.cell == kind)
        jobs.append(replace(job, cell=cell, config={"cell": {"_target_": TARGETS[kind], **settings}}))
        for moment, decays in (("initial", initial), ("final", final or {})):
            for seed, by_path in enumerate(np.outer(SPREAD, decays.get(cell, ()))):
                labels = {"task": job.task, "variant": job.variant, "cell": cell, "lag": LAG, "seed": seed,
                          "status": "learning"}  # fmt: skip
                if len(by_path):
                    steps_back = np.arange(reach + 1.0)
                    curve = {"at": steps_back, "value": by_path[0] ** steps_back}
                    probe = {"moment": moment, "step": 0, "probe": "gradient_flow", "quantity": "joint"}
                    probes.append(pd.DataFrame(labels | probe | curve))
                    metrics = _metrics(by_path, reach)
                    columns = ("name", "path", "value")
                    results += [labels | {"moment": moment} | dict(zip(columns, m, strict=True)) for m in metrics]
    return replace(
        bare, plan=replace(bare.plan, jobs=jobs, study=name or bare.plan.study), results=pd.DataFrame(results),
        probes=pd.concat(probes, ignore_index=True),
    )  # fmt: skip


def _metrics(decays: np.ndarray, reach: int) -> list[tuple[str, str, float]]:
    metrics = [(DECAY, "", decays[0])]
    horizon = next((k for k in range(reach + 1) if decays[0] ** k < 1e-3), None)
    metrics += [] if horizon is None else [(f"grad/{THOUSANDTH}", "", float(horizon))]
    return metrics + [(PATH_DECAY, path, value) for path, value in zip("ch", decays[1:], strict=False)]


def ruled(module: Any, *studies: StudyData) -> Ruling:
    return rule_on(module.__name__.rpartition(".")[2], module, studies)


SEVERE, FINE = 0.6, 0.99  # K = 14, K = 688; over members 13 to 15, 231 and more


def test_a_k_of_too_few_members_for_a_range_has_none(bare):
    study = flow(bare, {"rnn": (SEVERE,), "lstm": (FINE, FINE, 0.1)})
    few = replace(
        study, probes=study.probes[study.probes["seed"] < 3], results=study.results[study.results["seed"] < 3]
    )
    texts = {n.cell: n.text for n in ruled(vanishing_gradient, few).numbers if n.unit == "steps"}
    k = math.ceil(math.log(1e-3) / math.log(SEVERE * SPREAD[1]))
    assert texts["rnn"] == f"{k} steps, of too few members for a range"
    assert texts["lstm"] == "at least 200 steps, of too few members for a range"


def test_k_is_the_median_of_the_members_between_the_shortest_and_the_longest(bare):
    ruling = ruled(vanishing_gradient, flow(bare, {"rnn": (SEVERE,), "lstm": (FINE, FINE, 0.1)}))
    rnn, lstm = (next(n for n in ruling.numbers if n.quantity == name) for name in vanishing_gradient.DECIDED_BY)
    horizons = [math.ceil(math.log(1e-3) / math.log(SEVERE * factor)) for factor in SPREAD]
    assert rnn.interval == (np.median(horizons), min(horizons), max(horizons))
    assert (rnn.claimed, lstm.claimed) == ((-math.inf, 99), (100, math.inf))
    assert (lstm.interval, lstm.text) == ((200, 200, math.inf), "more than 200 steps")
    rho = next(n for n in ruling.numbers if n.quantity == vanishing_gradient.RHO and n.cell == "rnn")
    assert rho.text == "0.600 (0.588-0.612) a step, over steps 0 to 200"
    assert not rho.decides


@pytest.mark.parametrize(
    ("rnn", "lstm", "reach", "verdict"),
    [
        (SEVERE, FINE, 200, "supported"),
        (FINE, FINE, 200, "refuted"),  # the RNN's gradient does not vanish
        (SEVERE, SEVERE, 200, "refuted"),  # the LSTM's does
        (SEVERE, 0.9, 200, "refuted"),  # K = 66 is less than 100, and less than ten times 14
        (0.2, 0.9, 200, "supported"),  # K = 66 is ten times 5 and more
        (SEVERE, FINE, 54, "not tested"),  # too short for either answer
    ],
)
def test_the_gradient_vanishes_in_one_and_not_in_the_other_at_one_start(rnn, lstm, reach, verdict, bare):
    study = flow(bare, {"rnn": (rnn,), "lstm": (lstm, lstm, 0.1)}, reach=reach)
    assert ruled(vanishing_gradient, study).verdict == verdict


def test_initialisation_and_training_are_settings_apart(bare):
    study = flow(bare, {"rnn": (SEVERE,), "lstm": (SEVERE, 0.5, 0.1)}, {"rnn": (SEVERE,), "lstm": (FINE, FINE, 0.1)})
    ruling = ruled(vanishing_gradient, study)
    assert ruling.verdict == "mixed"
    assert ruling.because.startswith("It holds in 1 of 2 settings and fails in 1.")
    assert "At initialisation the contrast holds at 0 of 1 starts" in ruling.refined
    assert "After training the contrast holds at 1 of 1 starts" in ruling.refined


def test_a_cell_without_a_partner_of_its_start_decides_nothing(bare):
    study = flow(bare, {"rnn": (SEVERE,), "lstm": (FINE,), "lstm_identity": (SEVERE,)})
    assert without_partner(study) == ["lstm_identity"]
    ruling = ruled(vanishing_gradient, study)
    assert ruling.verdict == "supported"
    assert {n.cell: n.decides for n in ruling.numbers if n.quantity == vanishing_gradient.ALONE} == {
        "lstm_identity": False
    }


def test_a_start_of_two_studies_is_one_setting_of_the_study_that_followed_it_furthest(bare):
    near = flow(bare, {"rnn": (FINE,), "lstm": (FINE,)}, reach=120, name="near")
    far = flow(
        bare, {"rnn": (SEVERE,), "lstm": (FINE,), "rnn_pytorch": (SEVERE,), "lstm_pytorch": (SEVERE,)}, name="far"
    )
    chosen = [(one.start, one.study.plan.study) for one in shared_starts([near, far])]
    assert chosen == [("orthogonal weights, LSTM's forget bias 3", "far"), ("pytorch weights", "far")]
    assert ruled(vanishing_gradient, near, far).because.startswith("It holds in 1 of 2 settings and fails in 1.")


def test_a_start_is_named_by_its_weights_and_gates():
    assert start_of({"init": "identity", "forget_bias": None, "chrono": None}) == "identity weights"
    assert start_of({"init": "orthogonal", "forget_bias": 0.0}) == "orthogonal weights, LSTM's forget bias 0"
    assert start_of({"init": "orthogonal", "chrono": 48}) == "orthogonal weights, LSTM's chrono gates"


@pytest.mark.parametrize(
    ("c", "rnn", "h", "verdict"),
    [
        (0.98, 0.6, 0.3, "supported"),
        (0.55, 0.96, 0.3, "refuted"),  # as orthogonal weights start, whatever the LSTM's own h keeps
        (0.96, 0.96, 0.3, "not tested"),  # open: the interval holds 1
    ],
)
def test_the_path_through_c_is_compared_with_the_rnn_of_the_same_start(c, rnn, h, verdict, bare):
    ruling = ruled(additive_path, flow(bare, {"rnn": (rnn,), "lstm": (c, c, h)}))
    assert ruling.verdict == verdict
    quantities = additive_path.RATIO, additive_path.OWN_RATIO
    ratio, own = (next(n for n in ruling.numbers if n.quantity == quantity) for quantity in quantities)
    assert ratio.interval.middle == pytest.approx(c / rnn)
    assert own.interval.middle == pytest.approx(c / h)
    assert own.claimed is None


def test_one_start_for_the_additive_path_and_one_against_it_are_mixed(bare):
    decays = {"rnn": (0.96,), "lstm": (0.99, 0.99, 0.1), "rnn_pytorch": (0.9,), "lstm_pytorch": (0.6, 0.56, 0.1)}
    assert ruled(additive_path, flow(bare, decays)).verdict == "mixed"


def test_without_paths_the_additive_path_is_not_tested(bare):
    assert ruled(additive_path, flow(bare, {"rnn": (0.9,), "lstm": (0.9,)})).verdict == "not tested"


@pytest.mark.parametrize(
    ("rho", "reach", "verdict"),
    [
        (0.6, 200, "supported"),  # 0.6^100 = 7e-23
        (0.97, 200, "refuted"),  # 0.05
        (10**-0.03, 200, "not tested"),  # 1e-3: the interval holds it
        (0.6, 99, "not tested"),
    ],
)
def test_what_is_left_after_a_hundred_steps_is_at_most_a_thousandth(rho, reach, verdict, bare):
    ruling = ruled(nearly_zero, flow(bare, {"rnn_pytorch": (rho,), "rnn": (0.96,)}, reach=reach))
    assert ruling.verdict == verdict
    if reach > nearly_zero.STEPS:
        decisive, beside = ruling.numbers
        assert decisive.interval.middle == pytest.approx(rho**100)
        assert (beside.cell, beside.claimed) == ("rnn", None)


def test_only_the_rnn_as_pytorch_starts_it_decides_what_nearly_zero_is(bare):
    assert ruled(nearly_zero, flow(bare, {"rnn": (0.6,), "lstm_pytorch": (0.6,)})).verdict == "not tested"


def test_one_task_with_a_gradient_left_after_a_hundred_steps_and_one_without_are_mixed(bare):
    gone, left = (flow(bare, {"rnn_pytorch": (rho,)}, reach=200) for rho in (0.6, 0.97))
    elsewhere = [replace(job, task="adding") for job in left.plan.jobs]
    left = replace(left, plan=replace(left.plan, jobs=elsewhere), results=left.results.assign(task="adding"))
    assert ruled(nearly_zero, gone, left).verdict == "mixed"


def test_a_cell_that_two_studies_look_at_is_one_setting_of_what_nearly_zero_is(bare):
    study = flow(bare, {"rnn_pytorch": (0.6,)}, reach=200)
    ruling = ruled(nearly_zero, study, study)
    assert (ruling.verdict, len(ruling.numbers)) == ("supported", 1)
