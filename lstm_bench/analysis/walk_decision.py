"""What a step does, in plain words, by stated thresholds."""

from collections.abc import Mapping, Sequence

Ladder = Sequence[tuple[float, str]]  # from the top: a value of at least so much is called so

LADDERS: Mapping[str, Ladder] = {
    "f": ((0.8, "keep most"), (0.5, "keep some"), (0.3, "drop most"), (0.0, "reset")),
    "|i g|": ((0.5, "strong write"), (0.15, "some write"), (0.0, "hardly a write")),
    "o": ((0.8, "show most"), (0.5, "show some"), (0.0, "show little")),
}


def decision(f: float, written: float, o: float) -> str:
    """Return what a step does: what it keeps by f, writes by i g and shows by o, as LADDERS say."""
    keep, write, show = (_rung(value, LADDERS[name]) for name, value in (("f", f), ("|i g|", abs(written)), ("o", o)))
    if written < 0 and abs(written) >= LADDERS["|i g|"][-2][0]:
        write = write.replace("write", "negative write")
    return f"{keep}, {write}, {show}"


def _rung(value: float, ladder: Ladder) -> str:
    return next(name for least, name in ladder if value >= least)


def thresholds() -> list[str]:
    """Return each ladder in a line: "f: keep most from 0.8, ..., reset below"."""
    return [f"{name}: {', '.join(_steps(ladder))}" for name, ladder in LADDERS.items()]


def _steps(ladder: Ladder) -> list[str]:
    return [f"{name} from {least:g}" for least, name in ladder[:-1]] + [f"{ladder[-1][1]} below"]
