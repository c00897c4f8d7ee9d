"""The page of `anatomy gates`: every unit at every step, and how strongly it acts on the last output."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lstm_bench.anatomy.gates.description import GRADIENT, QUESTION, flow_caption, headline, tau_in_words, terms
from lstm_bench.anatomy.gates.heatmaps import heatmap
from lstm_bench.anatomy.gates.panels import Panel, evenly, input_panels, layer_panels, output_panels
from lstm_bench.anatomy.gates.reading import Reading
from lstm_bench.report.document import (
    Block,
    Document,
    FigureBlock,
    FileLink,
    Heatmaps,
    Link,
    Paragraph,
    Section,
    Terms,
)
from lstm_bench.report.receipt import receipt_items, receipt_section, report_packages

ROOM = 40_000  # most units times steps on the page: 2 MB


@dataclass(frozen=True)
class Source:
    """Where a reading comes from: the model in words, and the command line that makes the page."""

    model: str
    command: str


def gates_page(reading: Reading, source: Source, flow_svg: str) -> Document:
    """Return the page.

    Args:
        reading: the model and the sequence.
        source: where they come from.
        flow_svg: the figure of the gradient, for the page.
    """
    shown = units_shown(reading)
    layers = [_layer_section(reading, depth, units) for depth, units in enumerate(shown)]
    facts = {"command": source.command, "report_packages": report_packages()}
    blocks = [
        *layers,
        *_input_section(reading),
        Section(QUESTION, [_flow(reading, flow_svg)], "gradient"),
        Section("What is shown", [Terms(terms(reading, len(shown[0])))], "shown"),
        receipt_section(receipt_items(facts), has_file=False),
    ]
    return Document(f"Gates of {source.model}", "anatomy", "", [headline(reading)], blocks)


def units_shown(reading: Reading) -> list[list[int]]:
    """Return the units of each layer that are on the page, slowest first: all, or as many as there is room for."""
    count = max(1, ROOM // (reading.n_steps * len(reading.layers)))
    return [evenly(order, count) for order in reading.orders]


def _layer_section(reading: Reading, depth: int, units: list[int]) -> Section:
    names = [_unit_in_words(reading, depth, unit) for unit in units]
    blocks: list[Block] = [_heatmaps(reading, f"Layer {depth}", layer_panels(reading, depth, units), names)]
    if reading.recurrent.projection is not None:
        outputs = evenly(list(range(reading.recurrent.projection)), len(units))
        rows = [f"output {output}" for output in outputs]
        blocks.append(_heatmaps(reading, f"Outputs of layer {depth}", output_panels(reading, depth, outputs), rows))
    tables = ["gates", "units", *(["outputs"] if reading.recurrent.projection is not None else [])]
    pictures = [Link(ending.upper(), f"figures/layer_{depth}.{ending}") for ending in ("png", "svg")]
    figure = (" Figure, next to this page: ", pictures[0], ", ", pictures[1], ".")
    blocks.append(Paragraph((*_rows(*tables), *figure), "files"))
    title = f"Layer {depth}: what each unit does, the slowest on top"
    return Section(title, blocks, f"layer-{depth}", contents=f"Layer {depth}")


def _rows(*tables: str) -> tuple[str | FileLink, ...]:
    between = [part for name in tables for part in (", ", FileLink(f"tables/{name}.csv"))][1:]
    return ("Rows: ", *between, ".")


def _unit_in_words(reading: Reading, depth: int, unit: int) -> str:
    constant, order = reading.constants[depth][unit], reading.orders[depth]
    tau = "it never changes" if math.isnan(constant) else f"time constant {tau_in_words(constant)} steps"
    return f"unit {unit}, number {order.index(unit) + 1} of {len(order)}, {tau}"


def _heatmaps(reading: Reading, name: str, panels: Sequence[Panel], rows: list[str]) -> Heatmaps:
    maps = [heatmap(panel.name, panel.title, panel.values, panel.kind, panel.scale) for panel in panels]
    labels = reading.sequence.labels
    letters = [f", “{label}”" for label in labels] or [""] * reading.n_steps
    columns = [f"step {step} of {reading.n_steps}{letter}" for step, letter in enumerate(letters, start=1)]
    return Heatmaps(name, maps, rows[0].split()[0], rows, columns, labels)


def _input_section(reading: Reading) -> list[Section]:
    """Return the section on the inputs and their gradients; none where there is no room for them."""
    if reading.n_steps * reading.recurrent.input_size > ROOM // 4:
        return []
    rows = [f"input {place}" for place in range(reading.recurrent.input_size)]
    blocks: list[Block] = [
        _heatmaps(reading, "Inputs", input_panels(reading), rows),
        Paragraph(_rows("inputs"), "files"),
    ]
    return [Section("The inputs, and how strongly each acts on the last output", blocks, "inputs", contents="Inputs")]


def _flow(reading: Reading, svg: str) -> FigureBlock:
    caption = flow_caption(reading)
    return FigureBlock(QUESTION, caption, f"{QUESTION} {caption}", "flow", "flow", svg, GRADIENT)
