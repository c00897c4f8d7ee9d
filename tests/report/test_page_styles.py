"""The style of a page: what it names is there, whichever kinds of block the page has."""

import re

import pytest

from lstm_bench.report.document import Block, Document, Entry, Heatmap, Heatmaps, Table
from lstm_bench.report.html import render_html
from lstm_bench.report.interactive import ToyCell

TABLE = Table([("cell", ""), ("lag 1", "")], [[Entry("lstm"), Entry("1/2", colour="#000000", shade=0.5)]])
HEATMAPS = Heatmaps(
    "maps", [Heatmap("f", "gate", "data:,", "", 0, 1, False, ("#000000",), "a gate")], "unit", ["0"], ["0"]
)


@pytest.mark.parametrize("block", [TABLE, HEATMAPS, ToyCell([])], ids=["table", "heatmaps", "toy cell"])
def test_every_variable_of_the_style_is_set(block: Block) -> None:
    """A colour that nobody sets is drawn as none, without any error."""
    page = render_html(Document("page", "study", "", [], [TABLE, block]))
    used = set(re.findall(r"var\((--[\w-]+)\)", page))
    by_script = set(re.findall(r'setProperty\("(--[\w-]+)"', page))
    assert len(used) > 5
    assert used <= set(re.findall(r"(--[\w-]+):", page)) | by_script
