"""Files in the forms that MNIST comes in, with a few images of 5 x 4 pixels."""

import gzip
import struct
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
PIXELS = 20
NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
KEYS = ("x_train", "y_train", "x_test", "y_test")
_kept: list[tempfile.TemporaryDirectory[str]] = []  # until the process ends


def arrays(seed: int = 0) -> list[Bytes]:
    """Return 60 images with labels and 40 more; the top left and bottom right pixels are one of three values."""
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (100, 5, 4), dtype=np.uint8)
    images[:, 0, 0] = random.choice([0, 7, 255], 100)
    images[:, 4, 3] = random.choice([0, 7, 255], 100)
    labels = random.integers(0, 10, 100, dtype=np.uint8)
    return [images[:60], labels[:60], images[60:], labels[60:]]


def idx(array: Bytes) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_idx(folder: Path, seed: int = 0, gzipped: bool = False) -> Path:
    for name, array in zip(NAMES, arrays(seed), strict=True):
        content = idx(array)
        path = folder / (f"{name}.gz" if gzipped else name)
        path.write_bytes(gzip.compress(content) if gzipped else content)
    return folder


def write_npz(path: Path, seed: int = 0) -> Path:
    np.savez(path, **dict(zip(KEYS, arrays(seed), strict=True)))
    return path


@cache
def folder() -> Path:
    """Return a folder with the four idx files, the same in the whole process."""
    _kept.append(tempfile.TemporaryDirectory())
    return write_idx(Path(_kept[-1].name))
