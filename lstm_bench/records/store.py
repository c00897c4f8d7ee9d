"""The folder of one study's records.

runs/<study>/study.json                        StudyPlan
runs/<study>/folder_id.json                    FolderId, as soon as it is mirrored into MLflow
runs/<study>/journal.jsonl                     events, see Journal
runs/<study>/members/<identity>/record.json    MemberRecord, written last, with the SHA-256 of the files next to it
runs/<study>/members/<identity>/curves.parquet      step, metric, value
runs/<study>/members/<identity>/gradients.parquet   step, quantity, steps_back, norm: while training
runs/<study>/members/<identity>/probes.parquet      moment, step, probe, quantity, at, value
runs/<study>/members/<identity>/weights.pt          state dict
runs/<study>/damaged/                          members whose files do not match their record
runs/<study>/checkpoints/<part>-<role>/        see Checkpoints; of a job, or a part of one, see JobPart
runs/<study>/progress/<part>.json              the progress of a running job, or of a part of one
runs/<study>/speed.json                        list of SpeedRow
runs/<study>/benchmark.json                      MachineLimit and list of BenchmarkRow, in a speed study
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pydantic import TypeAdapter

from lstm_bench.checks import STUDY_NAME, STUDY_NAME_RULE, one_of
from lstm_bench.records.atomic import write_bytes, write_text
from lstm_bench.records.checkpoints import Checkpoints
from lstm_bench.records.journal import Journal
from lstm_bench.records.plan import FORMER_PLAN_FIELDS, StudyPlan
from lstm_bench.records.reading import RecordError, read_columns, read_file, read_json
from lstm_bench.records.schema import ROLES, STATUSES, WITHOUT_RESULT, MemberRecord
from lstm_bench.records.speed import BenchmarkRecord, BenchmarkRow, MachineLimit, SpeedRow

if TYPE_CHECKING:  # a launcher's process reads records without pandas, which takes it half a second to import
    import pandas as pd

TABLE_COLUMNS = {
    "curves": ("step", "metric", "value"),
    "gradients": ("step", "quantity", "steps_back", "norm"),
    "probes": ("moment", "step", "probe", "quantity", "at", "value"),
}
PLAN, MEMBER, BENCHMARK = TypeAdapter(StudyPlan), TypeAdapter(MemberRecord), TypeAdapter(BenchmarkRecord)
SPEED = TypeAdapter(list[SpeedRow])
UNSIGNED = '\n "sha256": ""'  # the record's own field in its file; no other text matches it


class StudyRecords:
    """Read and write the records of one study."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal = Journal(folder / "journal.jsonl")

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
        plan = read_json(path, PLAN, former=FORMER_PLAN_FIELDS)
        if not STUDY_NAME.fullmatch(plan.study):
            raise RecordError(f"{path}: study={plan.study}: allowed: {STUDY_NAME_RULE}")
        if not plan.jobs and not plan.studies and not plan.searches:
            raise RecordError(f"{path}: jobs=[]: allowed: one job or more")
        return plan

    def member_folder(self, identity: str) -> Path:
        """Return the folder of one member's files."""
        return self.folder / "members" / identity

    def write_member(
        self, record: MemberRecord, tables: Mapping[str, pd.DataFrame], files: Mapping[str, bytes] | None = None
    ) -> None:
        """Write all files of one member, record.json last, and missing tables of TABLE_COLUMNS as empty ones."""
        folder = self.member_folder(record.identity)
        contents = {
            f"{name}.parquet": _parquet(tables[name]) if name in tables else _empty_table(name)
            for name in TABLE_COLUMNS
        } | dict(files or {})
        for name, content in contents.items():
            write_bytes(folder / name, content)
        manifest = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
        self.write_status(replace(record, files=manifest))

    def write_status(self, record: MemberRecord) -> None:
        """Write record.json alone, with its own SHA-256, for a member without a result and for `write_member`."""
        text = _as_json(asdict(replace(record, sha256="")))
        digest = hashlib.sha256(text.encode()).hexdigest()
        signed = text.replace(UNSIGNED, UNSIGNED.replace('""', f'"{digest}"'))
        write_text(self.member_folder(record.identity) / "record.json", signed)

    def has_member(self, identity: str) -> bool:
        """Tell whether a member has a record, with whatever content."""
        return (self.member_folder(identity) / "record.json").is_file()

    def has_result(self, identity: str) -> bool:
        """Tell whether a member has a readable record with a result."""
        try:
            return self.has_member(identity) and self.read_member(identity).status not in WITHOUT_RESULT
        except RecordError:
            return False

    def read_checked(self, identity: str) -> MemberRecord:
        """Return one record after checking every file next to it.

        Raises: RecordError where the record or a file cannot be read or is damaged.
        """
        record = self.read_member(identity)
        for name in record.files:
            self._checked(record, name)
        return record

    def quarantine(self, identity: str) -> Path:
        """Move a member whose files are damaged to damaged/, and return its new folder."""
        unnumbered = self.folder / "damaged" / identity
        number = 1
        while (target := unnumbered.with_name(f"{identity}.{number}")).exists():
            number += 1
        target.parent.mkdir(parents=True, exist_ok=True)
        return self.member_folder(identity).rename(target)

    def was_quarantined(self, identity: str) -> bool:
        """Tell whether a member was quarantined before."""
        return any((self.folder / "damaged").glob(f"{identity}.*"))

    def read_member(self, identity: str) -> MemberRecord:
        """Return one record.

        Raises: RecordError where it cannot be read, is damaged, or belongs to another member.
        """
        path = self.member_folder(identity) / "record.json"
        record = read_json(path, MEMBER)
        try:
            one_of([identity], identity=record.identity)
            one_of(ROLES, role=record.role)
            one_of(STATUSES, status=record.status)
        except ValueError as error:
            raise RecordError(f"{path}: {error}") from error
        if record.sha256 and record.sha256 != _digest_unsigned(read_file(path), record.sha256):
            raise RecordError(f"{path}: damaged: its SHA-256 does not match")
        return record

    def identities(self) -> list[str]:
        """Return the identities of all members with a record, including those of earlier settings."""
        return sorted(path.parent.name for path in (self.folder / "members").glob("*/record.json"))

    def read_table(self, record: MemberRecord, name: str) -> pa.Table:
        """Return a member's `curves`, `gradients` or `probes`.

        Raises: RecordError where it cannot be read or is damaged.
        """
        file = f"{name}.parquet"
        path = self.member_folder(record.identity) / file
        return read_columns(path, self._checked(record, file), TABLE_COLUMNS[name])

    def _checked(self, record: MemberRecord, name: str) -> bytes:
        """Return the content of a member's file, checked against the hash in its record."""
        path = self.member_folder(record.identity) / name
        content = read_file(path)
        if name in record.files and hashlib.sha256(content).hexdigest() != record.files[name]:
            raise RecordError(f"{path}: damaged: its SHA-256 does not match")
        return content

    def checkpoints(self, job: str, role: str) -> Checkpoints:
        """Return the checkpoints of one phase of a job."""
        return Checkpoints(self.folder / "checkpoints" / f"{job}-{role}")

    def write_progress(self, job: str, progress: Mapping[str, Any]) -> None:
        """Write the progress of a job."""
        write_text(self._progress(job), json.dumps(progress), lasting=False)

    def has_progress(self, job: str) -> bool:
        """Tell whether the progress of a job was written: it trains, or has ended."""
        return self._progress(job).exists()

    def read_progress(self, job: str) -> dict[str, Any]:
        """Return the progress of a job, empty before it started."""
        path = self._progress(job)
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

    def progress_written(self, job: str) -> float | None:
        """Return when the progress of a job was written, in seconds since the epoch; None before it started."""
        try:
            return self._progress(job).stat().st_mtime
        except FileNotFoundError:
            return None

    def _progress(self, job: str) -> Path:
        return self.folder / "progress" / f"{job}.json"

    def write_speed(self, rows: Iterable[SpeedRow]) -> None:
        """Write speed.json."""
        _write_json(self.folder / "speed.json", [asdict(row) for row in rows])

    def read_speed(self) -> list[SpeedRow]:
        """Return the speed rows, none before they were measured.

        Raises: RecordError where they cannot be read.
        """
        path = self.folder / "speed.json"
        return read_json(path, SPEED, has_schema=False) if path.exists() else []

    def write_benchmark(self, limit: MachineLimit, rows: Iterable[BenchmarkRow]) -> None:
        """Write benchmark.json."""
        _write_json(self.folder / "benchmark.json", asdict(BenchmarkRecord(limit, list(rows))))

    def read_benchmark(self) -> tuple[MachineLimit, list[BenchmarkRow]]:
        """Return the measurements of a speed study.

        Raises: RecordError where there are none, or they cannot be read.
        """
        path, former = (self.folder / name for name in ("benchmark.json", "contest.json"))
        benchmark = read_json(former if former.exists() and not path.exists() else path, BENCHMARK)
        return benchmark.limit, benchmark.rows


def _write_json(path: Path, content: Any) -> None:
    write_text(path, _as_json(content))


def _as_json(content: Any) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _digest_unsigned(content: bytes, signature: str) -> str:
    """Return the SHA-256 of a record without its signature."""
    return hashlib.sha256(content.replace(signature.encode(), b"")).hexdigest()


@cache
def _empty_table(name: str) -> bytes:
    import pandas as pd

    return _parquet(pd.DataFrame(columns=list(TABLE_COLUMNS[name])))


def _parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()
