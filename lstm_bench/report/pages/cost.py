"""Where the core-seconds of a study went, and how near its training came to the limit of a core."""

from lstm_bench.analysis.wording import counted, significant
from lstm_bench.records.speed import StudyCost
from lstm_bench.report.document import Block, Entry, Paragraph, Section, Table

HEADINGS = ("Part", "Core-seconds", "Share")


def cost_section(cost: StudyCost | None) -> list[Section]:
    """Return where the core-seconds of a study went; nothing for a study whose cost is not known."""
    if cost is None:
        return []
    rows = [
        [Entry(name, sort=name), _number(seconds), _number(100 * seconds / cost.available_s, "%")]
        for name, seconds in _parts(cost).items()
    ]
    blocks: list[Block] = [Paragraph(_share_of_limit(cost)), Table([(name, "") for name in HEADINGS], rows, "Cost")]
    return [Section("Where the time went", blocks, "cost")]


def _parts(cost: StudyCost) -> dict[str, float]:
    """Return the core-seconds of each part; together they are all that were available."""
    known = cost.training_s + cost.tuning_s + cost.evaluation_s + cost.probes_s
    return {
        "training steps of reported members": cost.training_s,
        "training steps of tuning members": cost.tuning_s,
        "evaluations": cost.evaluation_s,
        "probes": cost.probes_s,
        "rest of the jobs: start, records, checkpoints": max(0.0, cost.jobs_s - known),
        "outside the jobs: planning, speed, MLflow, idle cores": max(0.0, cost.available_s - cost.jobs_s),
    }


def _number(value: float, unit: str = "") -> Entry:
    return Entry(f"{value:,.0f}{unit}" if value >= 10 else f"{value:.1f}{unit}", sort=value)


def _share_of_limit(cost: StudyCost) -> str:
    """Return how long the study took, and the share of it that the steps need at the machine's limit."""
    available = f"{counted(cost.cores, 'core')} for {cost.available_s / cost.cores:,.0f} s"
    if cost.limit_s is None:
        return f"{available}. The least time of the training steps is not known, since a cell is not of the package."
    of_steps, of_all = (cost.limit_s / seconds for seconds in (cost.training_s + cost.tuning_s, cost.available_s))
    speed = f"{significant(cost.limit.flops_per_s / 1e9)} GFLOP/s"
    nonlinearities = f"{significant(cost.limit.nonlinearities_per_s / 1e9)} billion nonlinearities a second"
    return (
        f"{available}. At the limit of a core, measured when training had ended ({speed} and {nonlinearities}), the "
        f"training steps take {significant(cost.limit_s)} core-seconds: {100 * of_steps:.0f}% of the time that they "
        f"took, and {100 * of_all:.0f}% of all. Read-out, loss, drawing of batches and update count as time but not as "
        "work."
    )
