"""PostgreSQL, and MLflow servers that keep their runs in it, on loopback; the database can be started again."""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

from processes import Processes, free_port, wait_until

ACCOUNT = "postgres"  # the system's, as PostgreSQL refuses to run as root
AUTH = """\
[mlflow]
default_permission = MANAGE
database_uri = {database}
admin_username = admin
admin_password = {password}
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
"""


def programs() -> Path | None:
    """Return the folder of PostgreSQL's programs, None where it is not installed."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return next((folder for folder in reversed(folders) if (folder / "initdb").exists()), None)


class MlflowOnPostgres:
    """A database with a password, and servers.

    Its folder must not lie below pytest's, which every other run of pytest closes for all accounts but its own.
    """

    def __init__(self, folder: Path) -> None:
        bin_folder = programs()
        assert bin_folder is not None
        self._bin, self._folder, self._processes = bin_folder, folder, Processes(folder)
        self._data, self._database_port = folder / "database", free_port()
        self.password = secrets.token_hex(16)

    @property
    def _database(self) -> str:
        return f"postgresql+psycopg2://{ACCOUNT}:{self.password}@127.0.0.1:{self._database_port}/{ACCOUNT}"

    def make_database(self) -> None:
        """Make the database, and start it."""
        folder = self._folder
        folder.chmod(0o755)  # the account has to come to its data
        self._data.mkdir()
        shutil.chown(self._data, ACCOUNT, ACCOUNT)
        password_file = folder / "password"
        password_file.write_text(self.password)
        shutil.chown(password_file, ACCOUNT, ACCOUNT)
        initdb = [str(self._bin / "initdb"), "--auth=scram-sha-256", f"--pwfile={password_file}", str(self._data)]
        subprocess.run([*self._as_account(), *initdb], check=True, capture_output=True, cwd=folder)
        self.start_database()

    def start_database(self) -> None:
        """Start the database, and wait until it takes connections."""
        where = ["-D", str(self._data), "-p", str(self._database_port), "-h", "127.0.0.1", "-k", ""]
        self._processes.start("postgres", [*self._as_account(), str(self._bin / "postgres"), *where])
        wait_until(self._is_ready, "a database that takes connections")

    def stop_database(self) -> None:
        """Stop the database as a restart of its machine would: connections are cut."""
        self._processes.stop("postgres", signum=signal.SIGINT)

    def _as_account(self) -> list[str]:
        return ["setpriv", f"--reuid={ACCOUNT}", f"--regid={ACCOUNT}", "--clear-groups"]

    def _is_ready(self) -> bool:
        command = [str(self._bin / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self._database_port)]
        return subprocess.run(command, check=False).returncode == 0

    def start_server(self, has_users: bool = False) -> str:
        """Start a server, and return its address; one that has users knows `admin` alone, with the password."""
        name, port = f"server_{has_users}", free_port()
        where = ["--host", "127.0.0.1", "--port", str(port), "--workers", "2" if not has_users else "1"]
        stores = ["--backend-store-uri", self._database, "--artifacts-destination", str(self._folder / "files")]
        environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
        if has_users:
            auth = self._folder / "auth.ini"
            auth.write_text(AUTH.format(database=self._database, password=self.password))
            where += ["--app-name", "basic-auth"]
            environment |= {
                "MLFLOW_AUTH_CONFIG_PATH": str(auth),
                "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_hex(16),
            }
        command = [sys.executable, "-m", "mlflow", "server", *where, *stores]
        self._processes.start(name, command, environment, own_session=True)
        uri = f"http://127.0.0.1:{port}"
        wait_until(lambda: self._answers(name, uri), "a server that answers", 180)
        return uri

    def _answers(self, name: str, uri: str) -> bool:
        assert self._processes.is_running(name), self._processes.output(name)
        try:
            with urllib.request.urlopen(f"{uri}/health", timeout=10):
                return True
        except OSError:
            return False

    def stop(self) -> None:
        """Stop the servers and the database."""
        self._processes.stop_all()
