"""Check that an MLflow server answers and accepts the user, without importing MLflow."""

import os
import ssl
from base64 import b64encode
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from lstm_bench.config.errors import ConfigError

USER, PASSWORD, TOKEN = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"  # MLflow's own
PATH = "/api/2.0/mlflow/experiments/search?max_results=1"
ANSWER_S = 10.0
REFUSED = (401, 403)
ELSEWHERE = (".mlflow/credentials", ".netrc")  # files of the home folder in which MLflow finds a password, too


def check_server(key: str, address: str | None) -> None:
    """Check that the MLflow server at an http address answers and accepts the user; any other address passes.

    Raises: ConfigError where nothing answers, or the user or the password is wrong.
    """
    if address is None or urlsplit(address).scheme not in ("http", "https") or urlsplit(address).username:
        return
    try:
        with urlopen(Request(address.rstrip("/") + PATH, headers=_credentials()), timeout=ANSWER_S):
            pass
    except HTTPError as error:
        error.close()
        if error.code in REFUSED and not _may_be_elsewhere():
            raise ConfigError(
                f"{key}={address}: the server refuses the user ({error.code}): allowed: {USER} and {PASSWORD}, "
                f"or {TOKEN}, in the environment"
            ) from error
    except (OSError, ValueError) as error:
        reason = error.reason if isinstance(error, URLError) else error
        if not isinstance(reason, ssl.SSLError):  # MLflow may be configured to trust it
            raise ConfigError(
                f"{key}={address}: no MLflow server answers ({reason}): allowed: a running server; with "
                "tracking=off a study runs without MLflow, and the same command without tracking=off writes to it later"
            ) from error


def _credentials() -> dict[str, str]:
    """Return the header by which MLflow authenticates a user, too; empty without credentials."""
    if user := os.environ.get(USER):
        return {"Authorization": "Basic " + b64encode(f"{user}:{os.environ.get(PASSWORD, '')}".encode()).decode()}
    token = os.environ.get(TOKEN)
    return {"Authorization": f"Bearer {token}"} if token else {}


def _may_be_elsewhere() -> bool:
    return not _credentials() and any((Path.home() / name).exists() for name in ELSEWHERE)
