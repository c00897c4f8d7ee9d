"""Random streams: every draw of a study is a function of who draws, what for and at which step."""

import hashlib
from dataclasses import dataclass
from typing import Literal

from torch import Generator

Role = Literal["tuning", "report"]
Purpose = Literal["initialisation", "training", "evaluation", "confirmation", "probe", "cell"]


@dataclass(frozen=True)
class Member:
    """One independently initialised, independently fed training run.

    `role` keeps tuning seeds and report seeds apart: seed 0 of one draws nothing that seed 0 of the other draws.
    """

    role: Role
    seed: int
    learning_rate: float


def generator(study_seed: int, member: Member, purpose: Purpose, step: int = 0) -> Generator:
    """Return a fresh generator for one draw.

    The learning rate takes no part: candidates of one tuning seed start from the same weights and see the same data,
    and so do different cells at one seed, which makes their comparison a paired one.
    """
    key = f"{study_seed}/{member.role}/{member.seed}/{purpose}/{step}".encode()
    digest = hashlib.blake2b(key, digest_size=8).digest()
    return Generator().manual_seed(int.from_bytes(digest, "little") >> 1)
