"""The folder of one study's records.

runs/<study>/study.json                        StudyPlan
runs/<study>/members/<identity>/record.json    MemberRecord, written last: where it stands the member is finished
runs/<study>/members/<identity>/curves.parquet      step, metric, value
runs/<study>/members/<identity>/gradients.parquet   step, quantity, steps_back, norm: while training
runs/<study>/members/<identity>/probes.parquet      moment, step, probe, quantity, at, value
runs/<study>/members/<identity>/weights.pt          state dict
runs/<study>/progress/<job>.json               how far a running job is
runs/<study>/speed.json                        list of SpeedRow
runs/<study>/contest.json                      MachineLimit and list of ContestRow, in a speed study
"""

import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from lstm_bench.records.atomic import write_bytes, write_text
from lstm_bench.records.schema import (
    SCHEMA,
    ContestRow,
    JobPlan,
    MachineLimit,
    MemberRecord,
    SpeedRow,
    StudyPlan,
)

TABLE_COLUMNS = {
    "curves": ("step", "metric", "value"),
    "gradients": ("step", "quantity", "steps_back", "norm"),
    "probes": ("moment", "step", "probe", "quantity", "at", "value"),
}


class RecordError(Exception):
    """Records that are missing, unreadable or of another schema."""


class StudyRecords:
    """Read and write the records of one study."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write_plan(self, plan: StudyPlan) -> None:
        """Write study.json."""
        _write_json(self.folder / "study.json", asdict(plan))

    def read_plan(self) -> StudyPlan:
        """Return the plan.

        Raises: RecordError where there is no such study or its plan cannot be read.
        """
        path = self.folder / "study.json"
        if not path.is_file():
            raise RecordError(f"study={self.folder.name}: no records at {self.folder}")
        content = _read_json(path)
        try:
            return StudyPlan(**content | {"jobs": [JobPlan(**job) for job in content["jobs"]]})
        except (KeyError, TypeError) as error:
            raise RecordError(f"{path}: not a plan of this version: {error}") from error

    def member_folder(self, identity: str) -> Path:
        """Return where one member's files stand."""
        return self.folder / "members" / identity

    def write_member(
        self, record: MemberRecord, tables: Mapping[str, pd.DataFrame], files: Mapping[str, bytes] | None = None
    ) -> None:
        """Write all of one member, record.json last; a table of TABLE_COLUMNS that is not given is written empty."""
        folder = self.member_folder(record.identity)
        for name, columns in TABLE_COLUMNS.items():
            write_bytes(folder / f"{name}.parquet", _parquet(tables.get(name, pd.DataFrame(columns=list(columns)))))
        for name, content in (files or {}).items():
            write_bytes(folder / name, content)
        _write_json(folder / "record.json", asdict(record))

    def has_member(self, identity: str) -> bool:
        """Tell whether a member is finished."""
        return (self.member_folder(identity) / "record.json").is_file()

    def read_member(self, identity: str) -> MemberRecord:
        """Return one record.

        Raises: RecordError where it cannot be read.
        """
        return MemberRecord(**_read_json(self.member_folder(identity) / "record.json"))

    def identities(self) -> list[str]:
        """Return who has a record here, members of older settings among them."""
        return sorted(path.parent.name for path in (self.folder / "members").glob("*/record.json"))

    def read_table(self, identity: str, name: str) -> pd.DataFrame:
        """Return one member's `curves`, `gradients` or `probes`."""
        return pd.read_parquet(self.member_folder(identity) / f"{name}.parquet")

    def write_progress(self, job: str, progress: Mapping[str, Any]) -> None:
        """Say how far a job is."""
        _write_json(self.folder / "progress" / f"{job}.json", progress)

    def read_progress(self, job: str) -> dict[str, Any]:
        """Return how far a job is, empty before it started."""
        path = self.folder / "progress" / f"{job}.json"
        return json.loads(path.read_text()) if path.is_file() else {}

    def write_speed(self, rows: Iterable[SpeedRow]) -> None:
        """Write speed.json."""
        _write_json(self.folder / "speed.json", [asdict(row) for row in rows])

    def read_speed(self) -> list[SpeedRow]:
        """Return the speed rows, none before they were measured."""
        path = self.folder / "speed.json"
        return [SpeedRow(**row) for row in json.loads(path.read_text())] if path.is_file() else []

    def write_contest(self, limit: MachineLimit, rows: Iterable[ContestRow]) -> None:
        """Write contest.json."""
        content = {"schema": SCHEMA, "limit": asdict(limit), "rows": [asdict(row) for row in rows]}
        _write_json(self.folder / "contest.json", content)

    def read_contest(self) -> tuple[MachineLimit, list[ContestRow]]:
        """Return what a speed study measured.

        Raises: RecordError where it has not, or it cannot be read.
        """
        content = _read_json(self.folder / "contest.json")
        return MachineLimit(**content["limit"]), [ContestRow(**row) for row in content["rows"]]


def _write_json(path: Path, content: Any) -> None:
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text())
    except (OSError, json.JSONDecodeError) as error:
        raise RecordError(f"{path}: cannot be read: {error}") from error
    if content.get("schema") != SCHEMA:
        raise RecordError(f"{path}: schema {content.get('schema')}: allowed: {SCHEMA}")
    return content


def _parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()
