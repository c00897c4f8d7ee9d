"""Numbers and plug-ins that go wrong in one job: told by name, and never anybody else's loss."""

from __future__ import annotations

import functools
from pathlib import Path
from random import Random
from typing import Any

from faults import Fault, expect
from fingerprints import fingerprint
from jobs import composed, run, tiny_job, undisturbed, undisturbed_job

from lstm_bench.config.schema import JobConfig
from lstm_bench.engine import training

SHORT = ("trainer.steps=20", "trainer.eval_every=10", "trainer.seeds=1", "probe=off")
TOLD = {
    "exits": "SystemExit: 3",
    "raises": "cell fault_cells.MoodyCell: step raised RuntimeError: in a bad mood",
    "misshapes": "cell fault_cells.MoodyCell: step returned as output",
    "mistypes": "cell fault_cells.MoodyCell: step returned as output",
}


@functools.cache
def moody_job(mood: str) -> JobConfig:
    """Return a job whose cell fails in training, and not where a file says that it is cured."""
    return composed("cell=moody", f"cell.mood={mood}", *SHORT)[0]


def plug_in_breaks_its_contract(_: Random, folder: Path, mood: str) -> str:
    """Have a plug-in raise, exit, or return what it may not: told. Cured, it trains as if never ill."""
    end = run(moody_job(mood), folder)
    reason = end.returned[1].strip().splitlines()[-1] if end.returned else ""
    expect(end.exit_code == 0 and end.returned[0] == "failed" and TOLD[mood] in reason, f"ended with {end}")
    (folder / "cured").touch()
    again = run(moody_job(mood), folder)
    expect(again == (0, ("done", "")), f"cured, it ended with {again}")
    members = fingerprint(folder / "records")
    expect(members == undisturbed_job(moody_job(mood)).members, "cured, it is not what it would have been")
    return ""


def plug_in_returns_nan(_: Random, folder: Path) -> str:
    """Have a plug-in return NaN from some step on: its members diverge, and the reason names the cell and the step."""
    end = run(moody_job("spoils"), folder)
    expect(end == (0, ("done", "")), f"ended with {end}")
    for text in (path.read_text() for path in folder.glob("records/members/*/record.json")):
        expect('"status": "diverged"' in text, "a member with NaN in its state is not called diverged")
        expect('"error": "cell moody: its ' in text and " is nan at step " in text, "the reason is not told")
    return ""


def nan_at_step(random: Random, folder: Path) -> str:
    """Put NaN into the batch of one reported member at some step; it alone diverges, the others stay to the bit."""
    member, step = random.randrange(3), random.randrange(1, 150)
    end = run(tiny_job("rnn"), folder, functools.partial(spoil_batch, member, step))
    expect(end == (0, ("done", "")), f"ended with {end}")
    found, whole = fingerprint(folder / "records"), undisturbed("rnn").members
    changed = [found[identity] for identity in whole if found[identity] != whole[identity]]
    expect(len(changed) == 1, f"{len(changed)} members are not what they would have been")
    expect(changed[0][1:3] == ("diverged", step), f"the member is {changed[0][1:3]}, not diverged at step {step}")
    return ""


def spoil_batch(member: int, step: int) -> None:
    """In a child: have the inputs of one reported member be NaN at one step."""
    whole = training._training_batch

    def spoilt(population: Any, active: Any, at: int, budget: Any) -> Any:
        batch = whole(population, active, at, budget)
        for index, one in enumerate(active):
            if at == step and one.member.role == "report" and one.member.seed == member:
                batch.inputs[:, index] = float("nan")
        return batch

    training._training_batch = spoilt


FAULTS = [
    *[
        Fault(f"plug-in cell that {does}", 2, 1, functools.partial(plug_in_breaks_its_contract, mood=mood))
        for mood, does in {
            "raises": "raises",
            "exits": "calls sys.exit",
            "misshapes": "returns a wrong shape",
            "mistypes": "returns a wrong dtype",
        }.items()
    ],
    Fault("plug-in cell that returns NaN", 2, 1, plug_in_returns_nan),
    Fault("NaN in one member at step k", 10, 1, nan_at_step),
]
