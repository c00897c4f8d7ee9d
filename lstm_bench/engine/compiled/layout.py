"""The structures of kernels.c: the layout of a population in memory."""

import ctypes

import torch
from torch import Tensor

from lstm_bench.engine.compiled.build import Precision

PRECISION: dict[torch.dtype, Precision] = {torch.float32: "float", torch.float64: "double"}


def pointer(tensor: Tensor | None) -> ctypes.c_void_p:
    """Return the address of a tensor's first number; null for None."""
    return ctypes.c_void_p(None if tensor is None else tensor.data_ptr())


def _fields(kind: type, names: str) -> list[tuple[str, type]]:
    return [(name, kind) for name in names.split()]


class Weights(ctypes.Structure):
    """One parameter of all members: the address of the first member's, and the stride to the next, in numbers."""

    _fields_ = (*_fields(ctypes.c_void_p, "first"), *_fields(ctypes.c_long, "next"))


class Series(ctypes.Structure):
    """Numbers of all members at all steps: the address of the first, and the strides of member, step and sequence."""

    _fields_ = (*_fields(ctypes.c_void_p, "first"), *_fields(ctypes.c_long, "next step row"))


class Answers(ctypes.Structure):
    """Targets of all members: the address of the first, and the strides of member and step."""

    _fields_ = (*_fields(ctypes.c_void_p, "first"), *_fields(ctypes.c_long, "next step"))


class PopulationLayout(ctypes.Structure):
    """`population` of population.h, which describes each field."""

    _fields_ = (
        *_fields(ctypes.c_long, "members steps batch hidden inputs capacity variant last adds"),
        *_fields(Weights, "weight_hh weight_ih bias_hh bias_ih"),
        *_fields(Series, "x d_out"),
        *_fields(ctypes.c_void_p, "xh gates c tanh_c dh dc dw d_pre panels norms_h norms_c"),
    )


class ReadoutLayout(ctypes.Structure):
    """`readout` of readout.h, which describes each field."""

    _fields_ = (
        *_fields(ctypes.c_long, "members steps batch hidden classes squares"),
        *_fields(Weights, "weight bias"),
        *_fields(Series, "outputs"),
        *_fields(Answers, "targets"),
        *_fields(ctypes.c_void_p, "d_outputs d_weight d_bias scores panels losses"),
        *_fields(ctypes.c_long, "d_outputs_next"),
    )


def dense(tensor: Tensor, inner: int) -> Tensor:
    """Return a tensor with contiguous axes from `inner` on; the tensor itself where they are contiguous already."""
    step = 1
    for size, stride in zip(reversed(tensor.shape[inner:]), reversed(tensor.stride()[inner:]), strict=True):
        if size > 1 and stride != step:
            return tensor.contiguous()
        step *= size
    return tensor


def weights(tensor: Tensor) -> Weights:
    """Describe a parameter [M, ...] whose members are dense."""
    return Weights(pointer(tensor), tensor.stride(0))


def series(tensor: Tensor) -> Series:
    """Describe a tensor [T, M, B, ...] whose sequences are dense."""
    step, member, sequence, _ = tensor.stride()
    return Series(pointer(tensor), member, step, sequence)
