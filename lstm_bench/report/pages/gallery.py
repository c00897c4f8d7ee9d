"""The page of a folder of reports: each with its picture, its finding, its command and what it cost."""

from collections.abc import Iterator, Sequence
from urllib.parse import quote

from lstm_bench.analysis.wording import counted
from lstm_bench.report.document import (
    Block,
    Bullets,
    Code,
    Document,
    Inline,
    Link,
    PageLink,
    Paragraph,
    Picture,
    Section,
    Term,
    Terms,
    Text,
    Verbatim,
)
from lstm_bench.report.gallery import Receipt, Report
from lstm_bench.report.receipt import duration
from lstm_bench.report.style import inline_svg

WITHOUT_SUMMARY = "An earlier version made this report, without a summary for this page. To make it again, run "
NONE = "There is no report here yet."
FIRST: Text = ("The shortest study makes one in a minute: ", Code("python -m lstm_bench +experiment=smoke"))
HOW: Sequence[Text] = (
    "The program alone writes the folder of a report: report.html, report.md, results.csv, tables/, figures/, "
    "receipt.json and summary.json.",
    (Code("python -m lstm_bench.report STUDY"), " makes a report again from the records of a study."),
    (Code("python -m lstm_bench.report A B"), " puts two studies side by side in one report, A_vs_B."),
    (Code("python -m lstm_bench.report --index"), " makes this page again, as index.html and as README.md."),
)


def gallery_page(reports: Sequence[Report]) -> Document:
    """Return the page of reports, in the order in which they are given."""
    published = sum(report.is_published for report in reports)
    of_which = f", {published} of them with a published budget" if published else ""
    headline = f"{counted(len(reports), 'report')}{of_which}: what was found, and what it cost." if reports else NONE
    blocks: list[Block] = [*map(_report, reports), *([] if reports else [Paragraph(FIRST)])]
    how = Section("How these pages are made", [Bullets(HOW)], "how")
    return Document("Reports", "gallery", "", [headline], [*blocks, how])


def _report(report: Report) -> Section:
    return Section(_title(report), list(_content(report)), f"report-{report.name}")


def _title(report: Report) -> Text:
    """Return the name as a link to the report, in the format of this page or else in the one that exists, if any."""
    address = f"{quote(report.name)}/report"
    existing = [page for page in ("report.html", "report.md") if page in report.sizes]
    if len(existing) == 2:
        return (PageLink(report.name, address),)
    return (Link(report.name, f"{quote(report.name)}/{existing[0]}"),) if existing else report.name


def _content(report: Report) -> Iterator[Block]:
    summary, receipt = report.summary, report.receipt
    if summary is None:
        yield Paragraph((WITHOUT_SUMMARY, Code(receipt.rebuild), "."))
    elif summary.finding:
        yield Paragraph(summary.finding)
    if summary is not None and report.svg:
        svg = inline_svg(report.svg, f"{report.name}-{summary.figure}", summary.alt)
        path, caption = f"{quote(report.name)}/figures/{summary.figure}.png", f"{summary.question} {summary.caption}"
        yield Picture(report.name, path, summary.alt, caption, svg)
    yield Terms([Term("Command", (Code(receipt.command),)), Term("Cost", (Verbatim(_cost(receipt)),))])
    yield Paragraph(_files(report), "files")


def _cost(receipt: Receipt) -> str:
    """Return "6 min 3 s on 2 cores (AMD EPYC, Linux x86_64), 2026-11-29", and the training time of all members."""
    machine = receipt.environment
    time = "Not finished" if receipt.wall_s is None else duration(receipt.wall_s)
    cores = counted(machine.cores, "core") if machine.cores else "unknown cores"
    device = machine.device if machine.device != "cpu" else None
    parts = ", ".join(filter(None, (machine.processor, device, machine.system)))
    reused = receipt.members_taken_over
    others = f"; {counted(reused, 'member')} had been trained by other studies" if reused else ""
    return f"{time} on {cores}{f' ({parts})' if parts else ''}, {receipt.started[:10]}{_training(receipt)}{others}"


def _training(receipt: Receipt) -> str:
    """Return how long members trained, and a note where the last run was too short for all of that time."""
    seconds, cores = receipt.member_seconds, receipt.environment.cores
    if not seconds:
        return ""
    is_more = receipt.wall_s is not None and cores is not None and seconds > receipt.wall_s * cores
    return f"; members trained for {duration(seconds)} of core time{', in part before this run' if is_more else ''}"


def _files(report: Report) -> tuple[Inline, ...]:
    """Return links to the files of a report, with the size of its page."""
    inline: list[Inline] = []
    for name in report.sizes:
        size = f" ({_size(report.sizes[name])})" if name == "report.html" else ""
        inline += [", " if inline else "", Link(name, f"{quote(report.name)}/{name}"), size]
    return tuple(part for part in inline if part)


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{max(1, round(size / 1e3))} kB"
