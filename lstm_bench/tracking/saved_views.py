"""Views of a study's runs that MLflow lists under "Views", and that a link opens: what is grouped, shown and sorted.

MLflow keeps a view as a tag of the experiment, whose value is JSON: an envelope with a name, around the state of the
page as text. Versions before 3.17 have no envelope and expect the state's keys at the top level, which has them, too.
Source: `sharedViewState` in the scripts of MLflow's pages, 3.9 and 3.17.
"""

import json
from typing import Any

from lstm_bench.tracking.shown_metrics import HORIZON, PARAMETERS, SCORE, SOLVED, SPEED, STEPS_TO_SOLVE, T50

TAG = "mlflow.sharedViewState."
BY_CELL_AND_LAG, EVERY_RUN = "by_cell_and_lag", "every_run"  # keys of views in links
NAMES = {BY_CELL_AND_LAG: "By cell and lag", EVERY_RUN: "Every run"}
COLUMNS = (
    "tags.`status`",
    *(f"metrics.`{name}`" for name in (SCORE, SOLVED, STEPS_TO_SOLVE, T50, HORIZON, PARAMETERS, SPEED)),
    *(f"params.`{name}`" for name in ("cell", "lag", "seed", "learning_rate")),
)
GROUPS = {  # the cell last: MLflow chooses the colour of a group by the end of its name
    "aggregateFunction": "average",
    "groupByKeys": [{"mode": "param", "groupByData": name} for name in ("lag", "cell")],
}


def saved_views(made: int) -> dict[str, str]:
    """Return the tags of an experiment that hold its views.

    Args:
        made: the time of their creation, in milliseconds since 1970.
    """
    return {f"{TAG}{key}": _enveloped(name, _state(key), made) for key, name in NAMES.items()}


def _state(view: str) -> dict[str, Any]:
    return {
        "orderByKey": "tags.`mlflow.runName`",
        "orderByAsc": True,
        "selectedColumns": list(COLUMNS),
        "runsHiddenMode": "SHOW_ALL",  # MLflow draws the first ten runs otherwise
        "groupBy": GROUPS if view == BY_CELL_AND_LAG else None,
    }


def _enveloped(name: str, state: dict[str, Any], made: int) -> str:
    envelope = {"name": name, "createdAt": made, "updatedAt": made, "state": json.dumps(state)}
    return json.dumps(envelope | state)
