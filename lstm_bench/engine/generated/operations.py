"""The operations of a traced step in C: views, and formulas of elementwise operations.

A value in C is a vector of LANES numbers; `x` and `y` stand for C expressions. Truth values are the numbers 1 and 0.
"""

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

import torch

from lstm_bench.engine.generated.tracing import CannotGenerateError

aten = torch.ops.aten

SAME = {
    aten.alias.default,
    aten.detach.default,
    aten.clone.default,
    aten.lift_fresh_copy.default,
    aten._to_copy.default,
}
RESHAPED = {aten.view.default, aten._unsafe_view.default, aten.reshape.default, aten.expand.default}
VIEWS = {
    *RESHAPED,
    aten.transpose.int,
    aten.t.default,
    aten.permute.default,
    aten.select.int,
    aten.slice.Tensor,
    aten.unsqueeze.default,
    aten.squeeze.default,
    aten.squeeze.dim,
    aten.squeeze.dims,
    operator.getitem,
}
SPLITS = {aten.split.Tensor, aten.split_with_sizes.default, aten.unbind.int}
FILLED: Mapping[Any, Callable[..., float]] = {
    aten.zeros_like.default: lambda *_: 0.0,
    aten.ones_like.default: lambda *_: 1.0,
    aten.full_like.default: lambda _, value: value,
    aten.full.default: lambda _, value: value,
    aten.zeros.default: lambda *_: 0.0,
    aten.ones.default: lambda *_: 1.0,
    aten.new_zeros.default: lambda *_: 0.0,
    aten.new_ones.default: lambda *_: 1.0,
    aten.new_full.default: lambda _, __, value: value,
    aten.scalar_tensor.default: lambda value: value,
    **{  # written over before they are read
        target: lambda *_: 0.0
        for target in (
            aten.empty.memory_format,
            aten.empty_like.default,
            aten.empty_strided.default,
            aten.new_empty.default,
            aten.new_empty_strided.default,
        )
    },
}


def number(value: float) -> str:
    """Return a vector with one number in every lane."""
    if isinstance(value, complex):
        raise CannotGenerateError("a complex number")
    if not math.isfinite(value):
        value_in_c = "NAN" if math.isnan(value) else "INFINITY" if value > 0 else "-INFINITY"
        return f"all((real){value_in_c})"
    return f"all((real){float(value)!r})"


def _scaled(y: str, alpha: float) -> str:
    return y if alpha == 1 else f"{number(alpha)} * ({y})"


def _compared(sign: str) -> Callable[..., str]:
    return lambda x, y: f"choose({x} {sign} {y}, all(1), all(0))"


def _mapped(function: str) -> Callable[..., str]:
    return lambda *arguments: f"{function}({', '.join(arguments)})"


def _power(x: str, exponent: str) -> str:
    short = {number(0.5): f"sqrt_of({x})", number(1): x, number(2): f"{x} * {x}", number(3): f"{x} * {x} * {x}"}
    return short.get(exponent, f"power_of({x}, {exponent})")


def _clamped(x: str, low: str | None = None, high: str | None = None) -> str:
    above = x if low is None else f"choose({x} < {low}, {low}, {x})"
    return above if high is None else f"choose({above} > {high}, {high}, {above})"


FORMULAS: Mapping[Any, Callable[..., str]] = {
    "add": lambda x, y, alpha=1: f"{x} + {_scaled(y, alpha)}",
    "sub": lambda x, y, alpha=1: f"{x} - {_scaled(y, alpha)}",
    "rsub": lambda x, y, alpha=1: f"{y} - {_scaled(x, alpha)}",
    "mul": lambda x, y: x if y == number(1) else f"{x} * {y}",
    "div": lambda x, y: f"{x} / {y}",
    "neg": lambda x: f"-{x}",
    "reciprocal": lambda x: f"all(1) / {x}",
    "abs": lambda x: f"magnitude({x})",
    "sigmoid": _mapped("logistic"),
    "tanh": _mapped("tanh_of"),
    "sigmoid_backward": lambda d, y: f"{d} * logistic_slope({y})",
    "tanh_backward": lambda d, y: f"{d} * tanh_slope({y})",
    "threshold_backward": lambda d, x, least: f"choose({x} <= {least}, all(0), {d})",
    "relu": lambda x: f"choose({x} <= all(0), all(0), {x})",
    "exp": _mapped("exp_of_any"),
    "expm1": _mapped("expm1_of"),
    "log": _mapped("log_of"),
    "log1p": _mapped("log1p_of"),
    "sqrt": _mapped("sqrt_of"),
    "rsqrt": lambda x: f"all(1) / sqrt_of({x})",
    "sin": _mapped("sin_of"),
    "cos": _mapped("cos_of"),
    "erf": _mapped("erf_of"),
    "floor": _mapped("floor_of"),
    "ceil": _mapped("ceiling_of"),
    "remainder": _mapped("remainder_of"),
    "pow": _power,
    "copy": lambda _, x: x,
    "clamp": _clamped,
    "sign": lambda x: f"choose({x} > all(0), all(1), choose({x} < all(0), all(-1), {x}))",
    "sgn": lambda x: f"choose({x} > all(0), all(1), choose({x} < all(0), all(-1), {x}))",
    "maximum": lambda x, y: f"choose({x} > {y} | {x} != {x}, {x}, {y})",
    "minimum": lambda x, y: f"choose({x} < {y} | {x} != {x}, {x}, {y})",
    "where": lambda c, x, y: f"choose({c} != all(0), {x}, {y})",
    "logical_not": lambda x: f"choose({x} != all(0), all(0), all(1))",
    "logical_and": lambda x, y: f"choose(({x} != all(0)) & ({y} != all(0)), all(1), all(0))",
    "logical_or": lambda x, y: f"choose(({x} != all(0)) | ({y} != all(0)), all(1), all(0))",
    "bitwise_not": lambda x: f"choose({x} != all(0), all(0), all(1))",
    "bitwise_and": lambda x, y: f"choose(({x} != all(0)) & ({y} != all(0)), all(1), all(0))",
    "bitwise_or": lambda x, y: f"choose(({x} != all(0)) | ({y} != all(0)), all(1), all(0))",
    "lt": _compared("<"),
    "le": _compared("<="),
    "gt": _compared(">"),
    "ge": _compared(">="),
    "eq": _compared("=="),
    "ne": _compared("!="),
}


def formula_of(target: Any) -> Callable[..., str] | None:
    """Return the formula of an elementwise operation; None for any other."""
    if not isinstance(target, torch._ops.OpOverload) or target.namespace != "aten":
        return None
    return FORMULAS.get(target._schema.name.removeprefix("aten::"))
