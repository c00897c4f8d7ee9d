"""The reasons why numbers are missing, where the records give them."""

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.solving import was_trained


def why_no_speed(study: StudyData) -> str:
    """Return why a cell of a study has no speed."""
    if not was_trained(study):
        return "nothing was trained"
    return "speed=off, or it failed" if study.speed.empty else "the kernel that trained it was not timed"


def why_no_reading(study: StudyData, cell: str, probe: str, moment: str) -> str:
    """Return why a probe has no reading of a cell at a moment; "" where the records give no reason."""
    failed = study.unmeasured
    reasons = failed.loc[(failed["cell"] == cell) & (failed["probe"] == probe) & (failed["moment"] == moment)]
    if len(reasons):
        return str(reasons["reason"].iloc[0]).removeprefix(f"{probe}: ")
    is_chosen = any(moment in job.config.get("probe", {}).get(probe, {}).get("at", ()) for job in study.plan.jobs)
    return "" if is_chosen else f"probe {probe} is off"
