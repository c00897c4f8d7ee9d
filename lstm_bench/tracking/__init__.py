"""MLflow as a mirror of the records: one flat run a member. The only package that imports mlflow.

MLflow's environment variables are set here, before anything imports it, except those that the user has set.
"""

import os

SETTINGS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",  # the mirror tries again itself: a retried "create run" can make two runs
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",  # seconds
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # two lines a run
    "MLFLOW_DISABLE_TELEMETRY": "true",  # it sends usage data, and makes the end of a process wait for that
}
for _name, _value in SETTINGS.items():
    os.environ.setdefault(_name, _value)
