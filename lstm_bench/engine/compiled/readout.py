"""The read-out and its loss, compiled: predictions, loss and all gradients in one call, in readout.h."""

import ctypes

import torch
import torch.nn.functional as F
from torch import Tensor

from lstm_bench.engine.compiled.build import library
from lstm_bench.engine.compiled.layout import PRECISION, Answers, ReadoutLayout, Series, dense, pointer, series, weights
from lstm_bench.engine.readout import ReadoutBatch, ReadoutGradients
from lstm_bench.tasks.contract import LossForm


class CompiledReadout:
    """The gradients of a loss of one form, of all members; see `Readout`.

    The predictions of a step are used while they are in the cache, and written nowhere.

    Args:
        form: what the loss is the mean of.
        dtype: the dtype of outputs and weights.

    Attributes:
        layout: the arguments of the C code, as `prepare` filled them last.
    """

    def __init__(self, form: LossForm, dtype: torch.dtype) -> None:
        self._library = library(PRECISION[dtype])
        self.layout = ReadoutLayout(squares=form == "squared error")
        self._d_outputs = torch.empty(0, dtype=dtype)
        self._kept: tuple[Tensor, ...] = ()  # what the layout points at

    def gradients(self, outputs: Tensor, batch: ReadoutBatch) -> ReadoutGradients:
        """See `Readout`; the gradient of the outputs is overwritten by the next call."""
        back = self.prepare(outputs, batch)
        self._library.readout_gradients(ctypes.byref(self.layout))
        return back

    def prepare(self, outputs: Tensor, batch: ReadoutBatch, shared: bool = False) -> ReadoutGradients:
        """Fill the layout, and return the losses and gradients that the next call with it will fill.

        Args:
            outputs: [S, M, B, H].
            batch: targets and weights.
            shared: the members share the memory of the gradient of the outputs, which at the end holds the last one's.

        Raises: IndexError for a target that is no class, since the C code would write outside its scores.
        """
        steps, members, size, hidden = outputs.shape
        classes = batch.weight.shape[1]
        width, columns = (int(self._library.width(ctypes.c_long(units))) for units in (hidden, classes))
        if outputs.stride(2) < width or outputs.stride(3) != 1:
            outputs = F.pad(outputs, (0, width - hidden))[..., :hidden]
        weight, bias = dense(batch.weight, 1), dense(batch.bias, 1)
        targets = dense(batch.targets.to(outputs.dtype) if self.layout.squares else batch.targets, 2)
        if not self.layout.squares and int(targets.max()) >= classes:
            raise IndexError(f"target {int(targets.max())}: allowed: a class, 0 to {classes - 1}")
        shape = (1 if shared else members, steps, size, width)
        if self._d_outputs.shape != shape:
            self._d_outputs = outputs.new_empty(shape)
        d_weight, d_bias = outputs.new_empty(members, columns, width), outputs.new_empty(members, columns)
        scores, panels = outputs.new_empty(size, columns), outputs.new_empty(hidden * columns + classes * width)
        losses = outputs.new_empty(members, dtype=torch.float64)
        layout = self.layout
        layout.members, layout.steps, layout.batch = members, steps, size
        layout.hidden, layout.classes = hidden, classes
        layout.weight, layout.bias, layout.outputs = weights(weight), weights(bias), series(outputs)
        layout.targets = Answers(pointer(targets), targets.stride(1), targets.stride(0))
        layout.d_outputs, layout.d_weight, layout.d_bias = map(pointer, (self._d_outputs, d_weight, d_bias))
        layout.d_outputs_next = 0 if shared else steps * size * width
        layout.scores, layout.panels, layout.losses = map(pointer, (scores, panels, losses))
        self._kept = (outputs, weight, bias, targets, scores, panels)
        d_outputs = self._d_outputs[..., :hidden].transpose(0, 1).expand(steps, members, size, hidden)
        return ReadoutGradients(losses, d_outputs, d_weight[:, :classes, :hidden], d_bias[:, :classes])

    def place_of_d_outputs(self) -> Series:
        """Return the address and the strides of the gradient of the outputs."""
        _, _, size, width = self._d_outputs.shape
        return Series(pointer(self._d_outputs), self.layout.d_outputs_next, size * width, width)
