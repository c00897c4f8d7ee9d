"""The read-out and its loss, compiled: predictions, loss and all gradients in one call, in readout.h."""

import ctypes

import torch
import torch.nn.functional as F
from torch import Tensor

from lstm_bench.engine.compiled.build import library
from lstm_bench.engine.compiled.kernel import PRECISION
from lstm_bench.engine.compiled.layout import Answers, ReadoutLayout, dense, pointer, series, weights
from lstm_bench.engine.readout import ReadoutGradients
from lstm_bench.tasks.losses import LossForm


class CompiledReadout:
    """The gradients of a loss of one form, of all members; see `Readout`.

    The predictions of a step are used while they are in the cache, and written nowhere.

    Args:
        form: what the loss is the mean of.
        dtype: of outputs and weights.
    """

    def __init__(self, form: LossForm, dtype: torch.dtype) -> None:
        self._library = library(PRECISION[dtype])
        self._layout = ReadoutLayout(squares=form == "squared error")
        self._d_outputs = torch.empty(0, dtype=dtype)

    def gradients(self, outputs: Tensor, targets: Tensor, weight: Tensor, bias: Tensor) -> ReadoutGradients:
        """See `Readout`; the gradient of the outputs is overwritten by the next call."""
        steps, members, batch, hidden = outputs.shape
        classes = weight.shape[1]
        width, columns = (self._library.width(ctypes.c_long(size)) for size in (hidden, classes))
        if outputs.stride(2) < width or outputs.stride(3) != 1:
            outputs = F.pad(outputs, (0, width - hidden))[..., :hidden]
        weight, bias = dense(weight, 1), dense(bias, 1)
        answers = dense(targets.to(outputs.dtype) if self._layout.squares else targets, 2)
        if self._d_outputs.shape != (members, steps, batch, width):
            self._d_outputs = outputs.new_empty(members, steps, batch, width)
        d_weight, d_bias = outputs.new_empty(members, columns, width), outputs.new_empty(members, columns)
        scores, panels = outputs.new_empty(batch, columns), outputs.new_empty(hidden * columns + classes * width)
        losses = outputs.new_empty(members, dtype=torch.float64)
        layout = self._layout
        layout.members, layout.steps, layout.batch, layout.hidden, layout.classes = (
            members,
            steps,
            batch,
            hidden,
            classes,
        )
        layout.weight, layout.bias, layout.outputs = weights(weight), weights(bias), series(outputs)
        layout.targets = Answers(pointer(answers), answers.stride(1), answers.stride(0))
        layout.d_outputs, layout.d_weight, layout.d_bias = map(pointer, (self._d_outputs, d_weight, d_bias))
        layout.scores, layout.panels, layout.losses = map(pointer, (scores, panels, losses))
        self._library.readout_gradients(ctypes.byref(layout))
        return ReadoutGradients(
            losses.to(outputs.dtype),
            self._d_outputs[..., :hidden].transpose(0, 1),
            d_weight[:, :classes, :hidden],
            d_bias[:, :classes],
        )
