"""The settings by which members are trained, with no import of torch: the configuration of a study contains them."""

from dataclasses import dataclass
from typing import Literal

KernelChoice = Literal["auto", "torch", "autograd"]
Schedule = Literal["constant", "cosine"]


@dataclass(frozen=True)
class TrainingSettings:
    """How members are trained.

    Args:
        batch_size: B, sequences a step.
        steps: optimiser steps that a member may take; with 0 it is evaluated and not trained.
        eval_every: steps from one evaluation to the next.
        eval_size: fresh sequences an evaluation.
        confirm_size: held-out sequences that confirm a solution, once.
        clip: largest global gradient norm; 0 turns clipping off.
        beta2: Adam's decay of the mean of squared gradients.
        schedule: `cosine` brings the learning rate of every member down to 0 at its last step.
        halving: whether, among members with several learning rates, the worse half of the rates is dropped half-way.
        stop_when_solved: whether a member ends when it has solved the task; else it trains to its last step.
        study_seed: root of every random stream.
        device: where tensors live.
        kernel: `auto` uses the compiled kernel where there is one and it can be built, `torch` never; `autograd` uses
            no hand-written one.
    """

    batch_size: int = 32
    steps: int = 5000
    eval_every: int = 200
    eval_size: int = 1000
    confirm_size: int = 10_000
    clip: float = 1.0
    beta2: float = 0.999
    schedule: Schedule = "constant"
    halving: bool = False
    stop_when_solved: bool = True
    study_seed: int = 0
    device: str = "cpu"
    kernel: KernelChoice = "auto"
