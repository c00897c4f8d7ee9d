"""The sweeps of an experiment, and its budgets, which run less of it.

sweeps:            # each is a product of the values between its commas; the study has the jobs of all
  - {task.lag: "10,20", cell: "lstm,rnn"}
  - {task: adding, cell: lstm}
budget: laptop     # the name of one of the budgets
budgets:
  laptop:
    cut: lags above 100 are left out   # printed before the study begins
    set: {trainer.steps: 2000}         # for every sweep
    sweeps: [...]                      # in place of those above
"""

from typing import Any

from lstm_bench.config.errors import not_allowed
from lstm_bench.config.schema import BudgetChoice, RootConfig

OF_A_BUDGET = {"cut": str, "set": dict, "sweeps": list}


def chosen_budget(root: RootConfig) -> BudgetChoice | None:
    """Return the chosen budget, None where the experiment has no budgets.

    Raises: ConfigError for a budget that the experiment does not have.
    """
    node = _budget(root)
    return None if node is None else BudgetChoice(str(root.budget), str(node.get("cut", "")))


def sweeps(root: RootConfig) -> list[dict[str, Any]]:
    """Return the settings of each sweep of a composed configuration, or one empty sweep where it has none.

    Raises: ConfigError for a value of another form.
    """
    node = _budget(root) or {}
    entries = node.get("sweeps") or root.sweeps or [{}]
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise not_allowed("sweeps", entries, 'a list of what each sweep sets, as in [{task.lag: "10,20"}]')
    return [{**node.get("set", {}), **entry} for entry in entries]


def _budget(root: RootConfig) -> dict[str, Any] | None:
    budgets, chosen = root.budgets, root.budget
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
