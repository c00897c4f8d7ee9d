"""The keys that every configuration has at its root."""

from collections.abc import Container

from lstm_bench.config.errors import ConfigError

ROOT_KEYS = (
    "study", "output", "measure", "studies", "comparison", "parameters", "task", "cell", "trainer", "probe", "tracking",
    "speed", "report", "resume", "safety", "sweeps", "budget", "budgets", "published",
)  # fmt: skip


def check_whole(settings: Container[str]) -> None:
    """Check that the settings have every key of the root.

    Raises: ConfigError for the first one that is missing.
    """
    for key in ROOT_KEYS:
        if key not in settings:
            raise ConfigError(f"{key} is missing: give it a value (a config.yaml of your own replaces all of ours)")
