"""Random streams: every draw of a study is a function of who draws, what for and at which step."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Generator

Role = Literal["tuning", "report"]
Purpose = Literal["initialisation", "training", "evaluation", "confirmation", "probe", "cell"]
DRAWN = 2**62  # seeds that are drawn from a stream are below this


@dataclass(frozen=True)
class Member:
    """One independently initialised, independently fed training run.

    `role` keeps tuning seeds and report seeds apart: seed 0 of one draws nothing that seed 0 of the other draws.
    """

    role: Role
    seed: int
    learning_rate: float


def generator(
    study_seed: int, member: Member, purpose: Purpose, step: int = 0, use: Purpose | None = None
) -> Generator:
    """Return a fresh generator for one draw; `use` says what a draw of a cell is for.

    The learning rate takes no part: candidates of one tuning seed start from the same weights and see the same data,
    and so do different cells at one seed, which makes their comparison a paired one.
    """
    parts = (study_seed, member.role, member.seed, purpose, step, *([] if use is None else [use]))
    digest = hashlib.blake2b("/".join(map(str, parts)).encode(), digest_size=8).digest()
    return Generator().manual_seed(int.from_bytes(digest, "little") >> 1)


def cell_streams(study_seed: int, members: Sequence[Member], use: Purpose, step: int) -> list[Generator]:
    """Return a generator a member, from which the seeds of what its cell draws are taken; see `cell_seeds`.

    Training, evaluation and confirmation at one step have streams of their own.
    """
    return [generator(study_seed, member, "cell", step, use) for member in members]


def cell_seeds(streams: Sequence[Generator]) -> list[int]:
    """Return the next seed of each stream: for one call of a population, of a batch or a part of an evaluation."""
    return [int(torch.randint(DRAWN, (), generator=stream)) for stream in streams]
