"""What planning, status, merge, taking up, report and backfill cost with many members: seconds, CPU seconds, memory.

python experiments/cluster/scale.py [--members 100 1000 10000] [--studies FOLDER] [--without report backfill]

Writes a synthetic study of 2 cells x 10 lags for each number of members (to --studies, where it stays, else to a
temporary folder), then runs each command in a fresh process, imports included, and prints a row. Memory is that of a
command and its children together, looked at 20 times a second, pages that they share counted in each.
"""

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # for command_cost
sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "analysis"))  # for synthetic_study

import synthetic_study
from command_cost import command_cost

from lstm_bench.records.identity import member_identity
from lstm_bench.records.schema import MemberRecord
from lstm_bench.records.store import StudyRecords

LAGS = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48)
CELLS = ("lstm", "rnn")
MOST_WRITTEN = 10_000  # members with tables of their own, which take 30 ms each to make
NAME = "members"  # of a study, before the number
PLAN = """
import sys
from pathlib import Path
from lstm_bench.config.composing import Invocation, compose_study
from lstm_bench.records.job_parts import parts_of
from lstm_bench.records.store import StudyRecords
from lstm_bench.study.planning import plan_study
lags, members = sys.argv[2:]
seeds = int(members) // (2 * len(lags.split(",")))
typed = ("task=copy", f"task.lag={lags}", "cell=lstm,rnn", "trainer.learning_rates=0.01", f"trainer.seeds={seeds}")
plan = plan_study(compose_study(Invocation(typed)), [])
StudyRecords(Path(sys.argv[1])).write_plan(plan)
assert sum(len(part.job.seeds) for part in parts_of(plan)) == int(members)
"""
TAKE_UP = """
import sys
from pathlib import Path
from lstm_bench.records.job_parts import parts_of
from lstm_bench.records.store import StudyRecords
from lstm_bench.study.recovery import reconcile
records = StudyRecords(Path(sys.argv[1]))
parts = parts_of(records.read_plan())
snapshot = reconcile(records, parts).snapshot
assert all(snapshot.is_whole(part.job) for part in parts)
"""  # what a command does before it launches nothing, as all is finished


def main() -> None:
    """Print a row for each command and number of members."""
    parser = argparse.ArgumentParser(description="Time and memory of what reads all records.")
    parser.add_argument("--members", type=int, nargs="+", default=[100, 1_000, 10_000])
    parser.add_argument("--studies", type=Path, help="where the studies lie, written where they are not there")
    parser.add_argument("--without", nargs="*", default=[], help="commands that are left out")
    options = parser.parse_args()
    print(
        "| members | files | MB on disk | command | wall | CPU | peak memory |\n|---|---|---|---|---|---|---|",
        flush=True,
    )
    with tempfile.TemporaryDirectory() as temporary:
        runs = options.studies or Path(temporary) / "runs"
        for members in options.members:
            folder = runs / f"{NAME}{members}"
            if not folder.exists():
                write_study(folder, members)
            sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
            about = f"{members:,} | {len(sizes):,} | {sum(sizes) / 1e6:.0f}"
            for name, command in commands(folder, Path(temporary) / str(members)).items():
                if name not in options.without:
                    cost = command_cost(command)
                    numbers = f"{cost.wall_s:.1f} s | {cost.cpu_s:.1f} s | {cost.peak_mib:.0f} MiB"
                    print(f"| {about} | {name} | {numbers} |", flush=True)


class _PlannedIdentities(StudyRecords):
    """Records whose members have the identities of their plan, which the synthetic ones have not."""

    def write_member(self, record: MemberRecord, tables: Mapping[str, Any], *others: Any, **more: Any) -> Any:
        identity = member_identity(record.job, record.role, record.seed)
        return super().write_member(replace(record, identity=identity), tables, *others, **more)


def write_study(folder: Path, members: int) -> None:
    """Write a study with so many members, none of which tune; those beyond MOST_WRITTEN have the tables of others."""
    synthetic_study.StudyRecords = _PlannedIdentities
    n_seeds, most = (n // (len(CELLS) * len(LAGS)) for n in (members, MOST_WRITTEN))
    synthetic_study.make_study(folder, cells=CELLS, lags=LAGS, n_seeds=min(n_seeds, most), tuned=False)
    if n_seeds <= most:
        return
    records = StudyRecords(folder)
    plan = records.read_plan()
    records.write_plan(replace(plan, jobs=[replace(job, seeds=list(range(n_seeds))) for job in plan.jobs]))
    for job in plan.jobs:
        for seed in range(most, n_seeds):
            record = records.read_member(member_identity(job.job, "report", seed % most))
            copied = replace(record, seed=seed, identity=member_identity(job.job, "report", seed))
            target = records.member_folder(copied.identity)
            target.mkdir(parents=True)
            for name in record.files:
                (target / name).hardlink_to(records.member_folder(record.identity) / name)
            records.write_status(copied)


def commands(folder: Path, work: Path) -> Mapping[str, Sequence[str]]:
    """Return the commands by what they do; a merge goes into a folder with the plan alone."""
    target = work / folder.name
    target.mkdir(parents=True)
    (target / "study.json").write_bytes((folder / "study.json").read_bytes())
    module = [sys.executable, "-m"]
    store = f"sqlite:///{work / 'mlflow.db'}"
    planned = [str(work / "planned"), ",".join(map(str, LAGS)), folder.name.removeprefix(NAME)]
    return {
        "planning": [sys.executable, "-c", PLAN, *planned],
        "status": [*module, "lstm_bench.status", str(folder)],
        "taking up": [sys.executable, "-c", TAKE_UP, str(folder)],
        "merge": [*module, "lstm_bench.merge", str(target), str(folder)],
        "report": [*module, "lstm_bench.report", str(folder), "--reports", str(work / "reports")],
        "backfill": [*module, "lstm_bench.tracking.backfill", str(folder), "--uri", store, "--reports", str(work)],
    }


if __name__ == "__main__":
    main()
