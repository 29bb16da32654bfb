"""An auditor of the engine, who believes only facts and keeps simple books of his own."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import define, field
from hypothesis import note

from swqr_core.engine.engine import Engine
from swqr_core.engine.facts import (
    DeviceStatusSet,
    Fact,
    InstanceCharged,
    JobAccepted,
    JobDeleted,
    JobEnded,
    JobExecuted,
    JobStarted,
    SessionAdvanced,
    SessionCharged,
    SessionOpened,
)
from swqr_core.engine.settings import Device, Pace, Plan
from swqr_core.lifecycle import job as jobs
from swqr_core.lifecycle import session as sessions
from swqr_core.lifecycle.job import JobEvent, JobState
from swqr_core.lifecycle.session import SessionEvent, SessionState
from swqr_core.model.backend import BackendStatus
from swqr_core.model.ids import InstanceId, JobId, SessionId
from swqr_core.model.session import SessionMode

BEGINNING = datetime(2026, 1, 31, 9, tzinfo=UTC)


@define
class JobBook:
    """What the facts say about a job."""

    accepted: JobAccepted
    state: JobState = JobState.QUEUED
    started_at: datetime | None = None
    ended: JobEnded | None = None


@define
class SessionBook:
    """What the facts say about a session."""

    opened: SessionOpened
    state: SessionState = SessionState.OPEN
    active: bool = False
    started_at: datetime | None = None
    activated_at: datetime | None = None
    active_seconds: float = 0.0
    since: datetime | None = None
    wall_clock: float = 0.0
    idle_since: datetime | None = None
    charged: float = 0.0
    final: bool = False
    jobs: list[JobId] = field(factory=list)


class Auditor:
    """Reads facts one by one, and complains about each that cannot be."""

    def __init__(
        self,
        devices: Mapping[str, Device],
        plans: Mapping[InstanceId, Plan],
        *,
        window: int,
        idle_open: int,
    ) -> None:
        self.devices, self.plans, self.window, self.idle_open = devices, plans, window, idle_open
        self.at = BEGINNING
        self.pace = Pace.REAL
        self.jobs: dict[JobId, JobBook] = {}
        self.sessions: dict[SessionId, SessionBook] = {}
        self.status = dict.fromkeys(self.devices, BackendStatus.ONLINE)
        self.charges: dict[str, list[tuple[datetime, float]]] = defaultdict(list)
        self.owed: dict[str, float] = defaultdict(float)
        self.readers: dict[type, Callable[[Any], None]] = {
            DeviceStatusSet: self.set_status,
            InstanceCharged: self.pay,
            JobAccepted: self.accept,
            JobDeleted: self.delete,
            JobEnded: self.end,
            JobExecuted: self.execute,
            JobStarted: self.start,
            SessionAdvanced: self.advance,
            SessionCharged: self.charge,
            SessionOpened: self.open,
        }

    def read(self, fact: Fact) -> None:
        assert fact.at >= self.at, "time went back"
        self.at = fact.at
        note(f"    {fact}")
        self.readers.get(type(fact), lambda _: None)(fact)

    def open(self, fact: SessionOpened) -> None:
        assert fact.session_id not in self.sessions
        self.sessions[fact.session_id] = SessionBook(fact, idle_since=fact.at)

    def pay(self, fact: InstanceCharged) -> None:
        assert fact.seconds > 0, "usage shrank"
        self.charges[fact.instance].append((fact.at, fact.seconds))

    def set_status(self, fact: DeviceStatusSet) -> None:
        self.status[fact.name] = fact.status

    def execute(self, fact: JobExecuted) -> None:
        assert fact.due_at > fact.at

    def delete(self, fact: JobDeleted) -> None:
        assert self.jobs[fact.job_id].ended is not None

    def accept(self, fact: JobAccepted) -> None:
        assert fact.job_id not in self.jobs
        self.jobs[fact.job_id] = JobBook(fact)
        session_id = fact.spec.session_id
        if session_id is not None:
            session = self.sessions[session_id]
            assert session.state.accepts_jobs, "a closed session took a job"
            session.jobs.append(fact.job_id)
            session.idle_since = None

    def running_on(self, backend: str) -> list[JobBook]:
        return [
            book
            for book in self.jobs.values()
            if book.state is JobState.RUNNING and book.accepted.spec.backend == backend
        ]

    def holder(self, backend: str) -> SessionId | None:
        """The dedicated session that has the device for itself."""
        holding = [
            id
            for id, book in self.sessions.items()
            if book.opened.spec.backend == backend
            and book.opened.spec.mode is SessionMode.DEDICATED
            and (book.active or self.runs(book))
        ]
        assert len(holding) <= 1, "two dedicated sessions on one device"
        return holding[0] if holding else None

    def runs(self, book: SessionBook) -> bool:
        return any(self.jobs[id].state is JobState.RUNNING for id in book.jobs)

    def start(self, fact: JobStarted) -> None:
        book = self.jobs[fact.job_id]
        spec, device = book.accepted.spec, self.devices[book.accepted.spec.backend]
        assert self.status[spec.backend] is BackendStatus.ONLINE
        others = self.running_on(spec.backend)
        assert {other.accepted.spec.session_id for other in others} <= {spec.session_id}
        lanes = device.concurrent_jobs if spec.session_id is None else device.session_lanes
        assert len(others) < lanes
        assert self.holder(spec.backend) in (None, spec.session_id)
        instance = book.accepted.principal.instance
        assert not self.surely_held(instance), "started over the usage limit"
        waiting = [
            id
            for id, other in self.jobs.items()
            if other.state is JobState.QUEUED
            and other.accepted.spec.backend == spec.backend
            and other.accepted.spec.session_id == spec.session_id
            and other.accepted.principal.instance == instance
        ]
        assert waiting[0] == fact.job_id, "not first in, first out"
        if spec.session_id is not None:
            session = self.sessions[spec.session_id]
            assert session.state in (SessionState.BUSY, SessionState.DRAINING)
            assert session.active
        book.state = jobs.advance(book.state, JobEvent.START, job_id=fact.job_id)
        book.started_at = fact.at

    def surely_held(self, instance: str) -> bool:
        limit = self.plans.get(InstanceId(instance), Plan()).usage_seconds
        window = timedelta(seconds=self.window)
        used = sum(seconds for at, seconds in self.charges[instance] if self.at - at < window)
        return limit is not None and used >= limit + 1e-5

    def end(self, fact: JobEnded) -> None:
        book = self.jobs[fact.job_id]
        assert book.ended is None, "a job ended twice"
        assert fact.state is jobs.advance(book.state, fact.event, job_id=fact.job_id)
        assert 0 <= fact.quantum_seconds <= book.accepted.time_limit
        if fact.state is JobState.TIMED_OUT:
            assert fact.reason
            assert fact.reason_code
        session_id = book.accepted.spec.session_id
        book.state, book.ended = fact.state, fact
        if session_id is None:
            self.owed[book.accepted.principal.instance] += fact.quantum_seconds
            return
        session = self.sessions[session_id]
        if not self.runs(session) and not session.active:
            self.stop_clock(session)
        self.look_idle(session)

    def look_idle(self, book: SessionBook) -> None:
        idle = book.state in (SessionState.OPEN, SessionState.IDLE)
        if idle and all(self.jobs[id].ended for id in book.jobs):
            book.idle_since = book.idle_since or self.at
        else:
            book.idle_since = None

    def advance(self, fact: SessionAdvanced) -> None:
        book = self.sessions[fact.session_id]
        assert fact.state is sessions.advance(book.state, fact.event, session_id=fact.session_id)
        assert book.state is not SessionState.CLOSED, "closed did not stay closed"
        assert (fact.reason is None) == (fact.state is book.state)
        assert fact.state is not book.state or fact.event is SessionEvent.START_JOB
        self.check_time(book, fact)
        if fact.event is SessionEvent.START_JOB and not book.active:
            self.check_turn(fact.session_id, book)
            book.active, book.since, book.activated_at = True, fact.at, fact.at
            book.started_at = book.started_at or fact.at
        book.state = fact.state
        self.look_idle(book)
        if fact.state in (SessionState.INACTIVE, SessionState.CLOSED):
            book.active_seconds = self.active_seconds(book)
            book.active, book.activated_at = False, None
            if not self.runs(book):
                self.stop_clock(book)

    def active_seconds(self, book: SessionBook) -> float:
        since = 0.0 if book.activated_at is None else (self.at - book.activated_at).total_seconds()
        return book.active_seconds + since

    def check_turn(self, id: SessionId, book: SessionBook) -> None:
        """Nobody becomes active on a device for which an active batch has jobs waiting."""
        for other in self.sessions.values():
            if other.opened.spec.backend == book.opened.spec.backend and other.active:
                assert other.opened.spec.mode is SessionMode.BATCH
                queued = any(self.jobs[job].state is JobState.QUEUED for job in other.jobs)
                by = other.opened.principal.instance
                limited = self.plans.get(by, Plan()).usage_seconds is not None
                assert not queued or limited

    def check_time(self, book: SessionBook, fact: SessionAdvanced) -> None:
        """A deadline's fact is dated exactly by the deadline."""
        spec, at = book.opened.spec, fact.at
        match fact.event:
            case SessionEvent.END_MAX_TTL:
                assert book.started_at is not None
                assert (at - book.started_at).total_seconds() == spec.max_ttl
            case SessionEvent.END_ACTIVE_TTL:
                assert self.active_seconds(book) == spec.active_ttl
            case SessionEvent.END_INTERACTIVE_TTL:
                assert book.idle_since is not None
                assert (at - book.idle_since).total_seconds() == spec.interactive_ttl
            case SessionEvent.END_IDLE_OPEN:
                assert book.idle_since is not None
                assert (at - book.idle_since).total_seconds() == self.idle_open
            case _:
                pass

    def check_clocks(self, now: datetime) -> None:
        """No session is older than it may be."""
        self.at = now
        for book in self.sessions.values():
            if book.state is SessionState.CLOSED:
                continue
            spec = book.opened.spec
            assert spec.max_ttl is not None
            assert spec.active_ttl is not None
            assert spec.interactive_ttl is not None
            if book.started_at is not None:
                assert (now - book.started_at).total_seconds() <= spec.max_ttl
            assert self.active_seconds(book) <= spec.active_ttl
            if book.idle_since is not None:
                idle = (now - book.idle_since).total_seconds()
                is_open = book.state is SessionState.OPEN
                assert idle <= (self.idle_open if is_open else spec.interactive_ttl)

    def stop_clock(self, book: SessionBook) -> None:
        if book.since is not None:
            book.wall_clock += (self.at - book.since).total_seconds()
        book.since = None

    def charge(self, fact: SessionCharged) -> None:
        book = self.sessions[fact.session_id]
        assert not book.final, "charged after the last charge"
        assert fact.seconds > 0 or fact.final
        book.charged += fact.seconds
        self.owed[book.opened.principal.instance] += fact.seconds
        if fact.final:
            book.final = True
            assert book.state is SessionState.CLOSED
            assert not self.runs(book)

    # --- the books as a whole ---

    def check(self, engine: Engine) -> None:
        for backend in self.devices:
            self.check_work_conservation(engine, backend)
        for id, session in self.sessions.items():
            self.check_session(id, session)
        for instance, owed in self.owed.items():
            paid = sum(seconds for _, seconds in self.charges[instance])
            assert abs(owed - paid) < 1e-6

    def check_session(self, id: SessionId, book: SessionBook) -> None:
        states = [self.jobs[job_id].state for job_id in book.jobs]
        running = JobState.RUNNING in states
        if book.state is SessionState.CLOSED:
            assert JobState.QUEUED not in states
            assert book.final is not running
        elif book.state is SessionState.DRAINING:
            assert running or JobState.QUEUED in states
        else:
            assert running is (book.state is SessionState.BUSY)
        if book.opened.spec.mode is SessionMode.BATCH:
            ended = [self.jobs[job_id].ended for job_id in book.jobs]
            assert abs(book.charged - sum(e.quantum_seconds for e in ended if e)) < 1e-6
        elif book.since is None:
            owed = book.wall_clock
            if self.pace is Pace.INSTANT:
                owed += self.used_less_clock(book)
            assert abs(book.charged - owed) < 1e-6

    def used_less_clock(self, book: SessionBook) -> float:
        """What its jobs used of the device, less the time on the clock while any of them ran."""
        jobs = [self.jobs[job_id] for job_id in book.jobs]
        spans = [
            (job.started_at, job.ended.at, job.ended.quantum_seconds)
            for job in jobs
            if job.started_at is not None and job.ended is not None
        ]
        less, until = sum(used for _, _, used in spans), BEGINNING
        for start, end, _ in sorted(spans):
            less -= max(0.0, (end - max(start, until)).total_seconds())
            until = max(until, end)
        return less

    def held(self, engine: Engine, instance: InstanceId) -> bool:
        limit = self.plans.get(instance, Plan()).usage_seconds
        return limit is not None and engine.used_seconds(instance) >= limit

    def check_work_conservation(self, engine: Engine, backend: str) -> None:
        """A device that is online and empty has nothing that it could run."""
        if self.status[backend] is not BackendStatus.ONLINE or self.running_on(backend):
            return
        holder = self.holder(backend)
        startable = [
            id
            for id, book in self.jobs.items()
            if book.state is JobState.QUEUED
            and book.accepted.spec.backend == backend
            and not self.held(engine, book.accepted.principal.instance)
            and holder in (None, book.accepted.spec.session_id)
        ]
        assert not startable, f"{backend} is free for {startable}"

    def check_usage(self, engine: Engine, now: datetime) -> None:
        for instance, charges in self.charges.items():
            ages = [((now - at).total_seconds(), seconds) for at, seconds in charges]
            least = sum(seconds for age, seconds in ages if age < self.window)
            most = sum(seconds for age, seconds in ages if age <= self.window + self.window / 1024)
            used = engine.used_seconds(InstanceId(instance))
            assert least - 1e-5 <= used <= most + 1e-5


@pytest.fixture
def auditor() -> type[Auditor]:
    """What reads facts and knows which cannot be."""
    return Auditor
