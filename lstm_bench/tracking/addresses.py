"""Addresses of MLflow as a person reads and opens them."""

import re
import shlex

CHART_VIEW = "workflowType=machine_learning&compareRunsMode=CHART"  # MLflow 3.17 opens its GenAI page without it
LOCAL_UI = "http://127.0.0.1:5000"  # of `mlflow ui`, unless it is told otherwise
CREDENTIALS = re.compile(r"(?<=://)[^/@]*@")


def without_credentials(uri: str) -> str:
    """Return an address without the name and password of its user, to be shown."""
    return CREDENTIALS.sub("", uri)


def others_line(n_runs: int) -> str:
    """Return that the name of a study is in use already, by runs of other folders of records."""
    runs = "1 run of another folder of records is" if n_runs == 1 else f"{n_runs} runs of other folders of records are"
    return f"{runs} there under this name, and left alone; study=ANOTHER_NAME keeps them apart in charts"


def how_to_look(uri: str, experiment: str) -> list[str]:
    """Return how to open an experiment's runs in MLflow's chart view: a link, and before it the command that serves it.

    An address with a password is given without it. A store that has pages of its own elsewhere is named.
    """
    page = f"/#/experiments/{experiment}/runs?{CHART_VIEW}"
    shown = without_credentials(uri)
    if uri.lower().startswith(("http://", "https://")):
        return [f"{shown.rstrip('/')}{page}"]
    if uri.partition(":")[0] in ("databricks", "databricks-uc", "uc"):
        return [f"experiment {experiment} of {shown}"]
    return [f"mlflow ui --backend-store-uri {shlex.quote(shown)}", f"{LOCAL_UI}{page}"]
