"""An SVG in fewer letters draws the same: read back by XML and by the grammar of paths."""

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure

from lstm_bench.report.compact_svg import compact_svg
from lstm_bench.report.style import save, themed

XLINK = "{http://www.w3.org/1999/xlink}"
HALF_A_HUNDREDTH = 0.0050001


@themed
def drawn() -> Figure:
    """A figure with letters, markers, a band, an image and lines that are clipped."""
    figure = Figure(figsize=(4, 2))
    left, right = figure.subplots(1, 2)
    x = np.linspace(0, 6, 50)
    left.plot(x, np.sin(x), marker="o")
    left.fill_between(x, np.sin(x) - 0.1, np.sin(x) + 0.1, alpha=0.2)
    left.set_title("sine of x, a title")
    right.pcolormesh(np.outer(x, x), rasterized=True)
    return figure


@pytest.fixture(scope="module")
def svg(tmp_path_factory: pytest.TempPathFactory) -> str:
    text = save(drawn(), tmp_path_factory.mktemp("figures"), "sine")
    return text[text.index("<svg") :]


def elements(svg: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the tag and the attributes of each element, in the order in which they are drawn, without ids."""
    for element in ElementTree.fromstring(svg).iter():
        attributes = {name.removeprefix(XLINK): text for name, text in element.items()}
        yield element.tag, {name: text for name, text in attributes.items() if name != "id"}


def points(path: str) -> list[tuple[str, list[float]]]:
    """Return the commands of a path with their numbers, those that are implied written out (SVG 1.1, 8.3)."""
    taken = {"M": 2, "L": 2, "Q": 4, "C": 6, "z": 0, "Z": 0}
    commands: list[tuple[str, list[float]]] = []
    for letter, text in re.findall(r"([A-Za-z])([^A-Za-z]*)", path):
        numbers, n, command = [float(number) for number in text.split()], taken[letter], letter
        if n == 0:
            commands.append((command, []))
        for start in range(0, len(numbers), n or 1):
            commands.append((command, numbers[start : start + n]))
            command = {"M": "L"}.get(letter, letter)
    return commands


def target_of(svg: str, identifier: str) -> ElementTree.Element:
    (found,) = [element for element in ElementTree.fromstring(svg).iter() if element.get("id") == identifier]
    return found


def test_the_same_is_drawn_to_half_a_hundredth_of_a_point(svg: str) -> None:
    short = compact_svg(svg, "sine")
    assert len(short) < 0.8 * len(svg)
    n_points = 0
    for (tag, before), (tag_after, after) in zip(elements(svg), elements(short), strict=True):
        assert tag == tag_after
        assert before.keys() == after.keys()
        for name, text in before.items():
            if name == "d":
                commands, commands_after = points(text), points(after[name])
                assert [letter for letter, _ in commands] == [letter for letter, _ in commands_after]
                for (_, numbers), (_, numbers_after) in zip(commands, commands_after, strict=True):
                    assert numbers_after == pytest.approx(numbers, abs=HALF_A_HUNDREDTH)
                n_points += len(commands)
            elif name in {"x", "y", "width", "height"} and not text.endswith("pt"):
                assert float(after[name]) == pytest.approx(float(text), abs=HALF_A_HUNDREDTH)
            elif name == "transform":
                assert re.findall(r"scale\([^)]*\)", after[name]) == re.findall(r"scale\([^)]*\)", text)
            elif "#" not in text:
                assert after[name] == text
    assert n_points > 500


def test_each_reference_leads_to_what_it_led_to(svg: str) -> None:
    short = compact_svg(svg, "sine")
    pattern = re.compile(r'(?:href="#|url\(#)([^")]+)')
    before, after = pattern.findall(svg), pattern.findall(short)
    assert len(before) == len(after) > 20
    led = dict(zip(before, after, strict=True))
    assert len(set(led.values())) == len(led)
    assert set(re.findall(r' id="([^"]*)"', short)) == set(led.values())
    assert all(re.fullmatch(r"f[0-9a-f]{1,8}-[0-9a-f]+", identifier) for identifier in led.values())
    for old, new in led.items():
        assert target_of(svg, old).tag == target_of(short, new).tag
        assert len(target_of(svg, old)) == len(target_of(short, new))


def test_what_is_no_place_stays_as_it_is() -> None:
    svg = '<g style="stroke-width: 0.12345"><text x="1.23456">take 3.14159, not -0.0001</text></g>'
    assert compact_svg(svg, "n") == svg.replace("1.23456", "1.23")


@pytest.mark.parametrize(
    ("path", "short"),
    [
        ("M 1 2 \nL 3 4 \nL 5.004 6.006 \nz\n", "M1 2 3 4 5 6.01z"),
        ("M 0 0 \nQ 1 1 2 2 \nQ 3 3 4 4 \nL 5 5 \nM -0.001 0.996 \nL 0 1", "M0 0Q1 1 2 2 3 3 4 4L5 5M0 1 0 1"),
        ("M 1 1 \nM 2 2 \n", "M1 1M2 2"),
    ],
)
def test_a_path_names_a_command_where_it_changes(path: str, short: str) -> None:
    assert compact_svg(f'<path d="{path}"/>', "n") == f'<path d="{short}"/>'
    assert [letter for letter, _ in points(short)] == [letter for letter, _ in points(path)]


def test_the_file_beside_the_page_keeps_all_decimals(tmp_path: Path, svg: str) -> None:
    assert re.search(r"\d\.\d{6}", svg)
    assert save(drawn(), tmp_path, "sine").endswith(svg)


def test_a_part_with_a_name_of_ours_keeps_it_and_matplotlibs_own_are_left_out() -> None:
    short = compact_svg('<svg><g id="box-f"/><g id="value-tanh_c"/><g id="patch_1"/><g id="DejaVuSans-41"/></svg>', "a")
    ids = re.findall(r' id="([^"]*)"', short)
    assert [name.partition("-")[2] for name in ids] == ["box-f", "value-tanh_c"]
    assert len({name.partition("-")[0] for name in ids}) == 1
