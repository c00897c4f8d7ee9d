"""Render a document as one Markdown file, with its figures and files next to it."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from lstm_bench.report.document import (
    Block,
    Bullets,
    Callout,
    Code,
    CodeBlock,
    Correction,
    Details,
    Document,
    Entry,
    FigureBlock,
    FileLink,
    Heatmaps,
    Inline,
    Link,
    PageLink,
    Paragraph,
    Picture,
    Section,
    Table,
    Terms,
    Text,
    Verbatim,
    Verdict,
    parts,
    plain_text,
)
from lstm_bench.report.interactive import Filled, Player, ToyCell
from lstm_bench.report.markdown_text import bullets, code, fenced, grid, image, link, plain, prose, slug
from lstm_bench.report.typography import typeset


def render_markdown(document: Document) -> str:
    """Return the content of the HTML page as Markdown, in the same order."""
    renderer = _Renderer(dict(_slugs(document.blocks)))
    headline = [f"**{prose(paragraph)}**" for paragraph in document.headline]
    blocks = [f"# {plain(document.title)}", *headline, *renderer.blocks(document.blocks, level=2)]
    return "\n\n".join(blocks) + "\n"


def _slugs(blocks: Sequence[Block], heading: str = "") -> Iterator[tuple[str, str]]:
    """Yield each anchor of a page with the slug of its heading, since Markdown has no other anchors."""
    for block in blocks:
        if isinstance(block, Section):
            title_slug = slug(typeset(_words(block.title)))
            yield block.anchor, title_slug
            yield from _slugs(block.blocks, title_slug)
        elif isinstance(block, Terms):
            yield from ((term.anchor, heading) for term in block.items)


def _words(text: Text) -> str:
    verdicts = [part.text for part in parts(text) if isinstance(part, Verdict)]
    return " ".join([plain_text(text), *verdicts])


class _Renderer:
    """Blocks as Markdown; `slugs` has the slug of the heading for each anchor of the document."""

    def __init__(self, slugs: Mapping[str, str]) -> None:
        self._slugs = slugs

    def blocks(self, blocks: Sequence[Block], level: int) -> Iterator[str]:
        """Yield each block as text; an empty line sets them apart."""
        for block in blocks:
            yield from self._block(block, level)

    def _block(self, block: Block, level: int) -> Iterator[str]:
        match block:
            case Section():
                yield f"{'#' * level} {self._text(block.title)}"
                yield from self.blocks(block.blocks, level + 1)
            case Paragraph():
                yield from [] if block.style == "screen" else [self._text(block.text)]
            case Callout():
                yield f"> {self._text(block.text)}"
            case Table():
                yield self._table(block)
            case FigureBlock():
                yield from self._figure(block)
            case Picture():
                yield image(block.alt, block.path)
                yield prose(block.caption)
            case Bullets():
                yield bullets(map(self._text, block.items))
            case Terms():
                yield bullets(f"{prose(term.name)}: {self._text(term.text)}" for term in block.items)
            case Details():
                note = f" ({prose(block.note)})" if block.note else ""
                yield f"{self._text(block.summary)}{note}"
                yield from self.blocks(block.blocks, level)
            case CodeBlock():
                yield fenced(block.text)
            case Player() | Heatmaps() | ToyCell():
                yield from self._interactive(block, level)

    def _interactive(self, block: Player | Heatmaps | ToyCell, level: int) -> Iterator[str]:
        match block:
            case Player():
                yield from self._player(block, level)
            case Heatmaps():
                yield bullets(f"{prose(heatmap.title)}: {prose(heatmap.alt)}" for heatmap in block.maps)
            case ToyCell():
                yield from []  # there is nothing to read before a slider is moved

    def _text(self, text: Text) -> str:
        return "".join(map(self._inline, parts(text)))

    def _inline(self, part: Inline) -> str:
        match part:
            case str():
                text = prose(part)
            case Verbatim():
                text = plain(part.text)
            case Code():
                text = code(part.text)
            case Link():
                text = self._link(part)
            case PageLink():
                text = link(typeset(part.text), f"{part.page}.md")
            case FileLink():
                text = link(PurePosixPath(part.path).name, part.path)
            case Verdict():
                text = f"**{part.text}**"
            case Filled():
                text = prose(part.text)
            case Correction():
                text = f"~~{part.wrong}~~ ✗<br>**{part.right}**"
        return text

    def _link(self, part: Link) -> str:
        if part.text == part.address:
            return f"<{part.address}>"
        is_on_page = part.address.startswith("#")
        return link(typeset(part.text), f"#{self._slugs[part.address[1:]]}" if is_on_page else part.address)

    def _table(self, table: Table) -> str:
        headings = ["<br>".join(prose(line) for line in heading if line) for heading in table.headings]
        rows = ([self._entry(entry) for entry in row] for row in table.rows)
        return grid(headings, rows, others="---" if table.is_prose else "---:")

    def _entry(self, entry: Entry) -> str:
        return "<br>".join([self._text(entry.text), *map(prose, entry.below)])

    def _figure(self, block: FigureBlock) -> Iterator[str]:
        yield image(block.alt, f"figures/{block.figure}.png")
        method = self._link(Link("How it is measured", f"#{block.method_anchor}")) if block.method else ""
        yield " ".join(filter(None, (prose(block.caption), method)))
        rows = self._inline(FileLink(f"tables/{block.table}.csv"))
        png, svg = (link(ending.upper(), f"figures/{block.figure}.{ending}") for ending in ("png", "svg"))
        yield f"Rows: {rows}. Figure: {png}, {svg}."

    def _player(self, player: Player, level: int) -> Iterator[str]:
        for t, step in enumerate(player.steps, start=1):
            yield f"{'#' * level} t = {t}: {prose(step.word)}"
            yield prose(step.decision)
            yield from self.blocks(step.blocks, level + 1)
            yield self._text((step.description,))
