"""The starts (initialisations) that an RNN and an LSTM share: each is one setting of a claim about gradients."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.gradients import WHEN, followed, longest_lag_with_flow
from lstm_bench.claims.cells import jobs_by_cell, lstms, place_of, vanilla_rnns
from lstm_bench.metrics import FINAL, INITIAL
from lstm_bench.records.plan import JobPlan


@dataclass(frozen=True, eq=False)
class SharedStart:
    """An RNN and an LSTM of one task whose recurrent weights start alike, at one moment of their training.

    Args:
        study: where both were measured, narrowed to the task.
        start: how both start: "orthogonal weights, LSTM's forget bias 3"; the RNN has the same weights and no gates.
        moment: INITIAL or FINAL.
        lag: the lag of the sequences over which the gradient was followed.
        reach: steps back to which every member's gradient was followed, in both cells.
    """

    study: StudyData
    start: str
    rnn: str
    lstm: str
    moment: str
    lag: int
    reach: int

    @property
    def case(self) -> str:
        """The start and the moment in words."""
        return f"{self.start}, {WHEN[self.moment]}"

    @property
    def place(self) -> str:
        """The task and the study."""
        return place_of(self.study)


def start_of(cell: Mapping[str, Any]) -> str:
    """Return the start that the settings of an RNN or an LSTM describe: "pytorch weights, LSTM's forget bias 1"."""
    parts = [f"{cell.get('init', 'pytorch')} weights"]
    if cell.get("forget_bias") is not None:
        parts.append(f"LSTM's forget bias {cell['forget_bias']:g}")
    if cell.get("chrono") is not None:
        parts.append("LSTM's chrono gates")
    return ", ".join(parts)


def shared_starts(studies: Sequence[StudyData]) -> list[SharedStart]:
    """Return each start of each task and moment once, from the study that followed its gradients furthest back.

    Args:
        studies: narrowed to one task each.
    """
    furthest: dict[tuple[str, ...], SharedStart] = {}
    for study in studies:
        for shared in _shared_starts(study):
            job = study.plan.jobs[0]
            key = job.task, job.variant, shared.start, shared.moment
            if key not in furthest or shared.reach > furthest[key].reach:
                furthest[key] = shared
    return list(furthest.values())


def without_partner(study: StudyData) -> list[str]:
    """Return the RNNs and LSTMs of a study narrowed to one task that belong to no shared start."""
    paired = {name for _, rnn, lstm in _pairs(study) for name in (rnn, lstm)}
    return [cell for cell in (*vanilla_rnns(study), *lstms(study)) if cell not in paired]


def _shared_starts(study: StudyData) -> Iterator[SharedStart]:
    lag = longest_lag_with_flow(study)
    if lag is None:
        return
    for moment in (INITIAL, FINAL):
        for start, rnn, lstm in _pairs(study):
            steps = [followed(study, cell, lag, moment) for cell in (rnn, lstm)]
            if all(len(of_cell) for of_cell in steps):
                reach = int(min(of_cell.min() for of_cell in steps))
                yield SharedStart(study, start, rnn, lstm, moment, lag, reach)


def _pairs(study: StudyData) -> list[tuple[str, str, str]]:
    """Return (start, RNN, LSTM) for each start: the first LSTM that has it, and the RNN nearest to it in size."""
    jobs = jobs_by_cell(study)
    rnns = [jobs[cell] for cell in vanilla_rnns(study)]
    pairs: dict[str, tuple[str, str, str]] = {}
    for cell in lstms(study):
        start = start_of(jobs[cell].config["cell"])
        alike = [rnn for rnn in rnns if _weights(rnn) == _weights(jobs[cell])]
        if alike and start not in pairs:
            nearest = min(alike, key=lambda rnn: abs(rnn.hidden_size - jobs[cell].hidden_size))
            pairs[start] = start, nearest.cell, cell
    return list(pairs.values())


def _weights(job: JobPlan) -> str:
    return str(job.config["cell"].get("init", "pytorch"))
