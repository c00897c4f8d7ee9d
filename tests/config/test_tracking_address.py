"""An address that MLflow cannot open is refused before the study, and every other is allowed."""

import pytest

from lstm_bench.config.errors import ConfigError
from lstm_bench.config.schema import TrackingConfig
from lstm_bench.study.folders import tracking_uri
from lstm_bench.study.messages import tracking_line

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


def test_the_address_of_the_environment_counts_where_the_setting_has_none(tmp_path, monkeypatch):
    own = (f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path / "mlartifacts")
    assert tracking_uri(tmp_path, TrackingConfig().uri) == own
    assert tracking_line(TrackingConfig()) is None
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://anna:secret@h:5000")
    assert TrackingConfig().address == tracking_uri(tmp_path, None)[0] == "http://anna:secret@h:5000"
    line = "MLflow:  runs go to http://h:5000, the MLFLOW_TRACKING_URI of the environment."
    assert tracking_line(TrackingConfig()) == line
    assert tracking_uri(tmp_path, "https://other") == ("https://other", None)
    assert tracking_line(TrackingConfig(uri="https://other")) == "MLflow:  runs go to https://other."
    assert tracking_line(TrackingConfig(enabled=False)) is None
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    assert tracking_uri(tmp_path, None) == own


def test_an_address_of_the_environment_is_checked(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "nonsense://x")
    with pytest.raises(ConfigError, match=r"^MLFLOW_TRACKING_URI=nonsense://x: allowed: sqlite:///FILE, "):
        TrackingConfig()
    assert TrackingConfig(uri="http://h").address == "http://h"
    assert not TrackingConfig(enabled=False).enabled


def test_the_store_in_the_output_folder_is_ours_by_whatever_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path)
    for uri in ("sqlite:///mlflow.db", f"sqlite:///{tmp_path}/link/mlflow.db"):
        assert tracking_uri(tmp_path, uri) == tracking_uri(tmp_path, None)
    assert tracking_uri(tmp_path, "sqlite:///other.db") == ("sqlite:///other.db", None)
