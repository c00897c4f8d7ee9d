"""Which files a page embeds, and how it holds them and links to them."""

import re
from html import unescape

from hypothesis import given
from hypothesis import strategies as st

from lstm_bench.report.document import Document, Table
from lstm_bench.report.html import files_to_embed, render_html
from lstm_bench.report.pages.speed import rows_section


def page_with(files: dict[str, str]) -> str:
    return render_html(Document("alone", "speed", "", [], [rows_section(Table([], []))], files))


def test_the_smallest_files_are_embedded_until_the_room_is_full() -> None:
    files = {"large": "x" * 60, "b": "x" * 20, "a": "x" * 20, "small": "x"}
    assert list(files_to_embed(files, room=41)) == ["small", "a", "b"]  # 1 + 20 + 20
    assert list(files_to_embed(files, room=40)) == ["small", "a"]
    assert files_to_embed(files, room=101) == files
    assert files_to_embed(files, room=0) == {}
    assert files_to_embed({}) == {}


@given(st.dictionaries(st.text(min_size=1), st.text(max_size=9)), st.integers(0, 40))
def test_what_is_embedded_has_room_and_no_smaller_file_is_left(files: dict[str, str], room: int) -> None:
    inside = files_to_embed(files, room)
    assert sum(map(len, inside.values())) <= room
    left = [len(text) for path, text in files.items() if path not in inside]
    assert max(map(len, inside.values()), default=0) <= min(left, default=40)
    assert inside.items() <= files.items()


def test_a_page_holds_the_text_of_what_it_embeds_and_says_what_it_does_not() -> None:
    text = 'cell,note\nlstm,"</template><script>alert(1)</script> & ""quoted"""\n'
    page = page_with({"tables/speed_benchmark.csv": text})
    held = re.findall(r'<template data-file="([^"]*)">(.*?)</template>', page, re.DOTALL)
    assert [(path, unescape(inside)) for path, inside in held] == [("tables/speed_benchmark.csv", text)]
    assert "<script>alert" not in page
    assert '<a href="tables/speed_benchmark.csv" download="speed_benchmark.csv">speed_benchmark.csv</a>;' in page
    assert '<a href="results.csv">results.csv</a> (beside this page).' in page
