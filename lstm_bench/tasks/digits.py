"""Digits: the 1,797 handwritten digits that come with scikit-learn, read pixel by pixel."""

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import torch
import torch.nn.functional as F

from lstm_bench.tasks.pixels import Images, PixelTask

WHITE = 16
HELD_OUT_EVERY = 5


@dataclass(frozen=True, kw_only=True)
class DigitsTask(PixelTask):
    """Read the 64 pixels of an 8 x 8 image, one per step, and name the digit at the last; see `PixelTask`.

    Every fifth image of each digit is for evaluation, 355 of 1,797 in all. No two images are the same.

    References: Alpaydin & Kaynak 1998, Optical recognition of handwritten digits, the UCI repository's test set, as
        scikit-learn's `load_digits` has it. Read pixel by pixel: Le, Jaitly & Hinton 2015, on MNIST.
    """

    lag: int = 64

    description: ClassVar = (
        "An image of a handwritten digit, 8 by 8 pixels, is read one pixel a step, and the digit must be named at the "
        "last; scores are those of images held out from training, and the lag is the number of pixels."
    )

    @property
    def images(self) -> tuple[Images, Images]:
        """1,442 images for training and 355 for evaluation."""
        return _load()


@lru_cache
def _load() -> tuple[Images, Images]:
    from sklearn.datasets import load_digits  # takes a second, which other tasks need not wait for

    pixels, labels = load_digits(return_X_y=True)
    all_pixels, all_labels = torch.tensor(pixels, dtype=torch.uint8), torch.tensor(labels)
    count_in_class = F.one_hot(all_labels).cumsum(dim=0).gather(1, all_labels.unsqueeze(1)).squeeze(1)
    is_held_out = count_in_class % HELD_OUT_EVERY == 0  # not every fifth of all: many stretches run from 0 to 9
    training, evaluation = (
        Images(all_pixels[chosen], all_labels[chosen], WHITE) for chosen in (~is_held_out, is_held_out)
    )
    return training, evaluation
