"""The record of a member, field by field, and how a member or a job ends.

SCHEMA is raised when a field of any record changes its meaning.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from pydantic import ConfigDict, with_config

from lstm_bench.metrics import Metric

SCHEMA = 1
NO_OTHER_FIELDS = ConfigDict(extra="forbid")  # when read back
ROLES = ("report", "tuning")
FAILED = ("out_of_memory", "failed")
WITHOUT_RESULT = ("running", "interrupted", *FAILED)  # not ended yet, or ended by a failure
STATUSES = ("solved", "learning", "plateau", "diverged", "dropped", "untrained", *WITHOUT_RESULT)


class JobOutcome(NamedTuple):
    """How a job ended: "done", or a status of WITHOUT_RESULT with the reason."""

    status: str
    reason: str


DONE = JobOutcome("done", "")


@with_config(NO_OTHER_FIELDS)
@dataclass(frozen=True)
class MemberRecord:
    """The results of one member; `metrics` are the last values, `declarations` says what each of them is, by its key.

    `role` is one of ROLES, `status` one of STATUSES. `error` is the reason why there is no result, or why a member
    diverged: one line, or the traceback of an exception.

    `files` is the manifest: the SHA-256 of each file next to the record, by name; `optimiser` is that of Adam's moments
    at the end. `sha256` is that of the record itself, with this field empty.

    `declarations` is empty in records of earlier versions; `former_metrics.declarations_of` reads both.

    `probe_errors` has one line by probe and moment for each reading that failed.

    Times, in seconds, are the member's share of those of its job's process: processor time, or wall time on a GPU;
    `train_s` includes `evaluate_s`.
    """

    identity: str
    job: str
    role: str
    seed: int
    learning_rate: float | None
    status: str
    steps: int = 0
    steps_to_solve: int | None = None
    train_s: float = 0.0
    metrics: dict[str, float] = field(default_factory=dict)
    declarations: dict[str, Metric] = field(default_factory=dict)
    probe_errors: dict[str, str] = field(default_factory=dict)
    error: str | None = None
    finished: str = ""
    files: dict[str, str] = field(default_factory=dict)
    optimiser: str | None = None
    evaluate_s: float = 0.0
    probe_s: float = 0.0
    sha256: str = ""
    schema: int = SCHEMA
