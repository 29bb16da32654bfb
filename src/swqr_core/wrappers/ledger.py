"""What jobs have cost, as far as it is known, and what those that have not ended may still cost."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from attrs import define, field

from swqr_core.lifecycle.job import JobState
from swqr_core.model.job import Job, JobSpec
from swqr_core.model.query import JobQuery
from swqr_core.ports.paging import each
from swqr_core.ports.transport import RuntimeTransport

__all__ = ["Entry", "Ledger", "midnight"]

_KEPT: Final = timedelta(days=1)  # before today: no session is that long
_PENDING: Any = frozenset(state for state in JobState if not state.ended)


def midnight(at: datetime) -> datetime:
    """Return the beginning of a day in UTC."""
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


@define
class Entry:
    """One job, or one that is being submitted.

    Attributes:
        at: When it was accepted.
        session_id: The session it belongs to.
        seconds: Quantum seconds that it has used, or until it has ended may use.
        ended: Whether that can change.
    """

    at: datetime
    session_id: str | None
    seconds: float
    ended: bool = False

    @classmethod
    def of(cls, job: Job) -> "Entry":
        """Return the entry of a job as it is."""
        used = job.usage.quantum_seconds
        ended = job.state.ended
        seconds = used if ended else max(used, float(job.spec.max_execution_time or 0))
        return cls(job.created_at, job.spec.session_id, seconds, ended)


@define
class Ledger:
    """The jobs of one instance since yesterday, and older ones that are pending.

    It does not matter who submitted them. A job that was given no time limit counts no seconds
    until it has ended: nobody knows.
    """

    _jobs: dict[str, Entry] = field(factory=dict)
    _leaving: dict[str, Entry] = field(factory=dict)
    _keys: dict[str, str] = field(factory=dict)  # the ids of jobs
    _seen: datetime | None = None

    def knows(self, key: str) -> bool:
        """Return whether a submission with this key is counted already."""
        return key in self._keys or key in self._leaving

    def reserve(self, key: str, spec: JobSpec, at: datetime) -> None:
        """Count a job that is about to be submitted."""
        self._leaving[key] = Entry(at, spec.session_id, float(spec.max_execution_time or 0))

    def release(self, key: str) -> None:
        """Forget a job that was not submitted."""
        self._leaving.pop(key, None)

    def submitted(self, key: str, job: Job) -> None:
        """Count a job under its id from now on."""
        self._leaving.pop(key, None)
        self._keys[key] = job.id
        self._jobs[job.id] = Entry.of(job)

    def saw(self, job: Job) -> bool:
        """Take note of what became of a job that is counted; True if it has just ended."""
        before = self._jobs.get(job.id)
        if before is None:
            return False
        self._jobs[job.id] = Entry.of(job)
        return job.state.ended and not before.ended

    def total(self, counts: Callable[[Entry], bool]) -> tuple[int, float]:
        """Return how many jobs count, and their seconds."""
        found = [one for one in (*self._jobs.values(), *self._leaving.values()) if counts(one)]
        return len(found), sum(one.seconds for one in found)

    async def refresh(self, transport: RuntimeTransport, at: datetime, *, pending: bool) -> None:
        """Read the jobs since yesterday that are new, and those that had not ended.

        Args:
            transport: Where they are.
            at: The present moment.
            pending: Whether older jobs matter too, as long as they are pending.
        """
        oldest = midnight(at) - _KEPT
        self._forget(oldest)
        open_since = [one.at for one in self._jobs.values() if not one.ended]
        since = max(oldest, min([self._seen or oldest, *open_since]))
        new = JobQuery(created_after=since, newest_first=False)
        found = [job async for job in each(transport.jobs, new)]
        # By the platform's clock: what it accepts from now on is not older than this.
        self._seen = max([*(job.created_at for job in found), self._seen or since])
        if pending:
            old = JobQuery(created_before=oldest, states=_PENDING)
            found += [job async for job in each(transport.jobs, old)]
        self._jobs |= {job.id: Entry.of(job) for job in found}

    def _forget(self, oldest: datetime) -> None:
        for kept in (self._jobs, self._leaving):
            for name in [name for name, one in kept.items() if one.at < oldest]:
                del kept[name]
        self._keys = {key: id for key, id in self._keys.items() if id in self._jobs}
