"""Which files a page embeds, and how it holds them and links to them."""

import re
from html import unescape

from hypothesis import given
from hypothesis import strategies as st

from lstm_bench.report.document import Document, Table
from lstm_bench.report.html import embed, files_to_embed, render_html
from lstm_bench.report.pages.speed import rows_section

PAGE = render_html(Document("alone", "speed", "", [], [rows_section(Table([], []))]))


def test_the_smallest_files_are_embedded_until_the_room_is_full() -> None:
    files = {"large": "x" * 6000, "b": "x" * 2000, "a": "x" * 2000, "small": "x"}
    assert list(files_to_embed(files, room=4400)) == [
        "small",
        "a",
        "b",
    ]  # and the bytes of what names them
    assert list(files_to_embed(files, room=4000)) == ["small", "a"]
    assert files_to_embed(files, room=10_400) == files
    assert files_to_embed(files, room=0) == files_to_embed(files, room=-1) == {}
    assert files_to_embed({}) == {}


@given(st.dictionaries(st.text(min_size=1), st.text(alphabet='a&\u4e2d"', max_size=99)), st.integers(0, 900))
def test_a_page_grows_by_no_more_than_the_room(files: dict[str, str], room: int) -> None:
    inside = files_to_embed(files, room)
    assert inside.items() <= files.items()
    grown = len(embed(PAGE, inside).encode()) - len(PAGE.encode())
    assert 0 <= grown <= room


def test_a_page_holds_the_text_of_what_it_embeds_and_says_what_it_does_not() -> None:
    text = 'cell,note\nlstm,"</template><script>alert(1)</script> & ""quoted"""\n'
    page = embed(PAGE, {"tables/speed_benchmark.csv": text})
    held = re.findall(r'<template data-file="([^"]*)">(.*?)</template>', page, re.DOTALL)
    assert [(path, unescape(inside)) for path, inside in held] == [("tables/speed_benchmark.csv", text)]
    assert "<script>alert" not in page
    assert page.replace("".join(re.findall(r"\n<template .*</template>", page, re.DOTALL)), "") == PAGE
