"""Sorted as text, as MLflow sorts them, the names of runs are sorted by cell, lag and seed."""

import random
from dataclasses import replace

from mirror_faults import small_scene

from lstm_bench.records.schema import MemberRecord
from lstm_bench.tracking.run_spec import run_spec


def test_names_sort_as_cells_lags_and_seeds_do(tmp_path):
    (job,) = small_scene(tmp_path, "small").plan.jobs
    jobs = [
        replace(job, job=f"{cell}{lag}", cell=cell, lag=lag, seeds=list(range(11)))
        for cell in ("gru", "lstm")
        for lag in (8, 16, 128)
    ]
    plan = replace(small_scene(tmp_path, "small").plan, jobs=jobs)
    members = [
        (job.cell, job.lag, seed, run_spec(MemberRecord("x", job.job, "report", seed, None, "running"), plan).name)
        for job in jobs
        for seed in job.seeds
    ]
    random.Random(0).shuffle(members)
    by_name = sorted(members, key=lambda member: member[-1])
    assert by_name == sorted(members)
    assert by_name[0][-1] == "gru lag=008 seed=00"
