"""Show the progress of studies: python -m lstm_bench.status STUDY [STUDY ...].

Only the records of a study are read, so it may run on this machine, on another, or not at all.
"""

import argparse
import platform
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from lstm_bench.analysis.wording import counted
from lstm_bench.records.reading import RecordError
from lstm_bench.report.study_folders import existing_studies, study_folder
from lstm_bench.study.job_progress import PHASES, clock
from lstm_bench.study.study_status import PartStatus, StudyStatus, study_status
from lstm_bench.text_encoding import allow_all_letters, restart_in_utf8

BAD_INPUT = 2
MOST_FAILURES, MOST_RUNNING = 10, 3  # that are named
SILENT_S = 60.0  # after which the silence of a process is shown
STATES = ("waiting", "running", "done", "failed")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the status of each study; return 2 where one has no records that can be read, else 0."""
    allow_all_letters()
    options = _parser().parse_args(arguments)
    console, exit_code = Console(highlight=False, markup=False, soft_wrap=True), 0
    for name in options.studies:
        try:
            for status in _statuses(name, options.runs):
                _print(console, status)
        except RecordError as error:
            print(error, file=sys.stderr)
            exit_code = BAD_INPUT
    return exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lstm_bench.status", description="Show the progress of studies.")
    parser.add_argument(
        "studies", nargs="+", metavar="STUDY", help="name of a study, a folder of runs/; or the path of such a folder"
    )
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of all records (default: runs)")
    return parser


def _statuses(name: str, runs: Path) -> Iterator[StudyStatus]:
    """Yield the status of a study, or of those that a study of claims runs.

    Raises: RecordError where there is no such study, or its plan cannot be read.
    """
    folder = study_folder(name, runs)
    if not (folder / "study.json").exists():
        allowed = ", ".join(existing_studies(runs)) or f"none, since {runs} holds no study"
        raise RecordError(f"study={name}: allowed: {allowed}")
    status = study_status(folder)
    yield status
    for part in status.plan.studies:
        if (folder.parent / part / "study.json").exists():
            yield study_status(folder.parent / part)


def _print(console: Console, status: StudyStatus) -> None:
    for line in _lines(status):
        console.print(line)
    if status.parts:
        console.print(_table(status.parts))
    for line in (*status.spans, *map(_lane, status.lanes), *_failures(status.parts)):
        console.print(line)


def _lines(status: StudyStatus) -> Iterator[str]:
    """Yield lines on who runs the study, how much of it is done, and how long it takes or how to resume it."""
    plan, owner = status.plan, status.owner
    if owner is not None:
        where = "" if owner["host"] == platform.node() else f" on {owner['host']}"
        yield f"Study {plan.study}: runs since {owner['since']} (process {owner['pid']}{where})"
    else:
        ended = f"ended {plan.finished}" if plan.finished else "has not ended"
        yield f"Study {plan.study}: {ended}; no process runs it"
    if plan.studies:
        yield f"Studies: {', '.join(plan.studies)}"
        return
    if plan.measure == "speed":
        yield f"Jobs:    {len(status.parts)}, whose speed is measured one after another"
        return
    if status.parts:
        counts = {state: sum(part.state == state for part in status.parts) for state in STATES}
        yield f"Jobs:    {', '.join(f'{n} {state}' for state, n in counts.items())}"
    yield f"Members: {status.members_done} of {status.members} have a result, tuning included"
    if status.seconds_left is not None:
        yield f"Left:    at most {clock(status.seconds_left)}"
    elif any(part.state == "running" for part in status.parts) and not status.spans:
        yield "Left:    estimating"
    elif owner is not None and status.members_done == status.members:
        yield "Left:    speed, MLflow and the report, unless turned off"
    elif owner is None and status.members_done < status.members:
        yield f"To continue: {plan.command}"
    elif owner is None and not plan.finished:
        yield f"To collect (speed, MLflow and the report): {plan.command}"


def _table(parts: Sequence[PartStatus]) -> Table:
    """Return a row for each cell on each task: its jobs by state, and what its running jobs do."""
    table = Table("Task", "Cell", *map(str.capitalize, STATES), "Running now")
    groups: dict[tuple[str, str, str], list[PartStatus]] = {}
    for status in parts:
        groups.setdefault(status.part.job.contestant, []).append(status)
    for (task, _, cell), group in groups.items():
        running = [_doing(status) for status in group if status.state == "running"]
        more = [f"and {len(running) - MOST_RUNNING} more"] if len(running) > MOST_RUNNING else []
        counts = [str(sum(status.state == state for status in group)) for state in STATES]
        table.add_row(task, cell, *counts, "\n".join(running[:MOST_RUNNING] + more))
    return table


def _doing(status: PartStatus) -> str:
    """Return what a running part does: "lag 48 on node7: training 24%, 5 members, loss 0.43"."""
    progress, where = status.progress, f" on {status.host}" if status.host else ""
    silent = f", silent for {clock(status.silent_s)}" if status.silent_s > SILENT_S else ""
    if not progress:
        return f"lag {status.part.job.lag}{where}: starting{silent}"
    share, members = progress["step"] / progress["steps"], counted(progress["active"], "member")
    loss = "" if progress["loss_share"] is None else f", loss {progress['loss_share']:.2f}"
    return f"lag {status.part.job.lag}{where}: {PHASES[progress['phase']]} {share:.0%}, {members}{loss}{silent}"


def _lane(status: PartStatus) -> str:
    job = status.part.job
    doing = _doing(status) if status.state == "running" else f"lag {job.lag}: {status.reason}"
    return f"{status.state.capitalize()}: {job.task} {job.cell} {doing}"


def _failures(parts: Sequence[PartStatus]) -> Iterator[str]:
    failed = [status for status in parts if status.state == "failed"]
    for status in failed[:MOST_FAILURES]:
        job = status.part.job
        yield f"Failed: {job.task} {job.cell} lag {job.lag}: {status.reason or 'no reason recorded'}"
    if len(failed) > MOST_FAILURES:
        yield f"Failed: {counted(len(failed) - MOST_FAILURES, 'more job')}"


if __name__ == "__main__":
    restart_in_utf8()
    sys.exit(main())
