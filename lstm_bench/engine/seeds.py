"""Random streams: every draw of a study is a function of the member, the purpose and the step."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Generator

Role = Literal["tuning", "report"]
Purpose = Literal["initialisation", "training", "evaluation", "confirmation", "probe", "cell"]
DRAWN = 2**62  # upper bound of seeds that are drawn from a stream


@dataclass(frozen=True)
class Member:
    """One independently initialised, independently fed training run.

    `role` separates tuning seeds from report seeds: seed 0 of one role shares no draw with seed 0 of the other.
    """

    role: Role
    seed: int
    learning_rate: float


def generator(
    study_seed: int, member: Member, purpose: Purpose, step: int = 0, use: Purpose | None = None
) -> Generator:
    """Return a fresh generator for one draw; `use` is the purpose of a draw that a cell makes.

    The learning rate does not enter: candidates of one tuning seed start from the same weights and see the same data.
    Different cells at one seed see the same data too, which makes their comparison a paired one.
    """
    parts = (study_seed, member.role, member.seed, purpose, step, *([] if use is None else [use]))
    digest = hashlib.blake2b("/".join(map(str, parts)).encode(), digest_size=8).digest()
    return Generator().manual_seed(int.from_bytes(digest, "little") >> 1)


def cell_streams(study_seed: int, members: Sequence[Member], use: Purpose, step: int) -> list[Generator]:
    """Return one generator a member, which draws the seeds of its cell's draws; see `cell_seeds`.

    Training, evaluation and confirmation at one step have streams of their own.
    """
    return [generator(study_seed, member, "cell", step, use) for member in members]


def cell_seeds(streams: Sequence[Generator]) -> list[int]:
    """Return the next seed of each stream, for one call of a population on a batch or a piece of an evaluation."""
    return [int(torch.randint(DRAWN, (), generator=stream)) for stream in streams]
