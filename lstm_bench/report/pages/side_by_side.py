"""Studies side by side: what differs between them, and what they share."""

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.side_by_side import differences, repeated_members
from lstm_bench.analysis.wording import counted, listed
from lstm_bench.report.document import Block, Entry, Paragraph, Section, Table


def side_by_side_section(study: StudyData) -> list[Block]:
    """Return the section on the differences between joined studies; nothing for a single study."""
    if not study.joined:
        return []
    table = _table(study)
    notes = [note for note in (_alike(study), _repeated(study), _timed(study)) if note]
    blocks: list[Block] = [*([table] if table.rows else []), *(Paragraph(note, "note") for note in notes)]
    return [Section("What differs", blocks, "differences")]


def _table(study: StudyData) -> Table:
    settings = differences(study.joined)
    rows = [
        [Entry(str(name), sort=str(name)), *(Entry(text, sort=text) for text in texts)]
        for name, texts in zip(settings.index, settings.to_numpy().tolist(), strict=True)
    ]
    headings = [("Setting", ""), *((label, "") for label in study.joined)]
    return Table(headings, rows, "Differences", is_prose=True)


def _alike(study: StudyData) -> str:
    return "The studies record the same settings and the same machine." if differences(study.joined).empty else ""


def _repeated(study: StudyData) -> str:
    """Return the cells whose members repeat each other, and how many of the members ended alike."""
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
