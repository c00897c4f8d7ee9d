"""What training saw of the gradient, against the arithmetic that made it."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from synthetic_study import EVERY, make_study

from lstm_bench.analysis.frames import StudyData, load_study
from lstm_bench.analysis.learning import (
    CLIPPED,
    NORM,
    clipping_norm,
    training_gradients,
)


def test_every_evaluation_of_the_longest_lag_is_there(sample: StudyData) -> None:
    table = training_gradients(sample)
    assert set(table["lag"]) == {32}
    lstm = table.loc[table["cell"] == "lstm"]
    assert set(lstm["quantity"]) == {"dL/dh", "dL/dc", NORM, CLIPPED}
    assert set(table.loc[table["cell"] == "rnn", "quantity"]) == {"dL/dh", NORM, CLIPPED}
    members = sample.members.loc[(sample.members["cell"] == "rnn") & (sample.members["lag"] == 32)]
    start = table.loc[(table["cell"] == "rnn") & (table["quantity"] == "dL/dh") & (table["step"] == 0)]
    assert start.set_index("steps_back")["median"].loc[10] == pytest.approx(0.05 * 0.61**10)
    assert start["n"].eq(len(members)).all()
    assert set(lstm["step"]) == set(range(0, int(lstm["step"].max()) + 1, EVERY))


def test_members_that_ended_take_no_part(sample: StudyData) -> None:
    table = training_gradients(sample)
    for cell in sample.cells:
        ended = sample.members.loc[(sample.members["cell"] == cell) & (sample.members["lag"] == 32), "steps"]
        norm = table.loc[(table["cell"] == cell) & (table["quantity"] == NORM)].set_index("step")
        assert norm["n"].to_dict() == {step: (ended >= step).sum() for step in norm.index}
        assert norm["steps_back"].isna().all()


def test_norm_and_clipped_share_are_medians_and_quartiles(sample: StudyData) -> None:
    table, c = training_gradients(sample), sample.curves
    of_step = c.loc[(c["cell"] == "lstm") & (c["lag"] == 32) & (c["step"] == 2 * EVERY)]
    for quantity in (NORM, CLIPPED):
        values = of_step.loc[of_step["metric"] == quantity, "value"]
        row = table.loc[(table["cell"] == "lstm") & (table["quantity"] == quantity) & (table["step"] == 2 * EVERY)]
        assert row[["q25", "median", "q75"]].to_numpy()[0] == pytest.approx(np.quantile(values, (0.25, 0.5, 0.75)))


def test_two_tasks_have_their_own_longest_lag(tmp_path: Path) -> None:
    make_study(tmp_path / "s", lags=(2, 8), n_seeds=2, tasks=("copy", "adding"), tuned=False)
    table = training_gradients(load_study(tmp_path / "s"))
    assert set(zip(table["task"], table["lag"], strict=True)) == {("copy", 8), ("adding", 8)}


def test_nothing_trained_leaves_no_rows(sample: StudyData) -> None:
    jobs = [dataclasses.replace(job, steps=0) for job in sample.plan.jobs]
    start = dataclasses.replace(sample, plan=dataclasses.replace(sample.plan, jobs=jobs))
    assert training_gradients(start).empty


def test_the_clipping_norm_is_that_of_the_configuration(sample: StudyData) -> None:
    assert clipping_norm(sample, "lstm") == 1.0
    jobs = [dataclasses.replace(job, config=job.config | {"trainer": {"clip": 0}}) for job in sample.plan.jobs]
    assert clipping_norm(dataclasses.replace(sample, plan=dataclasses.replace(sample.plan, jobs=jobs)), "rnn") is None
