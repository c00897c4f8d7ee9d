"""Print the findings of the conformance suite on many cells, one line a cell."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from lstm_bench.check.naming import CONFIG_DIR, named_job, without_folder
from lstm_bench.check.report import findings_of
from lstm_bench.config.errors import ConfigError, not_allowed
from lstm_bench.config.listing import names_of
from lstm_bench.engine.conformance.finding import Finding
from lstm_bench.engine.conformance.suite import ALL, Check

ALL_CELLS = "--all"
FIGURES = {"count": "parameters", "members": "members step", "speed": "times nn.LSTM"}  # heading by check
FIGURE_WIDTH = len("together, in C")
TO_MENTION = ("fault", "warning")


def table(arguments: Sequence[str], checks: tuple[Check, ...] = ALL) -> bool:
    """Print a Markdown table with a row for each cell of a yaml file or a package; return whether none has a fault.

    A row ends with "sound", or with the warnings and faults of the checks, or with why no such cell can be made.

    Raises: ConfigError for arguments other than task=NAME and --config-dir FOLDER.
    """
    choices, folder = without_folder([argument for argument in arguments if argument != ALL_CELLS])
    if others := [argument for argument in choices if not argument.startswith("task=")]:
        raise not_allowed(ALL_CELLS, " ".join(others), f"alone, or with task=NAME and {CONFIG_DIR} FOLDER")
    cells = names_of("cell", folder)
    widths = [max(map(len, cells)), *[FIGURE_WIDTH] * len(FIGURES), len("sound")]
    print(_row(["cell", *FIGURES.values(), "verdict"], widths))
    print(_row(["-" * width for width in widths], widths))
    is_well = True
    for cell in cells:
        findings = _findings(cell, choices, folder, checks)
        figures = [findings[check].brief if check in findings else "" for check in FIGURES]
        print(_row([cell, *figures, _verdict(findings)], widths), flush=True)
        is_well &= all(finding.verdict != "fault" for finding in findings.values())
    return is_well


def _findings(cell: str, choices: Sequence[str], folder: Path | None, checks: tuple[Check, ...]) -> dict[str, Finding]:
    config_dir = [] if folder is None else [CONFIG_DIR, str(folder)]
    try:
        return dict(findings_of(named_job([f"cell={cell}", *choices, *config_dir]), checks))
    except ConfigError as error:
        return {"cell": Finding("fault", str(error))}


def _verdict(findings: Mapping[str, Finding]) -> str:
    lines = [
        f"{finding.verdict}: {name}: {' '.join(finding.text.split())}".replace("|", "/")
        for name, finding in findings.items()
        if finding.verdict in TO_MENTION
    ]
    return "; ".join(lines) or "sound"


def _row(entries: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(f"{entry:<{width}}" for entry, width in zip(entries, widths, strict=True)) + " |"
