"""The command `anatomy gates`: its options, its printed text and its files."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from lstm_bench.anatomy.options import Parser, integer, writable
from lstm_bench.config.errors import not_allowed

MOST_MEMBERS = 10_000
NONLINEARITIES = ("tanh", "relu")


def run_gates(arguments: Sequence[str]) -> None:
    """Print each layer's time constants and gradient, and write gates.html, tables/ and figures/.

    Raises: ConfigError for a model, an input or an option that cannot be used; nothing is written then.
    """
    options = _parser().read(arguments)
    member = None if options.member is None else integer("--member", options.member, 1, 1, MOST_MEMBERS)
    if options.nonlinearity not in (None, *NONLINEARITIES):
        raise not_allowed("--nonlinearity", options.nonlinearity, ", ".join(NONLINEARITIES))
    if options.input is not None and options.text is not None:
        raise not_allowed("--text", options.text, "no text with --input")
    if options.alphabet is not None and options.text is None:
        raise not_allowed("--alphabet", options.alphabet, "an alphabet only with --text")

    import torch

    from lstm_bench.anatomy.gates import inputs
    from lstm_bench.anatomy.gates.model_file import read_model
    from lstm_bench.anatomy.gates.output import write_reading
    from lstm_bench.anatomy.gates.page import Source
    from lstm_bench.anatomy.gates.reading import read_sequence
    from lstm_bench.anatomy.gates.weights import find_recurrent

    torch.set_num_threads(1)  # steps are too small to be shared: two threads take ten times as long
    model = read_model(options.model, member)
    nonlinearity = options.nonlinearity or model.nonlinearity or "tanh"
    recurrent = find_recurrent(model.tensors, str(options.model), options.prefix, nonlinearity)
    if options.nonlinearity is not None and not recurrent.mode.startswith("RNN"):
        raise not_allowed("--nonlinearity", options.nonlinearity, f"none for a {recurrent.mode}")
    if options.input is not None:
        sequence = inputs.sequence_of_file(options.input, recurrent.input_size)
    elif options.text is not None:
        sequence = inputs.sequence_of_text(options.text, recurrent.input_size, options.alphabet)
    else:
        sequence = inputs.random_sequence(recurrent.input_size)
    reading = read_sequence(recurrent, sequence)
    command = shlex.join(["python", "-m", "lstm_bench.anatomy", "gates", *arguments])
    print(write_reading(reading, Source(model.description, command), writable(options.output)))


def _parser() -> Parser:
    parser = Parser("gates", "Show gates, state and gradients of any trained nn.LSTM, nn.GRU or nn.RNN, step by step.")
    parser.add_argument("model", type=Path, metavar="MODEL", help="state dict, or a member or checkpoint of a study")
    parser.add_argument("--input", type=Path, metavar="FILE.npy", help="a sequence, steps x inputs (default: random)")
    parser.add_argument("--text", help="a text, its characters as one-hot vectors")
    parser.add_argument("--alphabet", help="characters in the order of inputs (default: those of the text, sorted)")
    parser.add_argument("--prefix", help="prefix of the weights' names, where the file has several recurrent modules")
    parser.add_argument("--nonlinearity", help="of an RNN: tanh (default) or relu")
    parser.add_argument("--member", metavar="N", help="which member of a checkpoint (default: 1)")
    return parser
