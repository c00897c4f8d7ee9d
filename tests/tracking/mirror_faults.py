"""Real faults for a mirror; every function returns what MLflow shows wrong then, nothing where it is whole.

The truth is read here from the files of the records alone, by other code than the mirror's.
"""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.entities import Run
from mlflow.tracking import MlflowClient
from synthetic_study import make_job, make_plan, make_study, write_member
from waiting import HANGS_S

from lstm_bench.records.plan import JobPlan, StudyPlan
from lstm_bench.records.schema import MemberRecord
from lstm_bench.records.store import StudyRecords
from lstm_bench.study.folders import tracking_uri
from lstm_bench.tracking import backfill
from lstm_bench.tracking.background import BackgroundMirror
from lstm_bench.tracking.mirror import Mirror
from lstm_bench.tracking.progress import Progress

ENDS = {"running": "RUNNING", "interrupted": "KILLED", "failed": "FAILED", "out_of_memory": "FAILED"}
SHOWN_ONCE = {
    *("train/steps", "grad/decay_initial", "grad/decay_final"),
    *("memory/capacity_final", "memory/half_life_final", "memory/lyapunov_horizon_final"),
}
OUR_GROUPS = {"confirm", "gates", "grad", "memory", "params", "speed", "train"}
LARGEST = 1.7976931348623157e308


@dataclass
class Scene:
    """A study below a folder, and the store that mirrors it."""

    folder: Path
    plan: StudyPlan
    uri: str

    @property
    def records(self) -> StudyRecords:
        return StudyRecords(self.folder / "runs" / self.plan.study)

    @property
    def client(self) -> MlflowClient:
        return MlflowClient(self.uri)

    @property
    def job(self) -> JobPlan:
        return self.plan.jobs[0]

    def mirror(self, **changes: Any) -> Mirror:
        plan = replace(self.plan, **changes)
        return Mirror(plan, self.records, self.uri, self.folder / "mlartifacts", Progress())

    def background(self, may_begin: Callable[[], bool] = lambda: True) -> BackgroundMirror:
        return BackgroundMirror(self.plan, self.records, self.uri, self.folder / "mlartifacts", may_begin)

    def backfill(self) -> int:
        places = ["--runs", str(self.folder / "runs"), "--reports", str(self.folder / "reports")]
        store = ["--uri", self.uri] if self.uri.startswith("http") else []
        return backfill.main([self.plan.study, *places, *store])

    def runs(self, role: str | None = None) -> list[Run]:
        experiments = [
            e.experiment_id for e in self.client.search_experiments() if e.name.split()[0] == self.plan.study
        ]
        runs = list(self.client.search_runs(experiments)) if experiments else []
        return [run for run in runs if role in (None, run.data.tags["role"])]

    def run_of(self, identity: str) -> Run:
        (run,) = [run for run in self.runs() if run.data.tags.get("identity") == identity]
        return run

    def add_member(self, seed: int, status: str = "solved") -> MemberRecord:
        return write_member(self.records, self.job, seed, status)

    def write_status(self, seed: int, status: str, **facts: Any) -> MemberRecord:
        """Write a member that has no result, or none yet."""
        record = MemberRecord(f"report-{self.job.job}-{seed}", self.job.job, "report", seed, None, status, **facts)
        self.records.write_status(record)
        return record

    def whats_wrong(self) -> list[str]:
        return whats_wrong(self.records.folder, self.runs(), self.client)


def small_scene(folder: Path, name: str, members: int = 2) -> Scene:
    """Return a study of one job whose members were all solved, without a report."""
    records = folder / "runs" / name
    plan = make_study(
        records, cells=("lstm",), lags=(2,), n_seeds=members, tuned=False, outcome=lambda *_: "solved", probed=False
    )
    return Scene(folder, plan, tracking_uri(folder, None)[0])


def empty_scene(folder: Path, name: str, uri: str) -> Scene:
    """Return a study of four members that have no records yet, to be mirrored there."""
    plan = make_plan(name, [make_job("lstm", 2, 4, tuned=False)])
    StudyRecords(folder / "runs" / name).write_plan(plan)
    return Scene(folder, plan, uri)


