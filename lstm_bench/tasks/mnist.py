"""MNIST, sequential and permuted (sMNIST, psMNIST): 28 x 28 digits of a local file, read pixel by pixel."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

from lstm_bench.tasks.mnist_files import read_mnist
from lstm_bench.tasks.pixels import Images, PixelTask

WHITE = 255


@dataclass(frozen=True, kw_only=True)
class MnistTask(PixelTask):
    """Read the 784 pixels of an image, one per step, and name the digit at the last; see `PixelTask`.

    The split into 60,000 images for training and 10,000 for the test is MNIST's own. Nothing is downloaded. Settings
    hold the path of the file and not its content: keep another set of images under another name.

    Args:
        file: mnist.npz, or the folder of the four idx files, gzipped or not.

    Raises: ValueError where the file is missing or malformed.
    References: LeCun, Bottou, Bengio & Haffner 1998; Le, Jaitly & Hinton 2015, which reads it pixel by pixel, in rows
        and in one random order.
    """

    file: Path
    lag: int = 784

    description: ClassVar = (
        "An image of a handwritten digit is read one pixel a step, and the digit must be named at the last; scores are "
        "those of images held out from training, and the lag is the number of pixels."
    )

    @property
    def images(self) -> tuple[Images, Images]:
        """The images for training and those of the test set."""
        return _load(self.file)


@lru_cache(maxsize=2)  # 50 MB each
def _load(file: Path) -> tuple[Images, Images]:
    training, training_labels, test, test_labels = read_mnist(file)
    return Images(training, training_labels, WHITE), Images(test, test_labels, WHITE)
