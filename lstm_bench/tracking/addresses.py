"""Addresses of MLflow as a person reads and opens them."""

import re
import shlex
from urllib.parse import quote

from lstm_bench.tracking.saved_views import BY_CELL_AND_LAG, EVERY_RUN

TRAINING = "workflowType=machine_learning"  # MLflow 3.17 opens its GenAI page without it
LOCAL_UI = "http://127.0.0.1:5000"  # the default of `mlflow ui`
CREDENTIALS = re.compile(r"(?<=://)[^/@]*@")


def without_credentials(uri: str) -> str:
    """Return an address without user name and password, for display."""
    return CREDENTIALS.sub("", uri)


def others_line(n_runs: int) -> str:
    """Return a line on the runs of other folders of records that are stored under the name of a study."""
    runs = "1 run of another folder of records is" if n_runs == 1 else f"{n_runs} runs of other folders of records are"
    return f"{runs} also stored under this name and left unchanged; study=ANOTHER_NAME keeps them apart in charts"


def charts(experiment: str) -> str:
    """Return the page of MLflow with an experiment's charts, each a mean over the members of a cell at a lag."""
    return f"#/experiments/{experiment}/runs?{TRAINING}&compareRunsMode=CHART&viewStateShareKey={BY_CELL_AND_LAG}"


def table_of_runs(experiment: str) -> str:
    """Return the page with a row a run, and what is compared in columns."""
    return f"#/experiments/{experiment}/runs?{TRAINING}&viewStateShareKey={EVERY_RUN}"


def file_page(experiment: str, run: str, file: str) -> str:
    """Return the page that shows a file of a run."""
    return f"#/experiments/{experiment}/runs/{run}/artifacts/{quote(file)}?{TRAINING}"


def file_itself(run: str, file: str) -> str:
    """Return the address of a file of a run itself, relative to MLflow's pages."""
    return f"get-artifact?path={quote(file, safe='')}&run_uuid={run}"


def how_to_look(uri: str, experiment: str) -> list[str]:
    """Return how to open an experiment's runs in MLflow's chart view: a link, after the command that serves it, if any.

    Addresses are shown without credentials. A store with its own pages elsewhere, such as Databricks, is only named.
    """
    page = f"/{charts(experiment)}"
    shown = without_credentials(uri)
    if uri.lower().startswith(("http://", "https://")):
        return [f"{shown.rstrip('/')}{page}"]
    if uri.partition(":")[0] in ("databricks", "databricks-uc", "uc"):
        return [f"experiment {experiment} of {shown}"]
    return [f"mlflow ui --backend-store-uri {shlex.quote(shown)}", f"{LOCAL_UI}{page}"]
