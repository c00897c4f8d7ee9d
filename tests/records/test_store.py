"""A member's record is the manifest of its files, and signs itself."""

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from lstm_bench.records.reading import RecordError
from lstm_bench.records.schema import STATUSES, WITHOUT_RESULT, MemberRecord
from lstm_bench.records.snapshot import Snapshot
from lstm_bench.records.store import StudyRecords

SOLVED = MemberRecord("m1", "j1", "report", 0, 0.01, "solved", 40, 30, 1.5, {"eval/loss": 1, "grad/norm": 0.1 + 0.2})
CURVES = pd.DataFrame({"step": [0, 10], "metric": ["eval/loss"] * 2, "value": [0.5, 0.25]})


@pytest.fixture
def records(tmp_path: Path) -> StudyRecords:
    records = StudyRecords(tmp_path / "study")
    records.write_member(SOLVED, {"curves": CURVES}, {"weights.pt": b"weights"})
    return records


def test_a_member_comes_back_as_it_was_with_the_digests_of_its_files(records: StudyRecords) -> None:
    member = records.read_member("m1")
    assert replace(member, files={}, sha256="") == SOLVED
    assert member.files["weights.pt"] == "9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c"  # sha256sum
    assert sorted(member.files) == ["curves.parquet", "gradients.parquet", "probes.parquet", "weights.pt"]
    assert records.read_checked("m1").identity == "m1"
    assert records.read_table(member, "curves").to_pandas()["value"].tolist() == [0.5, 0.25]


@pytest.mark.parametrize("file", ["curves.parquet", "gradients.parquet", "probes.parquet", "weights.pt"])
def test_a_flipped_bit_in_any_file_is_found(records: StudyRecords, file: str) -> None:
    path = records.member_folder("m1") / file
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    with pytest.raises(RecordError, match=rf"^{path}: damaged: its SHA-256 does not match$"):
        records.read_checked("m1")
    assert records.has_result("m1")  # its record is whole: whoever goes on looks for damage first


def test_every_flipped_bit_of_a_record_is_found(records: StudyRecords) -> None:
    path = records.member_folder("m1") / "record.json"
    whole = path.read_bytes()
    snapshot = Snapshot(records)
    for bit in range(0, 8 * len(whole), 13):
        content = bytearray(whole)
        content[bit // 8] ^= 1 << bit % 8
        path.write_bytes(content)
        snapshot.read_member("m1", check_files=True)
        assert "m1" in snapshot.problems, (bit, content[bit // 8 - 10 : bit // 8 + 10])
        assert not snapshot.has_result("m1")
        assert not records.has_result("m1")


def test_a_missing_file_is_damage(records: StudyRecords) -> None:
    (records.member_folder("m1") / "weights.pt").unlink()
    with pytest.raises(RecordError, match=r"weights\.pt: cannot be read: No such file"):
        records.read_checked("m1")


def test_what_is_set_aside_is_kept_and_there_no_more(records: StudyRecords) -> None:
    assert not records.was_quarantined("m1")
    for number in (1, 2):
        aside = records.quarantine("m1")
        assert aside == records.folder / "damaged" / f"m1.{number}"
        assert (aside / "weights.pt").read_bytes() == b"weights"
        assert not records.has_member("m1")
        assert records.was_quarantined("m1")
        records.write_member(SOLVED, {"curves": CURVES}, {"weights.pt": b"weights"})


@pytest.mark.parametrize("status", STATUSES)
def test_a_result_is_what_ended_by_itself(records: StudyRecords, status: str) -> None:
    records.write_status(replace(SOLVED, status=status))
    assert records.has_member("m1")
    assert records.has_result("m1") == (status not in WITHOUT_RESULT)


def test_a_record_of_a_version_without_digests_is_read(records: StudyRecords) -> None:
    path = records.member_folder("m1") / "record.json"
    content = json.loads(path.read_text())
    for name in ("files", "optimiser", "sha256"):
        del content[name]
    path.write_text(json.dumps(content))
    assert records.read_member("m1").status == "solved"
    assert records.read_checked("m1").identity == "m1"


def test_a_record_in_the_folder_of_another_is_refused(records: StudyRecords) -> None:
    records.member_folder("m1").rename(records.member_folder("m2"))
    with pytest.raises(RecordError, match="identity=m1"):
        records.read_member("m2")
