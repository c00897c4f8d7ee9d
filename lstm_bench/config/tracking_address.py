"""Check which addresses MLflow can open, without importing MLflow."""

import os
from importlib.metadata import entry_points

from lstm_bench.config.errors import not_allowed

SCHEMES = ("http", "https", "sqlite", "postgresql", "mysql", "mssql", "databricks", "databricks-uc", "uc")
A_FOLDER = ("", "file")
FOLDERS_ALLOWED = "MLFLOW_ALLOW_FILE_STORE"  # MLflow's own variable, without which it refuses folders
PLUG_INS = "mlflow.tracking_store"
FROM_ENVIRONMENT = "MLFLOW_TRACKING_URI"  # MLflow's own variable


def address_from_environment() -> str | None:
    """Return the address that MLflow's environment variable names; None where it is not set, or empty."""
    return os.environ.get(FROM_ENVIRONMENT) or None


def check_address(key: str, uri: str) -> None:
    """Check that MLflow knows the scheme of a tracking URI.

    Raises: ConfigError for another one.
    """
    scheme = uri.partition(":")[0].partition("+")[0].lower() if ":" in uri or uri in SCHEMES else ""
    known = scheme in SCHEMES or scheme in {entry.name for entry in entry_points(group=PLUG_INS)} - set(A_FOLDER)
    is_folder = scheme in A_FOLDER and os.environ.get(FOLDERS_ALLOWED, "").lower() in ("true", "1")
    if not known and not is_folder:
        databases = "sqlite:///FILE, postgresql://..., mysql://... or mssql://..."
        folder = f"; a folder only with {FOLDERS_ALLOWED}=true"
        raise not_allowed(key, uri, f"{databases}, http://HOST:PORT or https://HOST{folder}")
