"""What a chart of MLflow averages over members: all of them at every step, each value where it was measured."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mirror_faults import Scene
from mlflow.entities import Metric
from synthetic_study import BUDGET, EVERY

from lstm_bench.config.schema import TrainerConfig
from lstm_bench.records.schema import MemberRecord

UNITS = {"gates/f_mean_final": "1", "grad/decay_at_50": "factor per step", "memory/state_size_final": "units"}
GRID = list(range(0, BUDGET + 1, EVERY))


def shown(scene: Scene, metric: str, identity: str | None = None) -> pd.DataFrame:
    """Return a metric as MLflow has it, of all members or one: a row a point."""
    points = [
        (run.data.tags["identity"], point.step, point.value)
        for run in scene.runs()
        for point in scene.client.get_metric_history(run.info.run_id, metric)
        if identity in (None, run.data.tags["identity"])
    ]
    return pd.DataFrame(points, columns=["identity", "step", "value"])


def rewritten(scene: Scene, seed: int, curves: dict[str, list[float]], every: int = EVERY, **facts) -> MemberRecord:
    """Write a member again with these curves, a value an evaluation."""
    record = scene.add_member(seed)
    columns = [(step * every, name, value) for name, values in curves.items() for step, value in enumerate(values)]
    table = pd.DataFrame(columns, columns=["step", "metric", "value"])
    changed = replace(record, steps=int(table["step"].max()), metrics={}, **facts)
    scene.records.write_member(changed, {"curves": table})
    return changed


def test_a_mean_over_members_is_over_all_of_them_at_every_step(scene):
    solving = [0.2, 0.6, 1.0, 1.0]  # four solve at their fourth evaluation
    for seed in range(4):
        rewritten(scene, seed, {"eval/recall_accuracy": solving}, status="solved")
    rewritten(scene, 4, {"eval/recall_accuracy": [0.2] * 10 + [0.4] * 11}, status="learning")
    scene.mirror().update()
    points = shown(scene, "eval/recall_accuracy")
    seen = points.groupby("step")["value"].agg(["mean", "size"])
    assert seen.index.tolist() == GRID
    assert set(seen["size"]) == {5}
    assert seen["mean"].tolist() == pytest.approx([0.2, 0.52] + [0.84] * 8 + [0.88] * 11)
    assert scene.whats_wrong() == []


def test_of_real_curves_the_mean_is_that_of_each_members_last_value(scene):
    for seed in range(2, 5):
        scene.add_member(seed, "learning")
    scene.mirror().update()
    curves_of_member = [
        pd.read_parquet(folder / "curves.parquet").query("metric == 'eval/recall_ce'").set_index("step")["value"]
        for folder in (scene.records.folder / "members").iterdir()
    ]
    assert min(len(curve) for curve in curves_of_member) < len(GRID)
    expected = [np.mean([curve.loc[:step].iloc[-1] for curve in curves_of_member]) for step in GRID]
    assert shown(scene, "eval/recall_ce").groupby("step")["value"].mean().tolist() == pytest.approx(expected)


def test_a_gradient_ends_with_the_member_and_the_training_loss_does_not(scene):
    record = rewritten(scene, 0, {"grad/norm": [1.0, 0.5], "train/loss": [2.0, 0.1]}, status="solved")
    scene.mirror().update()
    of_member = {metric: shown(scene, metric, record.identity) for metric in ("grad/norm", "train/loss")}
    assert of_member["grad/norm"]["step"].tolist() == [0, EVERY]
    assert of_member["train/loss"]["step"].tolist() == GRID
    assert of_member["train/loss"]["value"].tolist() == [2.0] + [0.1] * (len(GRID) - 1)


def test_a_member_that_diverged_keeps_its_last_finite_value_as_in_the_report(scene):
    record = rewritten(scene, 0, {"eval/loss": [2.0, 1.5, math.inf]}, status="diverged")
    scene.mirror().update()
    points = shown(scene, "eval/loss", record.identity)
    assert points["step"].tolist() == GRID
    assert points["value"].tolist()[:2] == [2.0, 1.5]
    assert points["value"].tolist()[2] > 1e308
    assert set(points["value"].tolist()[3:]) == {1.5}


def test_a_budget_between_two_evaluations_ends_with_an_evaluation_of_its_own(scene):
    (job,) = scene.plan.jobs
    plan = replace(scene.plan, jobs=[replace(job, steps=BUDGET + 50)])
    scene.records.write_plan(plan)
    scene.plan = plan
    scene.mirror().update()
    steps = shown(scene, "eval/loss").groupby("identity")["step"].agg(list)
    assert steps.tolist() == [[*GRID, BUDGET + 50]] * 2
    assert scene.whats_wrong() == []


@pytest.mark.parametrize("share", [0.4, 0.11, 1.0])
def test_a_member_that_tuned_is_carried_to_the_budget_of_tuning(scene, share):
    (job,) = scene.plan.jobs
    budget = TrainerConfig(steps=BUDGET, eval_every=EVERY, tuning_share=share).tuning_steps
    scene.plan = replace(scene.plan, jobs=[replace(job, tuning_steps=budget)])
    scene.records.write_plan(scene.plan)
    record = rewritten(scene, 0, {"eval/loss": [2.0, 0.1]}, status="solved", role="tuning")
    scene.mirror().update()
    steps = shown(scene, "eval/loss", record.identity)["step"].tolist()
    assert steps == list(range(0, budget + 1, EVERY))


def test_single_values_stand_at_the_start_so_that_each_is_a_bar(scene):
    record = scene.add_member(7)
    scene.mirror().update()
    metrics = scene.run_of(record.identity).data.metrics
    single = [name for name in metrics if not name.startswith(("eval/", "train/loss", "grad/norm", "grad/clipped"))]
    assert {"compare/score", "compare/steps_to_solve", "grad/decay_initial", "grad/decay_final"} <= set(single)
    assert {name: shown(scene, name, record.identity)["step"].tolist() for name in single} == {
        name: [0] for name in single
    }


def test_a_number_of_a_probe_of_ones_own_is_shown_and_most_of_ours_stand_in_the_table(scene):
    record = rewritten(scene, 0, {"eval/recall_ce_share": [1.0, 0.05], "confirm/loss": [0.1, 0.1]}, status="solved")
    ours = {"gates/f_mean_final": 0.5, "memory/state_size_final": 8.0, "grad/decay_at_50": 0.9}
    changed = replace(record, metrics=ours | {"mine/size_at_50": 3.0})
    scene.records.write_member(changed, {"curves": scene.records.read_table(record, "curves").to_pandas()})
    scene.mirror().update()
    run = scene.run_of(record.identity)
    assert run.data.metrics["mine/size_at_50"] == 3.0
    assert not any(name.startswith(("confirm/", "gates/", "memory/", "grad/")) for name in run.data.metrics)
    path = scene.client.download_artifacts(run.info.run_id, "measured.json", str(scene.folder))
    rows = json.loads(Path(path).read_text())["data"]
    assert [row for row in rows if row[0] in ours] == [[key, ours[key], unit] for key, unit in UNITS.items()]


@pytest.mark.parametrize(
    ("status", "last", "score"),
    [("learning", 0.5, 0.5), ("diverged", 0.5, 0.125), ("diverged", 0.1, 0.1), ("diverged", math.nan, 0.125)],
)
def test_a_member_that_diverged_scores_no_more_than_the_best_without_memory(scene, status, last, score):
    (job,) = scene.plan.jobs
    assert job.score == "recall_accuracy"
    scene.plan = replace(scene.plan, jobs=[replace(job, baselines=job.baselines | {"recall_accuracy": 0.125})])
    scene.records.write_plan(scene.plan)
    record = rewritten(scene, 0, {"eval/recall_accuracy": [0.1, last]}, status=status)
    changed = replace(record, metrics={"eval/recall_accuracy": last})
    scene.records.write_member(changed, {"curves": scene.records.read_table(record, "curves").to_pandas()})
    scene.mirror().update()
    metrics = scene.run_of(record.identity).data.metrics
    assert (metrics["compare/score"], metrics["compare/solved"]) == (score, 0.0)
    assert metrics["compare/parameters"] == job.n_parameters_core
    assert not {"compare/steps_to_solve", "compare/gradient_horizon"} & set(metrics)


def test_a_run_that_was_level_in_an_older_way_stays_and_one_half_written_gets_no_value_twice(scene):
    """Once a curve ended with its member, and single values stood at the member's last step."""
    scene.mirror().update()
    whole, half = (scene.records.read_member(identity) for identity in scene.records.identities())
    for record in (whole, half):
        run = scene.run_of(record.identity)
        scene.client.delete_run(run.info.run_id)
        tags = dict(run.data.tags) | ({} if record is whole else {"record": "none yet"})
        old = scene.client.create_run(run.info.experiment_id, tags=tags).info.run_id
        curves = scene.records.read_table(record, "curves").to_pandas()
        points = [Metric(row.metric, row.value, 1000, int(row.step)) for row in curves.itertuples()]
        scene.client.log_batch(old, [*points, Metric("train/steps", float(record.steps), 1000, record.steps)])
        scene.client.set_terminated(old, "FINISHED")
    before = scene.run_of(whole.identity)
    scene.mirror().update()
    after = scene.run_of(whole.identity)
    new = {name: value for name, value in after.data.metrics.items() if name not in before.data.metrics}
    assert (after.data.tags, after.data.params) == (before.data.tags, before.data.params)
    assert after.data.metrics == before.data.metrics | new
    assert new["compare/solved"] == 1.0
    assert all(name.startswith("compare/") for name in new)
    steps, losses = (shown(scene, metric, half.identity) for metric in ("train/steps", "eval/loss"))
    assert steps["step"].tolist() == [half.steps]
    assert losses["step"].tolist() == GRID
    again = scene.mirror()
    again.update()
    assert again._progress.written == set()
