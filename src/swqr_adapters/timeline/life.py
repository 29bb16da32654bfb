"""What a picture shows of a session, without a word on how it looks."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from heapq import heappop, heappush

from attrs import frozen

from swqr_core.lifecycle.session import SessionState
from swqr_core.model.job import Job
from swqr_core.model.session import Session

__all__ = ["Bar", "Life", "Limit", "Span", "life_of"]

_ACTIVE = frozenset({SessionState.BUSY, SessionState.IDLE, SessionState.DRAINING})


@frozen
class Span:
    """A stretch of a session's life in one state; None is one that the platform does not tell."""

    state: SessionState | None
    start: datetime
    end: datetime
    reason: str | None = None


@frozen
class Bar:
    """A job's stretch of time, and the lane it is on.

    Attributes:
        job: The job.
        start: When it was accepted.
        running: When it began to run; None if it never did.
        end: When it ended; now if it has not.
        lane: From 0; no two jobs are on one lane at one time.
    """

    job: Job
    start: datetime
    running: datetime | None
    end: datetime
    lane: int


@frozen
class Limit:
    """A time limit, and when it ends the session or its activity."""

    name: str
    seconds: int
    at: datetime


@frozen
class Life:
    """All that a picture shows.

    Attributes:
        start: Where it begins.
        end: Where it ends: with the session and its last job, or now.
        spans: The states; they follow one another without gaps from start to end.
        bars: The jobs.
        limits: The time limits that have begun to run.
        charged: Seconds charged.
        final: Whether that figure is the platform's own; if not, it is the sum of the jobs.
    """

    start: datetime
    end: datetime
    spans: tuple[Span, ...]
    bars: tuple[Bar, ...]
    limits: tuple[Limit, ...]
    charged: float
    final: bool

    @property
    def lanes(self) -> int:
        """How many lanes the jobs need."""
        return 1 + max((bar.lane for bar in self.bars), default=-1)


def life_of(session: Session, jobs: Iterable[Job], *, now: datetime) -> Life:
    """Put a session's life together; platforms that tell little get a plainer one."""
    jobs = sorted(jobs, key=lambda job: (job.created_at, job.id))
    known = [session.created_at, session.started_at, session.closed_at]
    known += [step.at for step in session.steps]
    for job in jobs:
        known += [job.created_at, job.running_at, job.ended_at]
    moments = [at for at in known if at is not None] or [now]
    start, end = min(moments), max(moments)
    if session.state is not SessionState.CLOSED or not all(job.state.ended for job in jobs):
        end = max(end, now)
    return Life(
        start=start,
        end=end,
        spans=_spans(session, start, end),
        bars=_on_lanes(jobs, end),
        limits=_limits(session, end),
        charged=session.usage_seconds
        if session.usage_seconds is not None
        else sum(job.usage.quantum_seconds for job in jobs),
        final=session.usage_seconds is not None,
    )


def _spans(session: Session, start: datetime, end: datetime) -> tuple[Span, ...]:
    entered: list[tuple[datetime, SessionState | None, str | None]]
    entered = [(step.at, step.state, step.reason) for step in session.steps] or _told(session)
    entered.sort(key=lambda one: one[0])
    if not entered or entered[0][0] > start:
        entered.insert(0, (start, None, None))
    ends = [at for at, _, _ in entered[1:]] + [end]
    return tuple(
        Span(state, at, until, reason)
        for (at, state, reason), until in zip(entered, ends, strict=True)
    )


def _told(session: Session) -> list[tuple[datetime, SessionState | None, str | None]]:
    """Return what the few times of a session without steps tell of its states."""
    S = SessionState  # noqa: N806 - an abbreviation
    found: list[tuple[datetime, SessionState | None, str | None]] = []
    if session.created_at is not None:
        found.append((session.created_at, S.OPEN, None))
    if session.started_at is not None:
        now = None if session.state in {S.OPEN, S.CLOSED} else session.state
        found.append((session.started_at, now, session.reason if now else None))
    if session.closed_at is not None:
        found.append((session.closed_at, S.CLOSED, session.reason))
    return found


def _on_lanes(jobs: Sequence[Job], end: datetime) -> tuple[Bar, ...]:
    """Put each job on the lowest lane that is free when it is accepted."""
    bars: list[Bar] = []
    free: list[int] = []
    taken: list[tuple[datetime, int]] = []
    for job in jobs:
        over = (job.ended_at or job.running_at or job.created_at) if job.state.ended else end
        over = max(over, job.created_at)
        while taken and taken[0][0] <= job.created_at:
            heappush(free, heappop(taken)[1])
        lane = heappop(free) if free else len(taken)
        heappush(taken, (over, lane))
        running = None if job.running_at is None else min(max(job.running_at, job.created_at), over)
        bars.append(Bar(job, job.created_at, running, over, lane))
    return tuple(bars)


def _limits(session: Session, end: datetime) -> tuple[Limit, ...]:
    found = []
    if session.max_ttl is not None and session.started_at is not None:
        found.append(_limit("max_ttl", session.max_ttl, session.started_at))
    if (
        session.interactive_ttl is not None
        and session.state is SessionState.IDLE
        and session.last_job_ended_at is not None
    ):
        found.append(_limit("interactive_ttl", session.interactive_ttl, session.last_job_ended_at))
    if session.active_ttl is not None and session.state in _ACTIVE:
        found.append(_limit("active_ttl", session.active_ttl, end))  # it is what is left
    return tuple(found)


def _limit(name: str, seconds: int, since: datetime) -> Limit:
    return Limit(name, seconds, since + timedelta(seconds=seconds))