def whats_wrong(records: Path, runs: list[Run], client: MlflowClient) -> list[str]:
    """Return in words where MLflow shows something else than a study's records: members, status, points, files."""
    wrong = []
    by_identity = Counter(run.data.tags["identity"] for run in runs if "identity" in run.data.tags)
    wrong += [f"{identity}: {count} runs" for identity, count in by_identity.items() if count > 1]
    for path in sorted(records.glob("members/*/record.json")):
        record = json.loads(path.read_text())
        of_member = [run for run in runs if run.data.tags.get("identity") == record["identity"]]
        if not of_member:
            wrong.append(f"{record['identity']}: no run")
            continue
        wrong += [f"{record['identity']}: {what}" for what in _wrong_in_run(path.parent, record, of_member[0], client)]
    return wrong


def _wrong_in_run(folder: Path, record: dict[str, Any], run: Run, client: MlflowClient) -> Iterator[str]:
    status = ENDS.get(record["status"], "FINISHED")
    if run.info.status != status:
        yield f"{run.info.status}, not {status}"
    if status != "FINISHED":
        return
    shown, recorded = _points_shown(run, client), _points_recorded(folder, record)
    if lost := recorded - shown:
        yield f"{lost.total()} points lost, such as {next(iter(lost))}"
    if doubled := shown - recorded:
        yield f"{doubled.total()} points too many, such as {next(iter(doubled))}"
    files = {"measured.json"} | {path.name for path in folder.iterdir()}
    if absent := files - {artifact.path for artifact in client.list_artifacts(run.info.run_id)}:
        yield f"files lost: {sorted(absent)}"


def _points_shown(run: Run, client: MlflowClient) -> Counter[tuple[str, int, float]]:
    histories = [client.get_metric_history(run.info.run_id, metric) for metric in run.data.metrics]
    at_the_end = ("speed/", "compare/t50", "compare/sequences_per_s")
    of_member = {point for point in run.data.metrics if not point.startswith(at_the_end)}
    return Counter((p.key, p.step, _plain(p.value)) for points in histories for p in points if p.key in of_member)


def _points_recorded(folder: Path, record: dict[str, Any]) -> Counter[tuple[str, int, float]]:
    plan = json.loads((folder.parents[1] / "study.json").read_text())
    job = next(job for job in plan["jobs"] if job["job"] == record["job"])
    table = pd.read_parquet(folder / "curves.parquet")
    curves = table.loc[~table["metric"].str.startswith("confirm/")]
    points = {(row.metric, int(row.step), _plain(row.value)) for row in curves.itertuples()}
    if record["status"] in ("solved", "diverged"):
        points |= _points_after_the_end(curves, record["steps"], job["steps"], job["config"]["trainer"]["eval_every"])
    once = {key: value for key, value in record["metrics"].items() if key not in set(table["metric"])}
    shown = {key: value for key, value in once.items() if key in SHOWN_ONCE or key.split("/")[0] not in OUR_GROUPS}
    points |= {(key, 0, _plain(value)) for key, value in (shown | _compared(record, job)).items()}
    return Counter(points)


def _compared(record: dict[str, Any], job: dict[str, Any]) -> dict[str, float]:
    metrics = record["metrics"]
    numbers = {
        "compare/solved": float(record["status"] == "solved"),
        "compare/parameters": job["n_parameters_core"],
        "compare/steps_to_solve": metrics.get("train/steps_to_solve"),
        "compare/gradient_horizon": metrics.get("grad/horizon_initial"),
        "compare/score": metrics.get(f"eval/{job['score']}"),
    }
    return {key: value for key, value in numbers.items() if value is not None}


def _points_after_the_end(curves: pd.DataFrame, end: int, budget: int, every: int) -> set[tuple[str, int, float]]:
    kept = curves.loc[curves["metric"].str.startswith("eval/") | (curves["metric"] == "train/loss")]
    kept = kept.loc[kept["value"].abs() <= LARGEST].sort_values("step").groupby("metric")["value"].last()
    later = [step for step in range(end + 1, budget + 1) if step % every == 0 or step == budget]
    return {(metric, step, value) for metric, value in kept.items() for step in later}


def _plain(value: float) -> float:
    """Return a value as MLflow's databases keep it; one that compares equal to itself for NaN."""
    return -12345.0 if math.isnan(value) else max(-LARGEST, min(LARGEST, value))


# What can happen to a store that is a file


