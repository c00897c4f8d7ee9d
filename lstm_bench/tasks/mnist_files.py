"""Read MNIST from files that the user has: the four idx files, gzipped or not, or one npz."""

import gzip
import struct
import zipfile
import zlib
from pathlib import Path

import torch
from torch import Tensor

IDX_FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
NPZ_ARRAYS = ("x_train", "y_train", "x_test", "y_test")
UNSIGNED_BYTE = 0x08
ALLOWED = f"an npz file with {', '.join(NPZ_ARRAYS)}, or a folder with {', '.join(IDX_FILES)}, gzipped or not"


def read_mnist(file: Path) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return images [N, P] and labels [N] of training, then those of the test set, all whole numbers from 0 to 255.

    Raises: ValueError, in one line that begins with "file=", where a file is missing or malformed.
    """
    try:
        tensors = _read_npz(file) if file.is_file() else [_read_idx(_idx_file(file, name)) for name in IDX_FILES]
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        reason = str(error).strip("'") or type(error).__name__
        raise ValueError(f"file={file}: allowed: {ALLOWED} ({reason})") from error
    training, training_labels, test, test_labels = (
        tensor.flatten(1) if tensor.dim() > 1 else tensor for tensor in tensors
    )
    for images, labels in ((training, training_labels), (test, test_labels)):
        if images.dim() != 2 or labels.dim() != 1 or len(images) != len(labels) or len(labels) < 1 or labels.max() > 9:
            shapes = f"{list(images.shape)} and {list(labels.shape)}"
            raise ValueError(f"file={file}: allowed: as many images as labels, labels from 0 to 9, not {shapes}")
    if training.shape[1] != test.shape[1]:
        raise ValueError(
            f"file={file}: allowed: images of one size, not of {training.shape[1]} and {test.shape[1]} pixels"
        )
    return training, training_labels.long(), test, test_labels.long()


def _idx_file(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise FileNotFoundError(f"{name} is not there" if folder.is_dir() else "no such file or folder")


def _read_idx(path: Path) -> Tensor:
    """Return the array of an idx file of bytes: 0, 0, type, dimensions, then each size in four bytes, then the values.

    Source: the format as described with MNIST by LeCun, Cortes & Burges.
    """
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    if len(content) < 4 or len(content) < 4 + 4 * content[3]:
        raise ValueError(f"{path.name} ends within its header")
    zeros, kind, dimensions = struct.unpack_from(">HBB", content)
    if zeros != 0 or kind != UNSIGNED_BYTE:
        raise ValueError(f"{path.name} is no idx file of bytes")
    shape = struct.unpack_from(f">{dimensions}I", content, 4)
    values = torch.frombuffer(bytearray(content), dtype=torch.uint8, offset=4 + 4 * dimensions)
    if values.numel() != torch.Size(shape).numel():
        raise ValueError(f"{path.name} has {values.numel()} values, not {torch.Size(shape).numel()}")
    return values.view(shape)


def _read_npz(path: Path) -> list[Tensor]:
    import numpy as np

    with np.load(path, allow_pickle=False) as arrays:
        return [torch.from_numpy(arrays[name].astype(np.uint8)) for name in NPZ_ARRAYS]
