"""Complex tensors as pairs of real numbers.

Optimisers, norms and linear algebra over a whole state work on reals. A complex number counts as two of them, its real
and its imaginary part. PyTorch's gradient of a real L at a complex z = a + ib is dL/da + i dL/db, so the real view of
the gradient is the gradient of the real view.
"""

import torch
from torch import Tensor


def has_derivative(tensor: Tensor) -> bool:
    """Return whether a tensor holds floating-point or complex numbers."""
    return tensor.is_floating_point() or tensor.is_complex()


def as_reals(tensor: Tensor) -> Tensor:
    """Return a view of a tensor as real numbers: [..., 2] for a complex tensor, any other tensor itself."""
    return torch.view_as_real(tensor.resolve_conj()) if tensor.is_complex() else tensor


def from_reals(reals: Tensor, like: Tensor) -> Tensor:
    """Return the inverse of `as_reals`: a complex copy where `like` is complex, else `reals` itself."""
    return torch.view_as_complex(reals.clone(memory_format=torch.contiguous_format)) if like.is_complex() else reals


def count_reals(tensor: Tensor) -> int:
    """Return how many real numbers a tensor holds."""
    return tensor.numel() * (2 if tensor.is_complex() else 1)


def widened(tensor: Tensor) -> Tensor:
    """Return a tensor in double precision: complex128 for a complex tensor, float64 for any other."""
    return tensor.to(torch.complex128 if tensor.is_complex() else torch.float64)
