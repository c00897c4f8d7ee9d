"""Write the files of a reading, and make its few lines for the terminal."""

import math
from pathlib import Path
from statistics import median

from lstm_bench.analysis.wording import significant
from lstm_bench.anatomy.gates.description import limits
from lstm_bench.anatomy.gates.figures import draw_flow, draw_layer
from lstm_bench.anatomy.gates.page import Source, gates_page
from lstm_bench.anatomy.gates.panels import layer_panels
from lstm_bench.anatomy.gates.reading import Reading
from lstm_bench.anatomy.gates.tables import csv_files
from lstm_bench.records.atomic import write_text
from lstm_bench.report.html import embed, files_to_embed, render_html
from lstm_bench.report.style import inline_svg, save
from lstm_bench.report.text_table import text_table

PAGE = "gates.html"
EMBEDDED_ROOM = 2**18  # bytes of the tables that are embedded in the page
ALT = "The gradient of the last output at the state of each layer, against the steps back."


def write_reading(reading: Reading, source: Source, folder: Path) -> str:
    """Write the page, its tables and figures into a folder; return the lines for the terminal."""
    tables = csv_files(reading)
    for path, text in tables.items():
        write_text(folder / path, text, lasting=False)
    figures = folder / "figures"
    for depth, order in enumerate(reading.orders):
        panels = layer_panels(reading, depth, order)
        save(draw_layer(panels, reading.sequence.labels, "units, the slowest on top"), figures, f"layer_{depth}")
    svg = inline_svg(save(draw_flow(reading), figures, "flow"), "flow", ALT)
    page = render_html(gates_page(reading, source, svg))
    write_text(folder / PAGE, embed(page, files_to_embed(tables, EMBEDDED_ROOM)))
    subject = f"{source.model}: {reading.sequence.description}"
    return "\n".join([subject, *limits(reading), "", _text(reading), "", str(folder / PAGE)])


def _text(reading: Reading) -> str:
    """Return a table with a row per layer: time constants of its units, and how far back its gradient reaches."""
    constants = [sorted(tau for tau in layer if not math.isnan(tau)) or [math.nan] for layer in reading.constants]
    horizons = [gradient.horizon for gradient in reading.gradients.layers]
    columns = [
        ("layer", [str(depth) for depth in range(len(constants))]),
        ("units", [str(len(order)) for order in reading.orders]),
        ("shortest tau", [_number(layer[0]) for layer in constants]),
        ("median", [_number(median(layer)) for layer in constants]),
        ("longest", [_number(layer[-1]) for layer in constants]),
        ("gradient horizon", [f"> {reading.n_steps}" if k is None else str(k) for k in horizons]),
    ]
    return text_table(columns)


def _number(value: float) -> str:
    return "inf" if math.isinf(value) else significant(value)
