"""The cells of a study that a claim about "the RNN" and "the LSTM" refers to."""

from collections.abc import Iterator
from typing import Any

from lstm_bench.analysis.frames import StudyData
from lstm_bench.records.plan import JobPlan

RNN, LSTM = "lstm_bench.cells.rnn.RNNCell", "lstm_bench.cells.lstm.LSTMCell"
ABLATED_LSTM = "lstm_bench.cells.lstm_ablated.AblatedLSTMCell"


def vanilla_rnns(study: StudyData) -> list[str]:
    """Return the names of a study's vanilla RNNs: h' = tanh(W x + U h + b), of any size and start."""
    return _names(study, RNN, nonlinearity="tanh")


def lstms(study: StudyData) -> list[str]:
    """Return the names of a study's LSTMs with all gates, of any size and start."""
    return _names(study, LSTM)


def lstms_without(study: StudyData) -> dict[str, str]:
    """Return what is missing ("forget_gate") by the name of each ablated LSTM of a study."""
    return {job.cell: str(job.config["cell"].get("without")) for job in _jobs(study, ABLATED_LSTM)}


def matched_pairs(study: StudyData) -> Iterator[tuple[JobPlan, JobPlan]]:
    """Yield a job of an LSTM and one of a vanilla RNN for each pair with the same hidden size."""
    jobs = {job.cell: job for job in study.plan.jobs}
    for lstm in lstms(study):
        for rnn in vanilla_rnns(study):
            if jobs[lstm].hidden_size == jobs[rnn].hidden_size:
                yield jobs[lstm], jobs[rnn]


def jobs_by_cell(study: StudyData) -> dict[str, JobPlan]:
    """Return a job of each cell, of a study narrowed to one task: the first in its plan."""
    return {job.cell: job for job in reversed(study.plan.jobs)}


def place_of(study: StudyData) -> str:
    """Return the task and the study in words: "context in anatomy", or "copy_task" alone, since it names its task.

    `study` is narrowed to one task. If the task has several variants, its variant is named: "reber (single) in
    forget_gate".
    """
    job, name = study.plan.jobs[0], study.plan.study
    if study.variants > 1:
        return f"{job.task} ({job.variant}) in {name}"
    return name if job.task in name else f"{job.task} in {name}"


def _names(study: StudyData, target: str, **settings: Any) -> list[str]:
    return list(dict.fromkeys(job.cell for job in _jobs(study, target, **settings)))


def _jobs(study: StudyData, target: str, **settings: Any) -> Iterator[JobPlan]:
    for job in study.plan.jobs:
        cell = job.config.get("cell", {})
        if cell.get("_target_") == target and all(cell.get(key, value) == value for key, value in settings.items()):
            yield job
