"""The loop over time, in segments: a sequence that does not fit into memory is recomputed in the backward pass.

A sequence whose tape is larger than `tape_bytes` is cut into segments. The forward pass keeps the state at each cut;
the backward pass runs each segment but the last again from there. That costs at most one more forward pass, a third of
the arithmetic of a training step: 27 to 35% more time for the LSTM and 16 to 27% for the RNN (compiled, H = 128, B =
32, T = 2000, 64 to 4 MiB of tape; one core of an AMD EPYC, 2026-11-21). The same steps are computed from the same
states, and the cuts lie where the hand-written kernels end a weight-gradient product anyway, so results are
bit-identical with and without segments.

Source: Chen et al. 2016, "Training deep nets with sublinear memory cost"; Gruslys et al. 2016 for BPTT.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from lstm_bench.engine.generic import GenericKernel, Surroundings
from lstm_bench.engine.kernel import Kernel, Parts
from lstm_bench.engine.kernels.bptt import CHUNK

STEPS_WITHOUT_TAPE = 16  # steps in a segment of a pass that keeps no tape


class Unroll:
    """Run a population through whole sequences; shapes as in `Kernel`.

    Args:
        kernel: runs one segment.
        tape_bytes: the most that the tape of all members may take.
    """

    def __init__(self, kernel: Kernel, tape_bytes: int) -> None:
        self.kernel, self._tape_bytes = kernel, tape_bytes
        self._segments: list[Tensor] = []
        self._starts: list[tuple[Parts, Surroundings | None]] = []

    def forward(self, parameters: Mapping[str, Tensor], inputs: Tensor, last: int) -> Tensor:
        """Return the outputs of the last steps [last, M, B, H], and keep what `backward` needs.

        The result may be a view that the next pass overwrites.
        """
        self._segments = list(inputs.split(segment_lengths(len(inputs), self._most_steps(inputs))))
        self._starts = []
        on_segment = self._note_start if len(self._segments) > 1 else lambda _: None
        return self._run(parameters, self._segments, inputs.shape[2], last, on_segment)

    def fits(self, inputs: Tensor) -> bool:
        """Return whether the tape of whole sequences fits into memory, so that they need no segments."""
        return len(inputs) <= self._most_steps(inputs)

    def _most_steps(self, inputs: Tensor) -> int:
        """Return how many steps a tape of all members may have."""
        return self._tape_bytes // (self.kernel.bytes_per_step(inputs) * inputs.shape[1])

    def _note_start(self, state: Parts) -> None:
        """Keep what the next segment starts from: the state, and everything else that a plug-in's step depends on."""
        surroundings = self.kernel.surroundings() if isinstance(self.kernel, GenericKernel) else None
        self._starts.append((state, surroundings))

    @torch.no_grad()
    def last_outputs(self, parameters: Mapping[str, Tensor], inputs: Tensor, last: int) -> Tensor:
        """Return the outputs of the last steps [last, M, B, H], keeping nothing else; the result may be a view."""
        segments = list(inputs.split(STEPS_WITHOUT_TAPE))
        return self._run(parameters, segments, inputs.shape[2], last, lambda _: None)

    def _run(
        self,
        parameters: Mapping[str, Tensor],
        segments: Sequence[Tensor],
        batch_size: int,
        last: int,
        on_segment: Callable[[Parts], None],
    ) -> Tensor:
        state, pieces = self.kernel.start(parameters, batch_size), []
        remaining = sum(len(segment) for segment in segments)
        for segment in segments:
            on_segment(state)
            outputs, state = self.kernel.forward(segment, state)
            remaining -= len(segment)
            wanted = outputs[len(segment) - _share(last, remaining, len(segment)) :]
            pieces.append(wanted.clone() if len(segments) > 1 else wanted)
        return torch.cat(pieces) if len(pieces) > 1 else pieces[0]

    def backward(self, d_outputs: Tensor, with_norms: bool) -> tuple[Parts, Parts]:
        """Return the gradient of each parameter and, where `with_norms`, ||dL/ds_t|| [T, M] of each part of the state.

        `d_outputs` [S, M, B, H] is the loss's own dL/d(output) at the last S steps, the only ones that the loss reads.
        """
        d_state: Parts | None = None
        norms: list[Parts] = []
        done, upto = 0, len(d_outputs)  # steps that are done; end of the output gradients that are not
        for k in reversed(range(len(self._segments))):
            segment = self._segments[k]
            if done:
                self._run_again(segment, *self._starts[k])
            share = _share(len(d_outputs), done, len(segment))
            d_state, segment_norms = self.kernel.backward(d_outputs[upto - share : upto], d_state, with_norms)
            norms.insert(0, segment_norms)
            done, upto = done + len(segment), upto - share
        assert d_state is not None  # a sequence has a step
        joined = {part: torch.cat([segment_norms[part] for segment_norms in norms]) for part in norms[0]}
        return self.kernel.gradients(d_state), joined

    def _run_again(self, segment: Tensor, state: Parts, surroundings: Surroundings | None) -> None:
        """Fill the tape of a segment again, with the random numbers and the buffers of the forward pass."""
        if surroundings is None or not isinstance(self.kernel, GenericKernel):
            self.kernel.forward(segment, state)
            return
        with self.kernel.back_in(surroundings):
            self.kernel.forward(segment, state)


def segment_lengths(steps: int, most: int) -> list[int]:
    """Divide steps into the fewest segments of at most `most` steps; all but the first are multiples of CHUNK."""
    if steps <= most:
        return [steps]
    length = max(1, most // CHUNK * CHUNK or most)
    first = steps % length or length
    return [first] + [length] * ((steps - first) // length)


def _share(last: int, after: int, steps: int) -> int:
    """Return how many of a segment's steps are among the `last`, where `after` steps follow the segment."""
    return min(max(last - after, 0), steps)
