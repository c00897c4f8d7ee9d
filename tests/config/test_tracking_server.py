"""An MLflow server has to answer, and to take the user, before a study begins."""

import threading
from base64 import b64decode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from lstm_bench.config import tracking_server
from lstm_bench.config.errors import ConfigError
from lstm_bench.config.tracking_server import PASSWORD, TOKEN, USER, check_server


class Answer(BaseHTTPRequestHandler):
    """Takes ada with the password lace, and the token abc."""

    def do_GET(self) -> None:
        kind, _, text = self.headers.get("Authorization", "").partition(" ")
        is_ada = kind == "Basic" and b64decode(text) == b"ada:lace"
        self.send_response(200 if is_ada or (kind, text) == ("Bearer", "abc") else 401)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def uri(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """The address of a server that asks for a password, for somebody whose home folder is empty."""
    for name in (USER, PASSWORD, TOKEN):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_who_has_the_password_or_the_token_is_taken(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN, "abc")
    check_server("tracking.uri", uri)
    monkeypatch.setenv(USER, "ada")
    monkeypatch.setenv(PASSWORD, "lace")
    check_server("tracking.uri", uri)
    monkeypatch.setenv(PASSWORD, "wrong")
    with pytest.raises(
        ConfigError, match=f"^tracking.uri={uri}: the server refuses the user \\(401\\): allowed: {USER}"
    ):
        check_server("tracking.uri", uri)


def test_a_password_may_be_in_a_file_that_only_mlflow_reads(uri: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        check_server("tracking.uri", uri)
    (tmp_path / ".mlflow").mkdir()
    (tmp_path / ".mlflow" / "credentials").write_text("[mlflow]\n")
    check_server("tracking.uri", uri)


def test_a_server_that_is_away_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking_server, "ANSWER_S", 1.0)
    with pytest.raises(ConfigError) as refused:
        check_server("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    assert str(refused.value).startswith("MLFLOW_TRACKING_URI=http://127.0.0.1:1: no MLflow server answers (")


@pytest.mark.parametrize("address", [None, "sqlite:///here.db", "postgresql://u:p@db/mlflow", "http://u:p@host:1"])
def test_other_addresses_are_left_to_mlflow(address: str | None) -> None:
    check_server("tracking.uri", address)
