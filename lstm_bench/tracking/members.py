"""Which members of a plan have a record, and which of these have changed."""

from lstm_bench.records.reading import RecordError
from lstm_bench.records.schema import StudyPlan
from lstm_bench.records.store import StudyRecords

Stamp = tuple[int, int, int]  # of a record's file: another one wherever the record was written again


class Members:
    """The recorded members of a study's jobs; members of older settings that share the folder are left out."""

    def __init__(self, plan: StudyPlan, records: StudyRecords) -> None:
        self._records = records
        self._jobs = {job.job for job in plan.jobs}
        self._strangers: set[str] = set()
        self._ours: set[str] = set()

    def present(self) -> dict[str, Stamp]:
        """Return a stamp by identity. A record that cannot be read counts: nobody can say whose it is."""
        return {
            identity: stamp
            for identity in self._records.identities()
            if self._is_ours(identity) and (stamp := self._stamp(identity))
        }

    def _is_ours(self, identity: str) -> bool:
        if identity not in self._ours and identity not in self._strangers:
            try:
                ours = self._records.read_member(identity).job in self._jobs
            except RecordError:
                return True  # and look again next time
            (self._ours if ours else self._strangers).add(identity)
        return identity in self._ours

    def _stamp(self, identity: str) -> Stamp | None:
        try:
            found = (self._records.member_folder(identity) / "record.json").stat()
        except FileNotFoundError:  # set aside a moment ago
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino
