"""Compose the studies that a study of claims runs."""

from collections.abc import Mapping

from lstm_bench.config.composing import Invocation

KEPT_BY_THE_WHOLE = ("experiment", "study", "studies", "measure")


def substudy_invocations(studies: Mapping[str, str], invocation: Invocation) -> list[Invocation]:
    """Return the invocation of each study by its name.

    Args:
        studies: overrides, separated by spaces, by the name of the study.
        invocation: the command of the study of claims. Its overrides hold for every part, in place of the part's own
            for the same key, except for KEPT_BY_THE_WHOLE.
    """
    shared = [override for override in invocation.overrides if _key(override).split(".")[0] not in KEPT_BY_THE_WHOLE]
    keys = {_key(override) for override in shared}
    return [
        Invocation(
            (*[override for override in overrides.split() if _key(override) not in keys], f"study={name}", *shared),
            invocation.config_dir,
        )
        for name, overrides in studies.items()
    ]


def _key(override: str) -> str:
    return override.partition("=")[0].lstrip("+~")
