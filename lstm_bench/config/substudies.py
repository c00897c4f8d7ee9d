"""The studies that a study of claims is composed of."""

from collections.abc import Mapping

from lstm_bench.config.composing import Invocation

KEPT_BY_THE_WHOLE = ("experiment", "study", "studies", "measure")


def parts_of(studies: Mapping[str, str], invocation: Invocation) -> list[Invocation]:
    """Return the invocation of each study by its name.

    Args:
        studies: overrides, separated by spaces, by the name of the study.
        invocation: what was asked of the whole: its overrides hold for every part, in place of a part's own for the
            same key, but for those that say which claims study it is.
    """
    asked = [override for override in invocation.overrides if _key(override).split(".")[0] not in KEPT_BY_THE_WHOLE]
    keys = {_key(override) for override in asked}
    return [
        Invocation(
            (*[own for own in overrides.split() if _key(own) not in keys], f"study={name}", *asked),
            invocation.config_dir,
        )
        for name, overrides in studies.items()
    ]


def _key(override: str) -> str:
    return override.partition("=")[0].lstrip("+~")
