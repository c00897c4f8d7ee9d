"""The protocol of a study: task, baselines, budget, settings of each cell, and the definitions of the numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.settings_in_words import values_in_words
from lstm_bench.analysis.solving import was_trained
from lstm_bench.analysis.span_trials import candidate
from lstm_bench.analysis.tuning import effort, unequal_tuning
from lstm_bench.analysis.wording import significant, span_of
from lstm_bench.report.document import DASH, Block, Entry, Paragraph, Section, Table, Term, Terms, Verbatim

DEFINITIONS = {
    "T50": "The learned span: the lag at which half of the members solve the task within the budget. Solved counts are "
    "binomial with p(T) = 0.01 + 0.98 sigmoid((log2 T50 - log2 T) / s); the prior is flat on log2 T50 from half an "
    "octave below the lags tried, but not below 1, to half an octave above them, and s is log-uniform between 0.05 and "
    "2. Posterior median and central 95% interval, which covers the draw of members, not the choice of rate, lags or "
    "budget.",
    "Holds for": "The learned span in distance, the steps that a memory is held: from the step that shows a cue to "
    "that of its answer, for the farthest cue, median over sequences. Each task states its distance at each lag; T50, "
    "its interval and both posteriors of a ratio are converted by straight lines between the lags tried. Spans of "
    'different tasks can be compared in distance, never in lag. A span or a ratio is written "at least" where T50 '
    "within the whole budget is more than 10% above that within half of it and the 95% interval of their ratio is "
    "above 1.",
    "Bracket": "The longest lag that every member solved, and the shortest that none did.",
    "Steps to solve": "Kaplan-Meier median with a 95% log-log interval, at the longest lag that most members of the "
    "cell solved. Members that did not solve are censored at the budget.",
    "Cell against cell": "Each cell against the first. The mean of steps to solve counted up to the budget is the area "
    "under the Kaplan-Meier curve until then (Klein and Moeschberger 2003). Probability of improvement: the share of "
    "pairs of members, one of each cell, in which the cell's solves sooner; ties, and pairs that never solve, count "
    "half; mean over the lags at which anybody solved (Agarwal et al. 2021). p: log-rank test, two-sided, permuting "
    "the members within each lag. Holm's correction: one family for all tests at single lags of a task, one for those "
    "over all lags.",
    "Gradient flow": "exp of the mean over a batch of ln ||d(v.h at the last step) / d(state k steps back)||, v a "
    "random unit vector, the state h or h and c together, in float64. Decay: exp of the slope of its logarithm, a "
    "factor a step; geometric mean over members with a 95% interval from Student's t on the logarithm. Horizon: steps "
    "until it falls below 1e-3, or 1/e, for the first time; Kaplan-Meier median over members with a 95% log-log "
    "interval; a member whose sequence ends first is censored there. Through one part of the state alone: the product "
    "of that part's own Jacobians, the others held fixed.",
    "Jacobian": "J_k, the derivative of the whole state by the state k steps before, on one sequence. Its spectral "
    "norm is the most that any gradient keeps over k steps; its Frobenius norm over the root of the number of units in "
    "the state is the root mean square over all directions.",
    "Memory capacity": "MC, the sum over k of r^2, chance subtracted, with which the input k steps ago can be read off "
    "the whole state by ridge regression on held-out streams, the state driven by independent uniform input (Jaeger "
    "2001). At most the units of the state. Its span is the largest k with r^2 of at least 1/2.",
    "Forgetting half-life": "The distance from a cue to its answer at which a trained member's own recall falls to one "
    "half, beyond the distance where it is highest; 0 where it is below one half at every distance. Recall is 1 for "
    "all of the cue and 0 for what no memory reaches: on copy accuracy above chance, on adding the squared partial "
    "correlation of the answer with one marked value given the other. Kaplan-Meier median with a 95% log-log interval.",
    "Lyapunov horizon": "-1 over the top Lyapunov exponent, which is the mean of ln |R| of QR decompositions of the "
    "state's Jacobians along sequences of the task: steps until a small disturbance of the state is down to 1/e. "
    "Where the exponent is not negative, disturbances do not die out.",
    "Implied window": "On adding, T (1 - 6 MSE) of the last evaluation: the last k of T steps that a perfect memory "
    "would have to see for the same error; at most T, and below 0 for an error above that of no memory.",
    "Length generalisation": "The task's score of a member that solved its lag, at multiples of that lag and with no "
    "training there; interquartile mean over members of all lags, with a bootstrap interval whose strata are the "
    "lags.",
    "Time constant": "-1 / ln of a unit's mean value, over sequences and steps, of the gate that keeps its state: "
    "steps until what it holds is down to 1/e.",
    "Speed": "Forward, backward, clipping and optimiser step with nothing else of the study running; warm-up excluded. "
    "A step trains the members of a job together in one process: sequences a second are those of all of them, peak "
    "memory is the growth of the process. Cells are compared by a kernel that both ran: the one that trained them "
    "where it is the same, else autograd over each cell's own step.",
    "Normalised loss": "A loss over what the best predictor without memory reaches: 1 is no memory, 0 is perfect.",
}


def definitions_section(definitions: Mapping[str, str], methods: Sequence[Term] = ()) -> Section:
    """Return the section of definitions, with the methods of figures, see `method_terms`."""
    terms = Terms([Term(name, (Verbatim(text),)) for name, text in definitions.items()])
    by_figure = [Section("Figure by figure", [Terms(methods)])] if methods else []
    return Section("What the numbers mean", [terms, *by_figure], "definitions")


def protocol_section(tasks: Sequence[StudyData]) -> Section:
    """Return the section with the protocol of each task of a study."""
    if len(tasks) == 1:
        return Section("Protocol", task_protocol(tasks[0]), "protocol")
    return Section("Protocol", [Section(task.task, task_protocol(task)) for task in tasks], "protocol")


def task_protocol(study: StudyData) -> list[Block]:
    """Return the protocol of a study narrowed to one task, and the settings of each cell."""
    terms = Terms([Term(name, text) for name, text in protocol(study)])
    return [terms, Paragraph("How each cell is set up.", "note"), settings_table(study)]


def protocol(study: StudyData) -> list[tuple[str, str]]:
    """Return the protocol of a study narrowed to one task, as (heading, text)."""
    job = study.plan.jobs[0]
    trainer = job.config.get("trainer", {})
    twice = "at two evaluations in a row, then confirmed once on held-out sequences."
    parts = [
        ("Task", f"{job.description} Variant: {job.variant}. Lags: {', '.join(map(str, study.lags))}."),
        ("Baselines", _baselines(study)),
        ("Solved", f"{job.solved_rule[0].upper()}{job.solved_rule[1:]}, {twice}"),
        ("Budget", _budget(study, trainer)),
        ("Learning rates", _rates(study)),
        ("Members", _members(study)),
    ]
    return parts


def _baselines(study: StudyData) -> str:
    return "Without memory: " + "; ".join(_baseline(study, name) for name in study.plan.jobs[0].baselines) + "."


def _baseline(study: StudyData, name: str) -> str:
    by_lag = {job.lag: job.baselines[name] for job in study.plan.jobs if name in job.baselines}
    first, last = (significant(by_lag[lag], 4) for lag in (min(by_lag), max(by_lag)))
    ends = first if first == last else f"{first} at lag {min(by_lag)} to {last} at lag {max(by_lag)}"
    unit = study.plan.jobs[0].units.get(name, "")
    return f"{name} {ends}{'' if unit in ('share', '') else f' ({unit})'}"


def _budget(study: StudyData, trainer: Mapping[str, Any]) -> str:
    jobs = study.plan.jobs
    if not was_trained(study):
        return "None: members were measured at initialisation."
    text = (
        f"{span_of(job.steps for job in jobs)} Adam steps of {span_of(job.batch_size for job in jobs)} fresh sequences"
    )
    if {"eval_every", "eval_size", "confirm_size", "clip"} <= set(trainer):
        clip = f"clipped to norm {trainer['clip']:g}" if trainer["clip"] else "not clipped"
        text += (
            f", gradients {clip}; evaluated every {trainer['eval_every']:,} steps on {trainer['eval_size']:,} "
            f"sequences, confirmed on {trainer['confirm_size']:,}"
        )
    if not trainer.get("stop_when_solved", True):
        text += "; members that solve train on to the last step"
    return f"{text}. Budget chosen in the experiment: {study.plan.budget}." if study.plan.budget else f"{text}."


def _rates(study: StudyData) -> str:
    """Return the rates and trials that every cell had, or those of each cell where they differ."""
    if not was_trained(study):
        return "None was used."
    job = study.plan.jobs[0]
    tuning = effort(candidate(study, job))
    if unequal := unequal_tuning(study):
        return " ".join(unequal)
    if not tuning.trials:
        return f"{tuning.rates[0]:g} for every cell; nothing was tuned."
    text = (
        f"The same for every cell: {tuning.text}. For each cell and lag the rate with most members solved is chosen; "
        "of several, that with the fewest mean steps to solve, counted up to the budget, then that with the lowest "
        "loss. The report uses other seeds."
    )
    return f"{text} {ON_OCTAVES}" if study.plan.searches else text


ON_OCTAVES = (
    "Where lags were found by a search, rates are tuned at whole octaves of the lag, upwards to the first where no "
    "tuning member leaves the baseline; a lag between two tuned octaves takes the rate that is best by the tuning "
    "members of both, any other that of the nearest tuned octave."
)


def _members(study: StudyData) -> str:
    n = span_of(len(job.seeds) for job in study.plan.jobs)
    return (
        f"{n} a cell and lag, each with its own initialisation and data; one seed means the same data for every cell. "
        "Intervals: Wilson for shares, quartiles where no other is named."
    )


def settings_table(study: StudyData) -> Table:
    """Return a table of the settings of each cell; a value that follows the lag is shown as a range."""
    by_cell = {cell: _settings(study, cell) for cell in study.cells}
    names = list(dict.fromkeys(name for settings in by_cell.values() for name in settings))
    rows = [
        [Entry(cell, sort=cell), *(Entry(settings.get(name, DASH), sort=settings.get(name, "")) for name in names)]
        for cell, settings in by_cell.items()
    ]
    return Table([("Cell", ""), *((name, "") for name in names)], rows, "Settings", is_prose=True)


def _settings(study: StudyData, cell: str) -> dict[str, str]:
    jobs = sorted((job for job in study.plan.jobs if job.cell == cell), key=lambda job: job.lag)
    configs = [job.config.get("cell", {}) | job.cell_defaults for job in jobs]
    settings = {_heading(name): _over_lags([config.get(name) for config in configs]) for name in configs[0]}
    return settings | {"kernel": _over_lags([job.kernel for job in jobs])}


def _heading(name: str) -> str:
    return "class" if name == "_target_" else name


def _over_lags(values: Sequence[Any]) -> str:
    differ = any(value != values[0] for value in values)
    return values_in_words(values, most=2) + (", with the lag" if differ else "")
