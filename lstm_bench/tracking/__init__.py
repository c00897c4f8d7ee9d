"""MLflow as a mirror of the records: one flat run a member. The only room that imports mlflow.

What MLflow reads from the environment is set here, before anything imports it, and only where the user has not.
"""

import os

SETTINGS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",  # we try again ourselves: a retried "create run" can make two of one
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",  # seconds
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # two lines a run
    "MLFLOW_DISABLE_TELEMETRY": "true",  # it calls home, and makes the end of a process wait for that
}
for _name, _value in SETTINGS.items():
    os.environ.setdefault(_name, _value)
