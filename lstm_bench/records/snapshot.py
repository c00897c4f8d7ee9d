"""The records of the members of a plan at one moment, read once and shared by all readers."""

from collections.abc import Iterable

from lstm_bench.records.plan import JobPlan
from lstm_bench.records.reading import RecordError
from lstm_bench.records.schema import WITHOUT_RESULT, MemberRecord
from lstm_bench.records.store import StudyRecords


class Snapshot:
    """The records of the members of some jobs, as they were when they were read.

    Attributes:
        members: the record of each member that has a readable one, by identity.
        problems: why a member's record cannot be read or, where its files were checked, is damaged, by identity.
    """

    def __init__(self, records: StudyRecords, jobs: Iterable[JobPlan] = ()) -> None:
        self._records = records
        self.members: dict[str, MemberRecord] = {}
        self.problems: dict[str, str] = {}
        for job in jobs:
            self.read(job)

    def read(self, job: JobPlan, check_files: bool = False) -> None:
        """Read the records of all members of a job and, on request, check the files next to them."""
        for member in job.possible_members():
            self.read_member(member.identity, check_files)

    def read_member(self, identity: str, check_files: bool = False) -> None:
        """Read the record of one member."""
        self.forget(identity)
        if not self._records.has_member(identity):
            return
        try:
            record = self._records.read_checked(identity) if check_files else self._records.read_member(identity)
        except RecordError as error:
            self.problems[identity] = str(error)
        else:
            self.members[identity] = record

    def refresh(self, jobs: Iterable[JobPlan]) -> None:
        """Read again the jobs that lack a result, which other processes may have written; a result never changes."""
        for job in jobs:
            if not self.is_whole(job):
                self.read(job)

    def forget(self, identity: str) -> None:
        """Drop what was read of a member."""
        self.members.pop(identity, None)
        self.problems.pop(identity, None)

    def write_status(self, record: MemberRecord) -> None:
        """Write the record of a member without a result, here and on disk."""
        self._records.write_status(record)
        self.forget(record.identity)
        self.members[record.identity] = record

    def has_result(self, identity: str) -> bool:
        """Tell whether a member has a readable record with a result."""
        return identity in self.members and self.members[identity].status not in WITHOUT_RESULT

    def is_whole(self, job: JobPlan) -> bool:
        """Tell whether every member of a job has a result, those that tune it included."""
        return all(self.has_result(member.identity) for member in job.members())

    def finished_seeds(self, job: JobPlan) -> list[int]:
        """Return the seeds of a job's reported members that have a result."""
        return [member.seed for member in job.reported() if self.has_result(member.identity)]
