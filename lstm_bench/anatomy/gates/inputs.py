"""The sequence that a model reads: a file of numbers, a text as one-hot vectors, or random numbers."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lstm_bench.config.errors import ConfigError, not_allowed

RANDOM_STEPS, SEED = 100, 0
RANDOM_NOTE = "A trained model may behave differently on its own kind of data: give it by --input or --text."
MOST_STEPS = 2000
LONGEST_SHOWN = 40  # characters of a text that an error or a sentence repeats
SHOWN = {" ": "␣", "\n": "⏎", "\t": "⇥"}


@dataclass(frozen=True, eq=False)
class Sequence:
    """Inputs [T, D] in float64, what they are in words, and for a text a label of each step (else none).

    `note` is a caution for the reader.
    """

    values: Tensor
    description: str
    labels: tuple[str, ...] = ()
    note: str = ""


def random_sequence(input_size: int) -> Sequence:
    """Return 100 steps of independent standard-normal numbers, from seed 0."""
    generator = torch.Generator().manual_seed(SEED)
    values = torch.randn(RANDOM_STEPS, input_size, dtype=torch.float64, generator=generator)
    return Sequence(values, f"{RANDOM_STEPS} steps of random numbers (standard normal, seed {SEED})", note=RANDOM_NOTE)


def sequence_of_file(path: Path, input_size: int) -> Sequence:
    """Return the sequence [T, D] of a .npy file.

    Raises: ConfigError where it cannot be read, or is not a finite real [T, D] of this D and at most 2,000 steps.
    """
    try:
        array = np.load(path, allow_pickle=False)
    except OSError as error:
        raise not_allowed("--input", path, f"a file that can be read ({error.strerror or 'not .npy'})") from error
    except (ValueError, EOFError, SyntaxError) as error:  # an array of objects, text, a truncated file
        raise not_allowed("--input", path, "a .npy file of numbers") from error
    if not isinstance(array, np.ndarray):
        array.close()
        raise not_allowed("--input", path, "a .npy file of one array")
    if array.dtype.kind not in "fiub":
        raise ConfigError(f"--input={path}: dtype={array.dtype}: allowed: real numbers")
    shape = " x ".join(map(str, array.shape)) or "one number"
    if array.ndim != 2 or array.shape[1] != input_size or not 1 <= array.shape[0] <= MOST_STEPS:
        steps = f"1 to {MOST_STEPS} steps x {input_size} inputs, the model's input size"
        raise ConfigError(f"--input={path}: shape={shape}: allowed: {steps}")
    values = torch.from_numpy(array.astype(np.float64))
    if not values.isfinite().all():
        step, place = (~values.isfinite()).nonzero()[0].tolist()
        raise ConfigError(f"--input={path}: [{step}, {place}]={float(values[step, place])}: allowed: finite numbers")
    return Sequence(values, f"{_steps(len(values))} of {path.name}")


def sequence_of_text(text: str, input_size: int, alphabet: str | None = None) -> Sequence:
    """Return a text as one-hot vectors of its characters.

    Args:
        text: 1 to 2,000 characters.
        input_size: D.
        alphabet: its n-th character sets the n-th input; None: the characters of the text in the order of Unicode.

    Raises: ConfigError for no text or a long one, an alphabet with more characters than inputs or a character twice, or
        a character that it lacks.
    """
    if not 1 <= len(text) <= MOST_STEPS:
        raise not_allowed("--text", _short(text), f"1 to {MOST_STEPS} characters")
    letters = "".join(sorted(set(text))) if alphabet is None else alphabet
    if len(letters) > input_size or not letters:
        option = "--text" if alphabet is None else "--alphabet"
        characters = f"1 to {input_size} different characters, the model's input size, in place of {len(letters)}"
        raise not_allowed(option, _short(text if alphabet is None else letters), characters)
    if len(set(letters)) < len(letters):
        raise not_allowed("--alphabet", _short(letters), "each character once")
    unknown = sorted(set(text) - set(letters))
    if unknown:
        raise not_allowed("--text", _short(text), f"characters of the alphabet, which lacks {unknown[0]!r}")
    values = torch.zeros(len(text), input_size, dtype=torch.float64)
    values[torch.arange(len(text)), torch.tensor([letters.index(letter) for letter in text])] = 1.0
    order = f"inputs in the order “{''.join(SHOWN.get(letter, letter) for letter in letters)}”"
    description = f"{_steps(len(text))}, the characters of “{_short(text)}” as one-hot vectors ({order})"
    return Sequence(values, description, tuple(SHOWN.get(letter, letter) for letter in text))


def _steps(count: int) -> str:
    return f"{count} step{'' if count == 1 else 's'}"


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 3]}..."
