"""A study ends with what opens its runs in MLflow's charts."""

import pytest

from lstm_bench.tracking.addresses import how_to_look

PAGE = "/#/experiments/7/runs?workflowType=machine_learning&compareRunsMode=CHART&viewStateShareKey=by_cell_and_lag"


@pytest.mark.parametrize(
    ("uri", "lines"),
    [
        ("http://h:5000", [f"http://h:5000{PAGE}"]),
        ("https://anna:secret@h/mlflow/", [f"https://h/mlflow{PAGE}"]),
        (
            "sqlite:////a folder/mlflow.db",
            ["mlflow ui --backend-store-uri 'sqlite:////a folder/mlflow.db'", f"http://127.0.0.1:5000{PAGE}"],
        ),
        ("postgresql://u:p@h/d", ["mlflow ui --backend-store-uri postgresql://h/d", f"http://127.0.0.1:5000{PAGE}"]),
        ("databricks", ["experiment 7 of databricks"]),
    ],
)
def test_a_link_opens_the_charts_of_the_runs(uri, lines):
    assert how_to_look(uri, "7") == lines
