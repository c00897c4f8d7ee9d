"""What a reader must know before comparing studies: what differs between them, and what they share."""

from dataclasses import dataclass

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.side_by_side import differences, repeated_members
from lstm_bench.analysis.wording import counted, listed
from lstm_bench.report.document import Entry, Table


@dataclass(frozen=True)
class SideBySide:
    """What differs, a row a setting and a column a study, and what else to bear in mind."""

    differences: Table
    notes: list[str]


def make_side_by_side(study: StudyData) -> SideBySide | None:
    """Return what differs between the studies that stand side by side in one; None for a study of its own."""
    if not study.joined:
        return None
    return SideBySide(_table(study), [note for note in (_alike(study), _repeated(study), _timed(study)) if note])


def _table(study: StudyData) -> Table:
    found = differences(study.joined)
    rows = [
        [Entry(str(name), sort=str(name)), *(Entry(text, sort=text) for text in told)]
        for name, told in zip(found.index, found.to_numpy().tolist(), strict=True)
    ]
    return Table([("Setting", ""), *((label, "") for label in study.joined)], rows)


def _alike(study: StudyData) -> str:
    return "The studies record the same settings and the same machine." if differences(study.joined).empty else ""


def _repeated(study: StudyData) -> str:
    """Tell which members repeat each other, and whether they ended alike."""
    repeated = repeated_members(study)
    if repeated.empty:
        return ""
    groups = [listed(cells) for cells in dict.fromkeys(repeated["cells"])]
    return (
        f"{counted(len(repeated), 'member')} of one study have the settings, seed and random numbers of another's "
        f"({'; '.join(groups)}): they repeat one another and are no independent evidence. "
        f"{int(repeated['agrees'].sum()):,} of {len(repeated):,} ended alike (status, steps, steps to solve)."
    )


def _timed(study: StudyData) -> str:
    return "" if study.speed.empty else "Speed was timed in each study by itself, not in turns."
