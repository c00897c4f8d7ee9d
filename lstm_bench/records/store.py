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
import pyarrow as pa
from pydantic import TypeAdapter

from lstm_bench.checks import STUDY_NAME, STUDY_NAME_RULE, one_of
from lstm_bench.records.atomic import write_bytes, write_text
from lstm_bench.records.reading import RecordError, read_columns, read_json
from lstm_bench.records.schema import (
    ROLES,
    STATUSES,
    ContestRecord,
    ContestRow,
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
PLAN, MEMBER, CONTEST = TypeAdapter(StudyPlan), TypeAdapter(MemberRecord), TypeAdapter(ContestRecord)
SPEED = TypeAdapter(list[SpeedRow])


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
        if not path.exists():
            raise RecordError(f"study={self.folder.name}: no records at {self.folder}")
        plan = read_json(path, PLAN)
        if not STUDY_NAME.fullmatch(plan.study):
            raise RecordError(f"{path}: study={plan.study}: allowed: {STUDY_NAME_RULE}")
        if not plan.jobs and not plan.studies:
            raise RecordError(f"{path}: jobs=[]: allowed: one job or more")
        return plan

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

        Raises: RecordError where it cannot be read, or is of somebody else.
        """
        path = self.member_folder(identity) / "record.json"
        record = read_json(path, MEMBER)
        try:
            one_of([identity], identity=record.identity)
            one_of(ROLES, role=record.role)
            one_of(STATUSES, status=record.status)
        except ValueError as error:
            raise RecordError(f"{path}: {error}") from error
        return record

    def identities(self) -> list[str]:
        """Return who has a record here, members of older settings among them."""
        return sorted(path.parent.name for path in (self.folder / "members").glob("*/record.json"))

    def read_table(self, identity: str, name: str) -> pa.Table:
        """Return one member's `curves`, `gradients` or `probes`.

        Raises: RecordError where it cannot be read.
        """
        return read_columns(self.member_folder(identity) / f"{name}.parquet", TABLE_COLUMNS[name])

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
        """Return the speed rows, none before they were measured.

        Raises: RecordError where they cannot be read.
        """
        path = self.folder / "speed.json"
        return read_json(path, SPEED, has_schema=False) if path.exists() else []

    def write_contest(self, limit: MachineLimit, rows: Iterable[ContestRow]) -> None:
        """Write contest.json."""
        _write_json(self.folder / "contest.json", asdict(ContestRecord(limit, list(rows))))

    def read_contest(self) -> tuple[MachineLimit, list[ContestRow]]:
        """Return what a speed study measured.

        Raises: RecordError where it has not, or it cannot be read.
        """
        contest = read_json(self.folder / "contest.json", CONTEST)
        return contest.limit, contest.rows


def _write_json(path: Path, content: Any) -> None:
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def _parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()
