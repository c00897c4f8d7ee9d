"""The page of `anatomy gates`: what every unit does at every step, and what the last output feels of it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from lstm_bench.analysis.wording import counted, listed, significant
from lstm_bench.anatomy.gates.gradient import HORIZON_SHARE
from lstm_bench.anatomy.gates.heatmaps import heatmap
from lstm_bench.anatomy.gates.panels import Panel, evenly, input_panels, layer_panels, output_panels
from lstm_bench.anatomy.gates.reading import Reading
from lstm_bench.anatomy.gates.time_constants import HOW, RETENTION
from lstm_bench.report.document import Block, Document, FigureBlock, Heatmaps, Link, Paragraph, Section, Term, Terms
from lstm_bench.report.html import files_to_embed
from lstm_bench.report.receipt import receipt_items, receipt_section, report_packages

ROOM = 40_000  # units times steps that are on the page: 2 MB
EMBEDDED_ROOM = 2**18  # letters of the tables that the page holds within itself
KINDS = {"LSTM": "An LSTM", "GRU": "A GRU", "RNN_TANH": "A tanh RNN", "RNN_RELU": "A ReLU RNN"}
EQUATIONS = {
    "LSTM": "f, i, o = sigmoid(W_ih x + b_ih + W_hh h + b_hh), g = tanh of the same; c = f c + i g; h = o tanh(c)",
    "GRU": "r, z = sigmoid(W_ih x + b_ih + W_hh h + b_hh); n = tanh(W_in x + b_in + r (W_hn h + b_hn)); "
    "h = (1 - z) n + z h",
    "RNN_TANH": "h = tanh(W_ih x + b_ih + W_hh h + b_hh)",
    "RNN_RELU": "h = max(0, W_ih x + b_ih + W_hh h + b_hh)",
}


@dataclass(frozen=True)
class Source:
    """Where a reading comes from: the model in words, and the command line that makes the page."""

    model: str
    command: str


def gates_page(reading: Reading, source: Source, flow_svg: str, tables: Mapping[str, str]) -> Document:
    """Return the page.

    Args:
        reading: the model and the sequence.
        source: where they come from.
        flow_svg: the figure of the gradient, for the page.
        tables: the text of the CSV files by path, the smallest of which the page holds within itself.
    """
    shown = units_shown(reading)
    layers = [_layer_section(reading, depth, units) for depth, units in enumerate(shown)]
    facts = {"command": source.command, "report_packages": report_packages()}
    blocks = [
        *layers,
        *_input_section(reading),
        Section("How far back does the last output feel?", [_flow(reading, flow_svg)], "gradient"),
        Section("What is shown", [Terms(_terms(reading, shown))], "shown"),
        receipt_section(receipt_items(facts), has_file=False),
    ]
    embedded = files_to_embed(tables, EMBEDDED_ROOM)
    return Document(f"Gates of {source.model}", "anatomy", "", [_headline(reading)], blocks, embedded)


def units_shown(reading: Reading) -> list[list[int]]:
    """Return the units of each layer that are on the page, slowest first: all, or as many as there is room for."""
    count = max(1, ROOM // (reading.n_steps * len(reading.layers)))
    return [evenly(order, count) for order in reading.orders]


def _headline(reading: Reading) -> str:
    depth, units = len(reading.layers), reading.recurrent.hidden_size
    size = f"{counted(units, 'unit')}" if depth == 1 else f"{depth} layers of {counted(units, 'unit')}"
    subject = f"{KINDS[reading.recurrent.mode]} of {size} reads {reading.sequence.description}."
    return " ".join([subject, *(_slowest(reading, layer) for layer in range(depth)), _horizon(reading)])


def _slowest(reading: Reading, depth: int) -> str:
    known = sorted(tau for tau in reading.constants[depth] if not math.isnan(tau))
    whose = "Its units" if len(reading.layers) == 1 else f"The units of layer {depth}"
    if not known:
        return f"{whose} never change."
    return f"{whose} have time constants of {_tau(known[0])} to {_tau(known[-1])} steps, median {_tau(median(known))}."


def _horizon(reading: Reading) -> str:
    horizon = reading.gradients.layers[-1].horizon
    if horizon is None:
        last = reading.gradients.layers[-1].flow[-1]
        return (
            f"The last output still feels the state before the first step, with a gradient of {significant(last, 2)}."
        )
    share = f"1/{1 / HORIZON_SHARE:,.0f}"
    return f"Its last output feels less than {share} of a change of its state {counted(horizon, 'step')} back."


def _tau(constant: float) -> str:
    return "infinitely many" if math.isinf(constant) else significant(constant, 2)


def _layer_section(reading: Reading, depth: int, units: list[int]) -> Section:
    of_layer = "" if len(reading.layers) == 1 else f"Layer {depth}: "
    what = "What each unit does, the slowest on top" if len(units) > 1 else "What its unit does"
    title = of_layer + (what if not of_layer else what[0].lower() + what[1:])
    names = [_unit_in_words(reading, depth, unit) for unit in units]
    blocks: list[Block] = [_heatmaps(reading, f"Layer {depth}", layer_panels(reading, depth, units), names)]
    if reading.recurrent.projection is not None:
        rows = [f"output {row}" for row in range(reading.recurrent.projection)]
        blocks.append(_heatmaps(reading, f"Outputs of layer {depth}", output_panels(reading, depth), rows))
    figure = f"figures/layer_{depth}"
    blocks.append(Paragraph(_files(f"{figure}.png", f"{figure}.svg", "tables/gates.csv", "tables/units.csv"), "files"))
    return Section(title, blocks, f"layer-{depth}", contents=f"Layer {depth}")


def _files(*paths: str) -> tuple[str | Link, ...]:
    links = [Link(path.rpartition("/")[2], path) for path in paths]
    between = [part for link in links for part in (", ", link)][1:]
    return ("Beside this page: ", *between, ".")


def _unit_in_words(reading: Reading, depth: int, unit: int) -> str:
    constant, order = reading.constants[depth][unit], reading.orders[depth]
    tau = "it never changes" if math.isnan(constant) else f"time constant {_tau(constant)} steps"
    return f"unit {unit}, number {order.index(unit) + 1} of {len(order)}, {tau}"


def _heatmaps(reading: Reading, name: str, panels: Sequence[Panel], rows: list[str]) -> Heatmaps:
    maps = [heatmap(panel.name, panel.title, panel.values, panel.kind, panel.scale) for panel in panels]
    labels = reading.sequence.labels
    letters = [f", “{label}”" for label in labels] or [""] * reading.n_steps
    columns = [f"step {step} of {reading.n_steps}{letter}" for step, letter in enumerate(letters, start=1)]
    return Heatmaps(name, maps, rows[0].split()[0], rows, columns, labels)


def _input_section(reading: Reading) -> list[Section]:
    """Return the inputs and their gradients, none where they are more than there is room for."""
    if reading.n_steps * reading.recurrent.input_size > ROOM // 4:
        return []
    rows = [f"input {place}" for place in range(reading.recurrent.input_size)]
    blocks: list[Block] = [
        _heatmaps(reading, "Inputs", input_panels(reading), rows),
        Paragraph(_files("tables/inputs.csv"), "files"),
    ]
    return [Section("What it reads, and which inputs the last output feels", blocks, "inputs", contents="Inputs")]


def _flow(reading: Reading, svg: str) -> FigureBlock:
    question = "How far back does the last output feel?"
    ends = [_flow_in_words(reading, depth) for depth in range(len(reading.layers))]
    caption = f"{listed(ends)}."
    method = (
        "Gradient of the last output at the whole state k steps back: ||d h_T / d s||_F / sqrt(P), P the number of "
        "outputs, which is 1 at k = 0. It is the root mean square, over all unit vectors v, of the norm of "
        "d (v h_T) / d s. The state of a layer, for an LSTM h and c together, counts as it enters a step."
    )
    return FigureBlock(question, caption, f"{question} {caption}", "flow", "flow", svg, method)


def _flow_in_words(reading: Reading, depth: int) -> str:
    gradient = reading.gradients.layers[depth]
    whose = "The gradient at its state" if len(reading.layers) == 1 else f"at the state of layer {depth} the gradient"
    if gradient.horizon is None:
        return f"{whose} is {significant(gradient.flow[-1], 2)} at the first step, {len(gradient.flow) - 1} steps back"
    return f"{whose} falls below 1/1000 of the last output's own {counted(gradient.horizon, 'step')} back"


def _terms(reading: Reading, shown: list[list[int]]) -> list[Term]:
    recurrent, gradients = reading.recurrent, reading.gradients
    terms = [
        Term("Model", _model_in_words(reading)),
        Term("Input", f"{_capital(reading.sequence.description)}, from a state of zeros."),
        Term("Equations", EQUATIONS[recurrent.mode]),
        Term("Time constant", f"{HOW[recurrent.mode]}: in steps, of this sequence."),
        Term("Gradient", _flow(reading, "").method, "method-flow"),
        Term(
            "grad of a unit or an input",
            "The same of one number s in place of a whole state: ||d h_T / d s|| / sqrt(P). Squares of all units add "
            "up to the square of the whole. It stands at the step that the state leaves, so the last step has none.",
        ),
        Term("Checked", _checked(reading)),
    ]
    if len(shown[0]) < recurrent.hidden_size:
        text = f"{len(shown[0])} of {recurrent.hidden_size} units of each layer, evenly by rank; the tables have all."
        terms.append(Term("Units on this page", text))
    if not gradients.exact:
        text = f"Estimated from {gradients.n_vectors} orthogonal vectors v, drawn with seed 0, not from all directions."
        terms.append(Term("Gradients", text))
    return terms


def _model_in_words(reading: Reading) -> str:
    recurrent = reading.recurrent
    sizes = f"{recurrent.input_size} inputs, {recurrent.hidden_size} units a layer"
    below = f"below “{recurrent.prefix}”" if recurrent.prefix else "without a prefix"
    notes = [
        f"The weights {below}: {sizes}, {'with' if recurrent.has_biases else 'without'} biases, "
        f"{str(recurrent.dtype).removeprefix('torch.')}, computed in float64. Layers, units and inputs are counted "
        "from 0, as PyTorch does."
    ]
    if recurrent.mode == "GRU":
        notes.append("z is PyTorch's, the share of h that is kept; some papers write 1 - z.")
    if recurrent.is_bidirectional:
        notes.append(
            "It reads in both directions; shown is the forward one. The layers above read the outputs of both, and the "
            "gradient is that of the last forward output."
        )
    if recurrent.projection is not None:
        notes.append(
            f"h is a projection of o tanh(c) to {recurrent.projection} numbers, which belong to no unit: they stand "
            "apart, in the order of the file."
        )
    if len(reading.layers) > 1:
        notes.append("Dropout between layers is off.")
    if recurrent.mode not in RETENTION:
        notes.append("A state dict does not say its nonlinearity: --nonlinearity does.")
    return " ".join(notes)


def _checked(reading: Reading) -> str:
    layer = {"LSTM": "nn.LSTM", "GRU": "nn.GRU"}.get(reading.recurrent.mode, "nn.RNN")
    parts = [f"{significant(value, 2)} in {dtype}" for dtype, value in reading.differences.items()]
    return (
        f"h of the last layer differs from what torch.{layer} computes of the same weights by {listed(parts)}, at most."
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
