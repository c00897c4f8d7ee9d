"""What an experiment runs: one sweep or several, and less of it within a smaller budget.

sweeps:            # each a product of what its commas list; the study has the jobs of all
  - {task.lag: "10,20", cell: "lstm,rnn"}
  - {task: adding, cell: lstm}
budget: laptop     # which of the budgets
budgets:
  laptop:
    cut: lags above 100 are left out   # said before the study begins
    set: {trainer.steps: 2000}         # for every sweep
    sweeps: [...]                      # in place of those above
"""

from collections.abc import Mapping
from typing import Any

from lstm_bench.config.errors import not_allowed
from lstm_bench.config.schema import Budget

OF_A_BUDGET = {"cut": str, "set": dict, "sweeps": list}


def chosen_budget(config: Mapping[str, Any]) -> Budget | None:
    """Return the budget that was chosen, None where there is none to choose.

    Raises: ConfigError for one that the experiment does not have.
    """
    node = _budget(config)
    return None if node is None else Budget(str(config["budget"]), str(node.get("cut", "")))


def sweeps(config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what each sweep of a composed configuration sets and sweeps, one empty sweep where nothing is said.

    Raises: ConfigError for a value of another form.
    """
    node = _budget(config) or {}
    found = node.get("sweeps") or config["sweeps"] or [{}]
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise not_allowed("sweeps", found, 'a list of what each sweep sets, as in [{task.lag: "10,20"}]')
    return [{**node.get("set", {}), **one} for one in found]


def _budget(config: Mapping[str, Any]) -> dict[str, Any] | None:
    budgets, chosen = config["budgets"], config["budget"]
    if not isinstance(budgets, dict) or not all(_is_budget(node) for node in budgets.values()):
        raise not_allowed("budgets", budgets, f"by name, each with some of the keys {', '.join(OF_A_BUDGET)}")
    if chosen is None and not budgets:
        return None
    if chosen not in budgets:
        raise not_allowed("budget", chosen, ", ".join(budgets) or "null, as this experiment has no budgets")
    node: dict[str, Any] = budgets[chosen]
    return node


def _is_budget(node: Any) -> bool:
    return isinstance(node, dict) and all(isinstance(node[key], OF_A_BUDGET.get(key, ())) for key in node)
