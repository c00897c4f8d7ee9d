"""An address that MLflow cannot open is refused before the study, and every other is allowed."""

import pytest

from lstm_bench.config.errors import ConfigError
from lstm_bench.config.schema import TrackingConfig

KNOWN = [
    *("sqlite:///x.db", "sqlite+pysqlite:///x.db", "http://localhost:5000", "https://h/x", "HTTP://h", "databricks"),
    *("postgresql://u:p@h/d", "mysql+pymysql://u@h/d", "mssql+pyodbc://h", "databricks://profile"),
]


@pytest.mark.parametrize("uri", KNOWN)
def test_an_address_that_mlflow_knows_is_allowed(uri):
    assert TrackingConfig(uri=uri).uri == uri


@pytest.mark.parametrize("uri", ["nonsense://x", "ftp://h", "sqlit:///x.db", "", "mlruns", "file:///x", "./a:b"])
def test_another_is_refused(uri, monkeypatch):
    monkeypatch.delenv("MLFLOW_ALLOW_FILE_STORE", raising=False)
    with pytest.raises(ConfigError, match=r"^tracking\.uri=.*: allowed: sqlite:///FILE, "):
        TrackingConfig(uri=uri)
    assert not TrackingConfig(enabled=False, uri=uri).enabled


@pytest.mark.parametrize("uri", ["mlruns", "file:///x"])
def test_a_folder_is_allowed_where_mlflow_allows_it(uri, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    assert TrackingConfig(uri=uri).uri == uri
