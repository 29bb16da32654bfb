"""What the view keeps of each job, session and instance."""

from bisect import bisect_left, bisect_right
from datetime import datetime
from typing import Final

from attrs import define, evolve, field

from swqr_core.model.ids import JobId, SessionId
from swqr_core.model.job import Job
from swqr_core.model.payload import Payload
from swqr_core.model.query import JobQuery
from swqr_core.model.session import Session, SessionStep

__all__ = ["Charges", "JobRecord", "SessionRecord", "Tenant"]

_SMALL: Final = 1_000


@define
class JobRecord:
    """All that is kept of a job."""

    job: Job
    number: int
    logs: Payload | None = None
    metrics: dict[str, object] | None = None


@define
class SessionRecord:
    """All that is kept of a session."""

    session: Session
    active_ttl: int
    active_since: datetime | None = None
    active_before: float = 0.0
    charged: float = 0.0
    steps: list[SessionStep] = field(factory=list)
    jobs: dict[JobId, None] = field(factory=dict)

    def snapshot(self) -> Session:
        """Return the session with all its steps."""
        return evolve(self.session, steps=tuple(self.steps))


@define
class Charges:
    """What an instance was charged, oldest first; each charge has a number for ever.

    Attributes:
        first: The number of the first that is kept.
        saved: The number of the first that is in no document yet.
        oldest: The number of the first that is still in a document.
    """

    first: int = 0
    saved: int = 0
    oldest: int = 0
    _kept: list[tuple[datetime, float]] = field(factory=list)

    @property
    def end(self) -> int:
        """The number of the next one."""
        return self.first + len(self._kept)

    def add(self, at: datetime, seconds: float) -> None:
        """Take in the next one."""
        self._kept.append((at, seconds))

    def restore(self, first: int, charges: list[tuple[datetime, float]]) -> None:
        """Take in a document's charges."""
        if not self._kept:
            self.first = self.oldest = first
        self._kept += charges
        self.saved = self.end

    def write_again(self) -> None:
        """Take it that no document has any of them."""
        self.oldest, self.saved = 0, self.first

    def forget(self, since: datetime) -> None:
        """Forget what was charged before a moment."""
        many = bisect_left(self._kept, since, key=lambda charge: charge[0])
        del self._kept[:many]
        self.first += many

    def between(self, first: int, end: int) -> list[tuple[datetime, float]]:
        """Return those with numbers from *first* on, before *end*."""
        return self._kept[first - self.first : end - self.first]

    def total(self) -> float:
        """Return the seconds of all that are kept."""
        return sum(seconds for _, seconds in self._kept)


@define
class Tenant:
    """All that one instance has, and where to look for its jobs.

    Attributes:
        jobs: Its jobs, oldest first.
        pending: Those that have not ended.
        by_tag: Those that have a tag.
        by_key: What each key has made; the job may be deleted.
        sessions: Its sessions and batches, oldest first.
        charges: What it was charged.
    """

    jobs: dict[JobId, None] = field(factory=dict)
    pending: dict[JobId, None] = field(factory=dict)
    by_tag: dict[str, dict[JobId, None]] = field(factory=dict)
    by_key: dict[str, JobId] = field(factory=dict)
    sessions: dict[SessionId, None] = field(factory=dict)
    charges: Charges = field(factory=Charges)
    # By time of acceptance, for bisection; some may be deleted.
    _created: list[datetime] = field(factory=list, init=False)
    _order: list[JobId] = field(factory=list, init=False)

    def add(self, job: Job) -> None:
        """Take in a job; they come in the order of acceptance."""
        self.jobs[job.id] = None
        if not job.state.ended:
            self.pending[job.id] = None
        self._created.append(job.created_at)
        self._order.append(job.id)
        self.tag(job)

    def remove(self, job: Job) -> None:
        """Forget a job."""
        self.untag(job)
        self.jobs.pop(job.id, None)
        if len(self._order) > 2 * len(self.jobs) + _SMALL:
            left = [
                (at, id)
                for at, id in zip(self._created, self._order, strict=True)
                if id in self.jobs
            ]
            self._created, self._order = [at for at, _ in left], [id for _, id in left]

    def tag(self, job: Job) -> None:
        """Let a job be found by its tags."""
        for tag in job.spec.tags:
            self.by_tag.setdefault(tag, {})[job.id] = None

    def untag(self, job: Job) -> None:
        """Let it be found by its tags no longer."""
        for tag in set(job.spec.tags):
            tagged = self.by_tag[tag]
            tagged.pop(job.id, None)
            if not tagged:
                del self.by_tag[tag]

    def candidates(self, query: JobQuery, in_session: dict[JobId, None]) -> dict[JobId, None]:
        """Return the smallest set that is known to hold every match.

        Args:
            query: What is wanted.
            in_session: The jobs of the session that it names, if it names one.
        """
        found = [self.jobs]
        if query.session_id is not None:
            found.append(in_session)
        found += [self.by_tag.get(tag, {}) for tag in query.tags]
        if query.states and not any(state.ended for state in query.states):
            found.append(self.pending)
        after, before = query.created_after, query.created_before
        if after is not None or before is not None:
            first = 0 if after is None else bisect_left(self._created, after)
            last = len(self._created) if before is None else bisect_right(self._created, before)
            if last - first < min(map(len, found)):
                found.append({id: None for id in self._order[first:last] if id in self.jobs})
        return min(found, key=len)
