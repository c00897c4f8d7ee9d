"""Digits: the 1,797 handwritten digits that scikit-learn brings along, read pixel by pixel."""

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import torch

from lstm_bench.tasks.pixels import Images, PixelTask

WHITE = 16
HELD_OUT_EVERY = 5


@dataclass(frozen=True, kw_only=True)
class DigitsTask(PixelTask):
    """Read the 64 pixels of an 8 x 8 image, one a step, and say at the last which digit it shows; see `PixelTask`.

    Every fifth image, 359 of 1,797, is one of evaluation. No two images are the same.

    References: Alpaydin & Kaynak 1998, Optical recognition of handwritten digits, the UCI repository's test set, as
        scikit-learn's `load_digits` has it. Read pixel by pixel: Le, Jaitly & Hinton 2015, on MNIST.
    """

    description: ClassVar = (
        "An image of a handwritten digit, 8 by 8 pixels, is read one pixel a step, and at the last the digit must be "
        "said; the images that count were never trained on, and the lag is the number of pixels."
    )

    @property
    def images(self) -> tuple[Images, Images]:
        """1,438 of training and 359 of evaluation."""
        return _load()


@lru_cache
def _load() -> tuple[Images, Images]:
    from sklearn.datasets import load_digits  # a second, which other tasks do not wait for

    pixels, labels = load_digits(return_X_y=True)
    all_pixels, all_labels = torch.tensor(pixels, dtype=torch.uint8), torch.tensor(labels)
    is_held_out = torch.arange(len(all_labels)) % HELD_OUT_EVERY == HELD_OUT_EVERY - 1
    training, evaluation = (
        Images(all_pixels[chosen], all_labels[chosen], WHITE) for chosen in (~is_held_out, is_held_out)
    )
    return training, evaluation
