"""Show the progress of a study: a live display on a terminal, plain lines elsewhere."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from lstm_bench.analysis.wording import span_of
from lstm_bench.records.job_parts import JobPart, dealt
from lstm_bench.records.plan import JobPlan, StudyPlan
from lstm_bench.records.schema import FAILED
from lstm_bench.records.snapshot import Snapshot
from lstm_bench.records.store import StudyRecords
from lstm_bench.study.job_progress import PHASES, clock, seconds_left, share_done, work
from lstm_bench.study.searches import Searches

SECONDS_BETWEEN_LOOKS = 0.5
SECONDS_BETWEEN_LINES = 30.0


class Watcher:
    """A thread that reads the progress of all jobs and displays the progress of the study.

    It updates the snapshot where a job has ended, and the plan where a search for a span has advanced.

    Attributes:
        plan: the plan, with the jobs that the searches have added so far.
    """

    def __init__(
        self,
        plan: StudyPlan,
        records: StudyRecords,
        snapshot: Snapshot,
        console: Console,
        searches: Searches,
        on_growth: Callable[[StudyPlan], None],
    ) -> None:
        self.plan, self._records, self._snapshot, self._console = plan, records, snapshot, console
        self._searches, self._on_growth = searches, on_growth
        self._parts = dealt(searches.fixed_jobs, plan.members_per_job)
        self._words = searches.words
        self._started = self._last_line = time.monotonic()
        self._done: set[str] = set()
        self._share_before: float | None = None  # done by earlier invocations, in none of this one's time
        self._read = self._records.journal.read()[1]
        self._bars: dict[str, TaskID] = {}
        self._work = {part.name: work(part.job) for part in self._parts}
        self._most_packs = sum(progress.most for progress in searches.progress)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
        )
        self._progress = Progress(*columns, console=console, disable=not console.is_terminal)
        self._total = self._progress.add_task(plan.study, total=len(self._parts) + self._most_packs, note="")
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)

    def __enter__(self) -> "Watcher":
        self._progress.start()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()
        self._look()
        self._progress.stop()

    def _run(self) -> None:
        while not self._stopping.wait(SECONDS_BETWEEN_LOOKS):
            self._look()

    def _look(self) -> None:
        if self._print_events() and self._searches.progress:
            self._grow()
        notes = {part.name: self._records.read_progress(part.name) for part in self._parts}
        for part in self._parts:
            note = notes[part.name]
            if note.get("phase") == "done" and part.name not in self._done:
                self._end(part)
            elif note and note["phase"] != "done":
                self._show(part.name, part.job, note)
        self._show_searched()
        share = sum(share_done(part.job, notes[part.name]) * self._work[part.name] for part in self._parts)
        self._show_total(share / sum(self._work.values()) if self._work else 0.0)

    def _print_events(self) -> bool:
        """Print new events that concern the user: damage, checkpoints that were not written, jobs that failed.

        Return whether there are new events.
        """
        lines, self._read = self._records.journal.read(self._read)
        for line in lines:
            if text := _in_words(line):
                self._say(text)
        return bool(lines)

    def _say(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def _grow(self) -> None:
        """Update the plan, on disk too, with the jobs that the searches have added, and print their new states."""
        self._searches.look(self._snapshot)
        before, self.plan = self.plan, self._searches.grown(self.plan)
        if self.plan == before:
            return
        self._records.write_plan(self.plan)
        self._on_growth(self.plan)
        words_before, self._words = self._words, self._searches.words
        for line in self._words:
            if line not in words_before:
                self._say(line)

    def _show_searched(self) -> None:
        """Show the progress of those jobs that the searches wait for and that are being trained."""
        waiting = self._searches.waiting
        for job in waiting:
            note = self._records.read_progress(job.job)
            if note and note["phase"] != "done":
                self._show(job.job, job, note)
        shown = {job.job for job in waiting} | set(self._work)
        for ended in [job for job in self._bars if job not in shown]:
            self._progress.remove_task(self._bars.pop(ended))

    def _show(self, name: str, job: JobPlan, note: dict[str, Any]) -> None:
        if name not in self._bars:
            self._bars[name] = self._progress.add_task(f"  {job.cell} lag {job.lag}", total=note["steps"], note="")
        loss = "" if note["loss_share"] is None else f", loss {note['loss_share']:.2f}"
        text = f"{PHASES[note['phase']]}, {note['active']} members active{loss}"
        self._progress.update(self._bars[name], total=note["steps"], completed=note["step"], note=text)

    def _end(self, part: JobPart) -> None:
        self._done.add(part.name)
        if part.name in self._bars:
            self._progress.remove_task(self._bars.pop(part.name))
        self._say(f"[{len(self._done)}/{len(self._parts)}] {self._outcome(part.job)}")

    def _outcome(self, job: JobPlan) -> str:
        self._snapshot.refresh([job])
        if not job.seeds:
            is_whole = self._snapshot.is_whole(job)
            return f"{job.task} {job.cell} lag {job.lag}: {'tuned' if is_whole else 'tuning did not end'}"
        identities = [member.identity for member in job.reported()]
        records = [self._snapshot.members[identity] for identity in identities if identity in self._snapshot.members]
        counts = Counter(record.status for record in records)
        counts["damaged"] = sum(identity in self._snapshot.problems for identity in identities)
        counts["missing"] = len(identities) - len(records) - counts["damaged"]
        counts_text = ", ".join(f"{n} {status}" for status, n in counts.items() if n)
        steps = sorted(record.steps_to_solve for record in records if record.steps_to_solve is not None)
        solved = f", solved in {span_of(steps)} steps" if steps else ""
        rates = {record.learning_rate for record in records if record.learning_rate}
        chosen = f", learning rate {', '.join(f'{rate:g}' for rate in rates)}" if rates else ""
        return f"{job.task} {job.cell} lag {job.lag}: {counts_text}{solved}{chosen}"

    def _show_total(self, share: float) -> None:
        elapsed = time.monotonic() - self._started
        if self._share_before is None:
            self._share_before = share
        ended = sum(progress.ended for progress in self._searches.progress)
        done = [f"{len(self._done)}/{len(self._parts)} jobs done"] if self._parts else []
        if self._most_packs:
            done.append(f"{ended} packs done, {self._most_packs} at most")
            time_left = ""
        elif (seconds := seconds_left(elapsed, share, self._share_before)) is not None:
            time_left = f", at most {clock(seconds)} left"
        else:
            time_left = ", estimating time left"
        completed = len(self._done) + sum(
            progress.most if progress.plan.ended else progress.ended for progress in self._searches.progress
        )
        self._progress.update(self._total, completed=completed, note=f"{clock(elapsed)}{time_left}")
        if not self._console.is_terminal and time.monotonic() - self._last_line > SECONDS_BETWEEN_LINES:
            self._last_line = time.monotonic()
            self._say(f"{clock(elapsed)}  {', '.join(done)}{time_left}")


def _in_words(event: dict[str, Any]) -> str | None:
    """Return an event of the journal in words for the screen, None where the screen does not show it."""
    match event:
        case {"event": "damaged", "path": path, "reason": reason}:
            return f"Damaged: {path}: {reason}; the previous checkpoint is used"
        case {"event": "checkpoint_failed", "reason": reason}:
            return f"No checkpoint: {reason}; training continues"
        case {"event": "job_ended", "outcome": outcome, "reason": reason} if outcome in FAILED:
            return f"Job {event['number']} {outcome.replace('_', ' ')}: {reason}"
    return None
