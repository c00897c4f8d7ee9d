"""Signals and SIGKILL to studies of twelve members, through the command line."""

from __future__ import annotations

import functools
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random

from faults import Fault, expect
from fingerprints import expect_equal, fingerprint
from studies import (
    LEAN,
    PROMPT_S,
    TWELVE,
    Study,
    expect_gone,
    expect_no_traceback,
    expect_nothing_running,
    finish_study,
    ran,
    records_of,
    send,
    stage_of,
    started,
    wait_for_members,
)

from lstm_bench.records.store import StudyRecords

MOST = 12  # members that have ended at a random moment, of 20: 8 in tuning, 12 to report
LEAN_TWELVE = (*TWELVE, *LEAN)
SEARCH = ("cell=rnn", "task.lag=auto", "span.max_lag=16", "span.members=6", "span.at_once=2", *LEAN)
SMALL = ("cell=rnn,noisy", "task.lag=1,2", "trainer.seeds=2", *LEAN)
MOST_OF_FOUR = 3  # the same where a study is ended four times: it must not end by itself before


def stopped(
    random: Random,
    folder: Path,
    signum: signal.Signals,
    whole_group: bool | None = None,
    most: int = MOST,
    overrides: Sequence[str] = TWELVE,
) -> str:
    """Send a signal to the main process of a study, or to all its processes; it must end well within seconds."""
    group = random.random() < 0.5 if whole_group is None else whole_group
    with started(folder, *overrides) as study:
        wait_for_members(random, study, most)
        _expect_a_good_end(study, signum, group)
    expect_nothing_running(folder)
    return stage_of(folder)


def _expect_a_good_end(study: Study, signum: signal.Signals, group: bool) -> None:
    began = time.monotonic()
    (os.killpg if group else send)(study.process.pid, signum)
    exit_code, took = study.end(), time.monotonic() - began
    expect(exit_code == 128 + signum, f"exit code {exit_code} after {signum.name}: {study.said[-2000:]}")
    expect(took <= PROMPT_S, f"it took {took:.1f} s to end")
    expect("Stopped. Finished members are kept" in study.said, f"the screen says {study.said[-500:]}")
    expect_no_traceback(study.said)
    expect_gone(study)


def stopped_late(random: Random, folder: Path) -> str:
    """Send a signal to a study that has trained all its members, while it measures speed or writes the report."""
    with started(folder, *TWELVE) as study:
        study.wait_until(lambda: "Measuring speed" in study.said)
        time.sleep(random.uniform(0, 8))
        stage = "report" if (records_of(folder) / "speed.json").exists() else "speed"
        if study.process.poll() is None:
            _expect_a_good_end(study, random.choice((signal.SIGINT, signal.SIGTERM)), random.random() < 0.5)
    finish_study(folder, *TWELVE)
    return stage


def killed(
    random: Random,
    folder: Path,
    whole_group: bool | None = None,
    most: int = MOST,
    overrides: Sequence[str] = TWELVE,
) -> str:
    """Kill the main process of a study, or all its processes; what is left must end by itself."""
    group = random.random() < 0.5 if whole_group is None else whole_group
    with started(folder, *overrides) as study:
        wait_for_members(random, study, most)
        (os.killpg if group else send)(study.process.pid, signal.SIGKILL)
        study.end()
        expect_gone(study)
    return stage_of(folder)


def stopped_and_finished(random: Random, folder: Path, signum: signal.Signals) -> str:
    """Stop a study by a signal, then let it end."""
    stage = stopped(random, folder, signum)
    finish_study(folder, *TWELVE)
    return stage


def killed_and_finished(random: Random, folder: Path) -> str:
    """Kill a study, then let it end."""
    stage = killed(random, folder)
    finish_study(folder, *TWELVE)
    return stage


def all_in_turn(random: Random, folder: Path, overrides: Sequence[str] = LEAN_TWELVE, group: str = "joblib") -> str:
    """Stop a study by each signal, kill it alone and with all its processes; then let it end.

    `group` is the launcher of the study that is killed with all its processes.
    """
    stopped(random, folder, signal.SIGINT, True, MOST_OF_FOUR, overrides)
    stopped(random, folder, signal.SIGTERM, False, MOST_OF_FOUR, overrides)
    killed(random, folder, False, MOST_OF_FOUR, overrides)
    killed(random, folder, True, MOST_OF_FOUR, (*overrides, f"hydra/launcher={group}"))
    finish_study(folder, *overrides, "hydra/launcher=basic")
    return ""


def search_killed(random: Random, folder: Path, times: int = 3) -> str:
    """Kill a search for a span with all its processes, then let it end as one that nothing happens to."""
    for _ in range(times):
        with started(folder, *SEARCH) as study:
            wait_for_members(random, study, MOST_OF_FOUR)
            os.killpg(study.process.pid, signal.SIGKILL)
            study.end()
            expect_gone(study)
    for place in (folder, undisturbed := folder / "undisturbed"):
        exit_code, said = ran(place, *SEARCH)
        expect(exit_code == 0, f"exit code {exit_code}: {said[-2000:]}")
        expect_no_traceback(said)
    expect_equal(fingerprint(records_of(folder)), fingerprint(records_of(undisturbed)))
    plans = [StudyRecords(records_of(place)).read_plan() for place in (folder, undisturbed)]
    expect(plans[0].searches == plans[1].searches, f"other decisions: {plans[0].searches} and {plans[1].searches}")
    expect(plans[0].jobs == plans[1].jobs, "other jobs")
    return ""


def launcher_process_killed(random: Random, folder: Path) -> str:
    """Kill a process of the launcher; the same invocation must still end whole."""
    with started(folder, *TWELVE) as study:
        wait_for_members(random, study, MOST)
        victims = launcher_processes(study)
        expect(victims, "no process of the launcher was found")
        send(random.choice(victims), signal.SIGKILL)
        stage = stage_of(folder)
        exit_code = study.end()
        expect(exit_code == 0, f"exit code {exit_code}: {study.said[-2000:]}")
        expect_no_traceback(study.said)
    finish_study(folder, *TWELVE)
    return stage


def launcher_processes(study: Study) -> list[int]:
    """Return the processes of joblib's launcher that run jobs."""
    workers = [process for process in study.processes() if "popen_loky_posix" in " ".join(process.cmdline())]
    return [process.pid for process in workers]


FAULTS = [
    Fault("study: SIGINT", 10, 0, functools.partial(stopped_and_finished, signum=signal.SIGINT)),
    Fault("study: SIGTERM", 10, 0, functools.partial(stopped_and_finished, signum=signal.SIGTERM)),
    Fault("study: a signal in speed or report", 3, 0, stopped_late),
    Fault("study of 12 members: parent killed, or its whole group", 20, 0, killed_and_finished),
    Fault("study: SIGINT, SIGTERM and both kills in turn", 5, 0, all_in_turn),
    Fault(
        "study: SIGINT, SIGTERM and both kills in turn, in small",
        full=0,
        short=1,
        inject=functools.partial(all_in_turn, overrides=SMALL, group="basic"),
    ),
    Fault("search for a span killed three times, with all its processes", 5, 0, search_killed),
    Fault("search for a span killed", 0, 1, functools.partial(search_killed, times=1)),
    Fault("study: a process of the launcher killed", 2, 0, launcher_process_killed),
]
