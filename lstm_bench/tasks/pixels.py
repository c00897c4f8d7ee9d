"""The base of tasks that read an image pixel by pixel and name its class at the last."""

from abc import abstractmethod
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, Literal, Self, get_args

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from lstm_bench.checks import at_least, one_of
from lstm_bench.tasks.classes import CERTAIN, ClassAnswers, above_chance
from lstm_bench.tasks.contract import Batch, log_spaced

Order = Literal["rows", "permuted"]
CLASSES = 10
DISTANCES = 8


@dataclass(frozen=True, eq=False)
class Images:
    """Grey images with their classes: pixels [N, P], whole numbers from 0 to `white`; labels [N]."""

    pixels: Tensor
    labels: Tensor
    white: int

    @cached_property
    def _keys(self) -> Tensor:
        """Random odd weights [P]: the weighted sum of its pixels is an image's number, different for each image."""
        largest = 2**62
        return torch.randint(largest, (self.pixels.shape[1],), generator=Generator().manual_seed(0)) | 1

    @cached_property
    def _sorted(self) -> tuple[Tensor, Tensor]:
        numbers, order = self._numbers(self.pixels).sort()
        return numbers, self.labels[order]

    def _numbers(self, pixels: Tensor) -> Tensor:
        return pixels.long() @ self._keys  # modulo 2^64

    def labels_of(self, pixels: Tensor) -> Tensor:
        """Return the labels [...] of images [..., P] that are among these; any other image gets an arbitrary label."""
        numbers, labels = self._sorted
        place = torch.searchsorted(numbers, self._numbers(pixels)).clamp_max(len(numbers) - 1)
        return labels[place]


@dataclass(frozen=True, kw_only=True)
class PixelTask(ClassAnswers):
    """Read the P pixels of an image, one per step, and name at the last which of ten digits it shows.

    Pixels come row by row, or in one random order that is the same for all images. Values go from 0 to 1. The images
    of training and those of evaluation are two sets, fixed; a batch is drawn from its set with replacement.

    The task has one lag, P, and no distance: it is unknown which pixels an answer needs. Forgetting is measured after
    the image: `at_distance(d)` has d steps of 0, which is the background, between the last pixel and the answer, and
    `recall` is the accuracy over chance, (a - c) / (1 - c), with c the share of the most frequent class.

    Memoryless baselines (counted): the best predictor that sees the last pixel v alone has the loss H(class | v) and
    the accuracy E max P(class | v), both over the images of evaluation.
    Solved: accuracy >= 0.9 and loss <= a fifth of its baseline.

    Args:
        lag: always P; a setting so that cells can refer to it.
        order: rows, or permuted.
        permutation_seed: seed of the order of the pixels where that is permuted.
        cue_distance: d, steps from the last pixel to the answer. None: 0.

    Raises: ValueError for a lag other than P, an unknown order, a permutation_seed below 0 or a cue_distance below 1.
    Shapes: inputs [P, B, 1], or [P + d, B, 1]; targets [1, B].
    """

    lag: int
    order: Order = "rows"
    permutation_seed: int = 0
    cue_distance: int | None = None
    is_held_out: bool = field(default=False, init=False, repr=False)

    input_size: ClassVar = 1
    output_size: ClassVar = CLASSES
    predicted_steps: ClassVar = 1
    least_accuracy: ClassVar = 0.9
    solved_share: ClassVar = 0.2
    softer: ClassVar = {"accuracy": (0.8, 0.6)}

    def __post_init__(self) -> None:
        pixels = self.images[0].pixels.shape[1]
        if self.lag != pixels:
            raise ValueError(f"lag={self.lag}: allowed: {pixels}, the pixels of an image")
        one_of(get_args(Order), order=self.order)
        at_least(0, permutation_seed=self.permutation_seed)
        if self.cue_distance is not None:
            at_least(1, cue_distance=self.cue_distance)

    @property
    @abstractmethod
    def images(self) -> tuple[Images, Images]:
        """The images for training and those for evaluation."""

    @property
    def length(self) -> int:
        """P, or P + d."""
        return self.lag + (self.cue_distance or 0)

    @property
    def variant(self) -> str:
        """The order of the pixels."""
        return self.order if self.order == "rows" else f"{self.order}, seed {self.permutation_seed}"

    @cached_property
    def _pixel_order(self) -> Tensor:
        """The pixel that each step shows [P]."""
        if self.order == "rows":
            return torch.arange(self.lag)
        return torch.randperm(self.lag, generator=Generator().manual_seed(self.permutation_seed))

    @cached_property
    def baselines(self) -> dict[str, float]:
        """The metrics of the best predictor that sees the last step alone, over the images of evaluation."""
        _, images = self.images
        last = images.pixels[:, self._pixel_order[-1]].long()
        if self.cue_distance is not None:
            last = torch.zeros_like(last)
        counts = (last * CLASSES + images.labels).bincount(minlength=CLASSES * (images.white + 1))
        by_value = counts.view(-1, CLASSES).double()
        shares = by_value / by_value.sum(dim=1, keepdim=True).clamp_min(1)
        surprise = -(by_value * shares.clamp_min(1e-300).log()).sum()
        n_images = float(len(last))
        return {"loss": float(surprise) / n_images, "accuracy": float(by_value.amax(dim=1).sum()) / n_images}

    def held_out(self) -> Self:
        """Return the same task with the images for evaluation."""
        if self.is_held_out:
            return self
        task = copy(self)
        object.__setattr__(task, "is_held_out", True)
        return task

    def sample(self, batch_size: int, generator: Generator) -> Batch:
        """Draw images for training, or those for evaluation after `held_out`."""
        images = self.images[self.is_held_out]
        drawn = torch.randint(len(images.labels), (batch_size,), generator=generator)
        values = images.pixels[drawn][:, self._pixel_order].T.float() / images.white
        inputs = F.pad(values, (0, 0, 0, self.length - self.lag)).unsqueeze(-1)
        return Batch(inputs, images.labels[drawn].unsqueeze(0))

    def oracle(self, inputs: Tensor) -> Tensor:
        """Look the image up among those that are drawn here, and predict its class with certainty."""
        shown = inputs[: self.lag].squeeze(-1).movedim(0, -1).cpu()
        images = self.images[self.is_held_out]
        pixels = (shown * images.white).round().long()[..., self._pixel_order.argsort()]
        labels = images.labels_of(pixels).to(inputs.device)
        return F.one_hot(labels, CLASSES).to(inputs.dtype).unsqueeze(0) * CERTAIN

    @property
    def cue_distances(self) -> list[int]:
        """About eight from 1 to P, evenly spread on a logarithmic scale."""
        return log_spaced(self.lag, DISTANCES)

    def at_lag(self, lag: int) -> Self:
        """Return this task without steps after the image.

        Raises: ValueError for a lag other than P.
        """
        return self._like_this(lag=lag, cue_distance=None)

    def at_distance(self, distance: int) -> Self:
        """Return the same task with `distance` steps from the last pixel to the answer."""
        return self._like_this(cue_distance=distance)

    def _like_this(self, **settings: Any) -> Self:
        task = replace(self, **settings)
        return task.held_out() if self.is_held_out else task

    def recall(self, predictions: Tensor, batch: Batch) -> Tensor:
        """Return (a - c) / (1 - c) for the accuracy a and the share c of the most frequent class, [1]."""
        _, images = self.images
        chance = float(images.labels.bincount().max()) / len(images.labels)
        return above_chance((predictions.argmax(dim=-1) == batch.targets).double().mean(dim=-1), chance)