@contextmanager
def locked(uri: str) -> Iterator[None]:
    """Have another process lock the database against readers and writers."""
    code = (
        "import sqlite3, sys\n"
        f"c = sqlite3.connect({uri.removeprefix('sqlite:///')!r}, isolation_level=None, timeout={HANGS_S})\n"
        "c.execute('BEGIN EXCLUSIVE')\nprint('locked', flush=True)\nsys.stdin.read()"
    )
    holder = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdin is not None
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline() == b"locked\n"
        yield
    finally:
        holder.communicate(b"")


def killed_writers(scene: Scene, times: int, within_s: float, seed: int = 0) -> list[str]:
    """Kill writers of one store, each at a random moment of its work, then backfill."""
    moments = random.Random(seed)
    for _ in range(times):
        writer = _quick_process(_backfill_here, scene)
        time.sleep(moments.uniform(0, within_s))
        writer.kill()  # SIGKILL, unless it was quicker
        writer.join()
    if scene.backfill() != 0:
        return ["backfill: incomplete"]
    return scene.whats_wrong()


def many_on_a_fresh_store(folder: Path, processes: int = 8) -> list[str]:
    """Have several processes mirror a study each into a store that none of them finds there."""
    scenes = [small_scene(folder, f"study{number}") for number in range(processes)]
    writers = [_quick_process(_backfill_here, scene) for scene in scenes]
    for writer in writers:
        writer.join()
    wrong = [f"process {number}: exit code {w.exitcode}" for number, w in enumerate(writers) if w.exitcode != 0]
    return wrong + [f"{scene.plan.study}: {what}" for scene in scenes for what in scene.whats_wrong()]


def _quick_process(target: Any, scene: Scene) -> Any:
    """Start a process that has imported everything: it works within milliseconds."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["lstm_bench.tracking.backfill", "mlflow.store.tracking.sqlalchemy_store"])
    process = context.Process(target=target, args=(scene,))
    process.start()
    return process


def _backfill_here(scene: Scene) -> None:
    sys.exit(scene.backfill())


# What can happen to a server


class Server:
    """An MLflow server of its own, on a port that stays the same when it is started again.

    It runs no jobs of MLflow's own: those are eight more processes, which take three times the server's time.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self.port = folder, free_port()
        self.uri = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        where = ["--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"]
        store = ["--backend-store-uri", f"sqlite:///{self._folder}/server.db"]
        files = ["--artifacts-destination", str(self._folder / "files")]
        command = [sys.executable, "-m", "mlflow", "server", *where, *store, *files]
        environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True, env=environment)
        self._wait_until_it_answers()

    def kill(self) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _wait_until_it_answers(self) -> None:
        """Wait for as long as its process lives: on a busy machine it takes a minute to start."""
        until = time.monotonic() + HANGS_S
        while self._process is not None and self._process.poll() is None and time.monotonic() < until:
            try:
                with urllib.request.urlopen(f"{self.uri}/health", timeout=HANGS_S):
                    return
            except OSError:
                time.sleep(0.1)
        raise TimeoutError((self._folder / "server.log").read_text())


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class SlowProxy(ThreadingHTTPServer):
    """Hands every request on after a while, and none while it is on hold."""

    daemon_threads = True

    def __init__(self, target: str, delay_s: float) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target, self.delay_s = target, delay_s
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.uri = f"http://127.0.0.1:{self.server_port}"

    def __enter__(self) -> SlowProxy:
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def hold(self) -> None:
        self.goes_on.clear()

    def let_go(self) -> None:
        self.goes_on.set()

    def __exit__(self, *_: object) -> None:
        self.let_go()
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: SlowProxy

    def _hand_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        time.sleep(self.server.delay_s)
        self.server.goes_on.wait()
        kept = {key: value for key, value in self.headers.items() if key.lower() not in {"host", "accept-encoding"}}
        request = urllib.request.Request(self.server.target + self.path, body or None, kept, method=self.command)
        try:
            with urllib.request.urlopen(request, timeout=HANGS_S) as answer:
                self._answer(answer.status, answer.read())
        except urllib.error.HTTPError as error:
            with error:
                self._answer(error.code, error.read())

    def _answer(self, status: int, content: bytes) -> None:
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except OSError:  # who asked has gone
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _hand_on  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass
