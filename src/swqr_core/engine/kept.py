"""What the view keeps of each job, session and instance."""

from bisect import bisect_left
from datetime import datetime

from attrs import define, evolve, field

from swqr_core.model.ids import JobId, SessionId
from swqr_core.model.job import Job
from swqr_core.model.payload import Payload
from swqr_core.model.session import Session, SessionStep

__all__ = ["Charges", "JobRecord", "SessionRecord", "Tenant"]


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
    """All that one instance has."""

    jobs: dict[JobId, None] = field(factory=dict)
    created: list[datetime] = field(factory=list)
    order: list[JobId] = field(factory=list)
    pending: dict[JobId, None] = field(factory=dict)
    by_tag: dict[str, dict[JobId, None]] = field(factory=dict)
    by_key: dict[str, JobId] = field(factory=dict)
    sessions: dict[SessionId, None] = field(factory=dict)
    charges: Charges = field(factory=Charges)
