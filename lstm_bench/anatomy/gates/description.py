"""A reading in words: the model, its numbers and how they are made."""

import math
from statistics import median

from lstm_bench.analysis.wording import counted, listed, significant
from lstm_bench.anatomy.gates.gradient import HORIZON_SHARE
from lstm_bench.anatomy.gates.reading import Reading
from lstm_bench.anatomy.gates.time_constants import HOW, RETENTION
from lstm_bench.report.document import Term

QUESTION = "How far back does the gradient of the last output reach?"
GRADIENT = (
    "Gradient of the last output with respect to the whole state k steps back: ||d h_T / d s||_F / sqrt(P), P the "
    "number of outputs; it is 1 at k = 0. It is the root mean square, over all unit vectors v, of the norm of d (v "
    "h_T) / d s. The state of a layer (for an LSTM, h and c together) is taken as it enters a step."
)
KINDS = {"LSTM": "An LSTM", "GRU": "A GRU", "RNN_TANH": "A tanh RNN", "RNN_RELU": "A ReLU RNN"}
EQUATIONS = {
    "LSTM": "f, i, o = sigmoid(W_ih x + b_ih + W_hh h + b_hh), g = tanh of the same; c = f c + i g; h = o tanh(c)",
    "GRU": "r, z = sigmoid(W_ih x + b_ih + W_hh h + b_hh); n = tanh(W_in x + b_in + r (W_hn h + b_hn)); "
    "h = (1 - z) n + z h",
    "RNN_TANH": "h = tanh(W_ih x + b_ih + W_hh h + b_hh)",
    "RNN_RELU": "h = max(0, W_ih x + b_ih + W_hh h + b_hh)",
}


def headline(reading: Reading) -> str:
    """Return a summary: the model, its input, its time constants and the horizon of its last output."""
    depth, units = len(reading.layers), reading.recurrent.hidden_size
    size = f"{counted(units, 'unit')}" if depth == 1 else f"{depth} layers of {counted(units, 'unit')}"
    subject = f"{_kind(reading)} of {size} reads {reading.sequence.description}."
    return " ".join([subject, *(_slowest(reading, layer) for layer in range(depth)), _horizon(reading)])


def _kind(reading: Reading) -> str:
    kind = KINDS[reading.recurrent.mode]
    return f"The forward direction of {kind[0].lower()}{kind[1:]}" if reading.recurrent.is_bidirectional else kind


def _slowest(reading: Reading, depth: int) -> str:
    known = sorted(tau for tau in reading.constants[depth] if not math.isnan(tau))
    subject = "Its units" if len(reading.layers) == 1 else f"The units of layer {depth}"
    if not known:
        return f"{subject} never change."
    shortest, middle, longest = map(tau_in_words, (known[0], median(known), known[-1]))
    return f"{subject} have time constants of {shortest} to {longest} steps, median {middle}."


def _horizon(reading: Reading) -> str:
    horizon = reading.gradients.layers[-1].horizon
    if horizon is None:
        last = reading.gradients.layers[-1].flow[-1]
        return f"The gradient of its last output is still {significant(last, 2)} at the state before the first step."
    share = f"1/{1 / HORIZON_SHARE:,.0f}"
    return f"{counted(horizon, 'step')} back, the gradient of its last output at its state is below {share}."


def tau_in_words(constant: float) -> str:
    """Return a time constant in words: "12", or "infinitely many" (steps)."""
    return "infinitely many" if math.isinf(constant) else significant(constant, 2)


def limits(reading: Reading) -> list[str]:
    """Return notes on what is shown of a model that reads in both directions or projects h; else nothing."""
    lines = []
    if reading.recurrent.is_bidirectional:
        lines.append(
            "The model reads in both directions; the page shows the forward one. The layers above read the outputs of "
            "both, and the gradient is that of the last forward output."
        )
    if reading.recurrent.projection is not None:
        lines.append(
            f"h is a projection of o tanh(c) to {counted(reading.recurrent.projection, 'number')}, which belong to no "
            "unit: they are shown separately, in the order of the file."
        )
    return lines


def flow_caption(reading: Reading) -> str:
    """Return how far back the gradient of each layer reaches."""
    return f"{_capital(listed([_flow_in_words(reading, depth) for depth in range(len(reading.layers))]))}."


def _flow_in_words(reading: Reading, depth: int) -> str:
    gradient = reading.gradients.layers[depth]
    start = "The gradient at its state" if len(reading.layers) == 1 else f"at the state of layer {depth} the gradient"
    if gradient.horizon is None:
        return f"{start} is {significant(gradient.flow[-1], 2)} at the first step, {len(gradient.flow) - 1} steps back"
    return f"{start} falls below 1/1000 of the last output's own {counted(gradient.horizon, 'step')} back"


def terms(reading: Reading, n_shown: int) -> list[Term]:
    """Return the terms that explain the page; `n_shown` units of each layer are on it."""
    recurrent, gradients = reading.recurrent, reading.gradients
    items = [
        Term("Model", _model_in_words(reading)),
        Term("Input", f"{_capital(reading.sequence.description)}, from a state of zeros. {reading.sequence.note}"),
        Term("Equations", EQUATIONS[recurrent.mode]),
        Term("Time constant", f"{HOW[recurrent.mode]}: in steps, for this sequence."),
        Term("Gradient", GRADIENT, "method-flow"),
        Term(
            "grad of a unit or an input",
            "The same for one number s instead of a whole state: ||d h_T / d s|| / sqrt(P). The squares of all units "
            "add up to the square of the whole. It is shown at the step that the state leaves; the last step has none.",
        ),
        Term("Checked", _checked(reading)),
    ]
    if n_shown < recurrent.hidden_size:
        text = f"{n_shown} of {recurrent.hidden_size} units of each layer, evenly by rank; the tables have all."
        items.append(Term("Units on this page", text))
    if not gradients.exact:
        text = f"Estimated from {gradients.n_vectors} orthogonal vectors v, drawn with seed 0, not from all directions."
        items.append(Term("Gradients", text))
    return items


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
    notes += limits(reading)
    if len(reading.layers) > 1:
        notes.append("Dropout between layers is off.")
    if recurrent.mode not in RETENTION:
        notes.append("A state dict does not record its nonlinearity; --nonlinearity sets it.")
    return " ".join(notes)


def _checked(reading: Reading) -> str:
    layer = {"LSTM": "nn.LSTM", "GRU": "nn.GRU"}.get(reading.recurrent.mode, "nn.RNN")
    parts = [f"{significant(value, 2)} in {dtype}" for dtype, value in reading.differences.items()]
    return f"h of the last layer differs from that of torch.{layer} with the same weights by at most {listed(parts)}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
