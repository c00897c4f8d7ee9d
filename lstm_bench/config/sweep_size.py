"""Refuse a sweep with too many jobs before it is written out, which takes memory for each."""

from collections.abc import Sequence
from itertools import islice

from hydra.core.override_parser.types import Override

from lstm_bench.config.errors import not_allowed

MOST_JOBS = 10_000


def check_sweep_size(overrides: Sequence[Override]) -> None:
    """Check how many jobs a sweep has: the product of how many values each key has.

    Raises: ConfigError for more than MOST_JOBS; it names the key whose values make them too many.
    """
    jobs = 1
    for override in overrides:
        if override.is_discrete_sweep():
            jobs *= sum(1 for _ in islice(override.sweep_string_iterator(), MOST_JOBS + 1))
            if jobs > MOST_JOBS:
                value = (override.input_line or "").partition("=")[2]
                raise not_allowed(override.key_or_group, value, f"a sweep of at most {MOST_JOBS:,} jobs")
