"""What the facts amount to: every session and job as snapshots, found by id or by question.

The engine forgets what it no longer needs; the view remembers all of it, and is what queries are
answered from. It holds only published facts, so nobody reads what is not yet durable.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from attrs import evolve

from swqr_core.errors import JobNotFoundError, SessionNotFoundError
from swqr_core.lifecycle.job import JobState
from swqr_core.lifecycle.session import SessionReason, SessionState
from swqr_core.model.backend import BackendStatus
from swqr_core.model.ids import InstanceId, JobId
from swqr_core.model.job import Job, JobMetrics
from swqr_core.model.payload import Payload
from swqr_core.model.principal import Principal
from swqr_core.model.query import JobQuery, Page, SessionQuery
from swqr_core.model.session import Session, SessionStep
from swqr_core.model.usage import JobUsage

from .facts import (
    DeviceAdded,
    DeviceStatusSet,
    Fact,
    InstanceCharged,
    InterimPublished,
    JobAccepted,
    JobDeleted,
    JobEnded,
    JobExecuted,
    JobPinned,
    JobStarted,
    ProgramAdded,
    ProgramChanged,
    ProgramDeleted,
    ResultTaken,
    SessionAdvanced,
    SessionCharged,
    SessionOpened,
    TagsSet,
)
from .kept import Charges, JobRecord, SessionRecord, Tenant
from .library import Library
from .matching import Found, conditions, page, session_matches, window

__all__ = ["View"]

T = TypeVar("T")

_ACTIVE = frozenset({SessionState.BUSY, SessionState.IDLE, SessionState.DRAINING})


class View:
    """All sessions, jobs and programs as they are after the facts that were applied.

    Attributes:
        library: The programs that were uploaded.
    """

    def __init__(self) -> None:
        self._jobs: dict[str, JobRecord] = {}
        self._sessions: dict[str, SessionRecord] = {}
        self._tenants: dict[InstanceId, Tenant] = {}
        self._queues: dict[str, int] = {}
        self._status: dict[str, tuple[BackendStatus, str]] = {}
        self._pinned: dict[str, JobPinned] = {}
        self._interim: dict[str, list[Payload]] = {}
        self._found_jobs: Found[Job] = Found()
        self._found_sessions: Found[SessionRecord] = Found()
        self.library = Library()
        self._rules: dict[type, Callable[[Any], None]] = {
            DeviceAdded: self._device_added,
            DeviceStatusSet: self._device_status_set,
            SessionOpened: self._session_opened,
            SessionAdvanced: self._session_advanced,
            SessionCharged: self._session_charged,
            InstanceCharged: self._instance_charged,
            JobAccepted: self._job_accepted,
            JobStarted: self._job_started,
            JobExecuted: self._job_executed,
            JobEnded: self._job_ended,
            TagsSet: self._tags_set,
            ResultTaken: self._result_taken,
            JobDeleted: self._job_deleted,
            ProgramAdded: self.library.add,
            ProgramChanged: self.library.change,
            ProgramDeleted: self.library.remove,
            JobPinned: self._job_pinned,
            InterimPublished: self._interim_published,
        }

    # --- facts ---------------------------------------------------------------------------------

    def apply(self, fact: Fact) -> None:
        """Take in one fact; they must come in the order in which they became so."""
        self._found_jobs.forget()
        self._found_sessions.forget()
        self._rules[type(fact)](fact)

    def _device_added(self, fact: DeviceAdded) -> None:
        self._queues.setdefault(fact.device.name, 0)

    def _device_status_set(self, fact: DeviceStatusSet) -> None:
        self._status[fact.name] = fact.status, fact.reason

    def _session_opened(self, fact: SessionOpened) -> None:
        spec = fact.spec
        created = SessionReason.CREATED.value
        session = Session(
            id=fact.session_id,
            backend=spec.backend,
            mode=spec.mode,
            state=SessionState.OPEN,
            reason=created,
            accepting_jobs=True,
            created_at=fact.at,
            max_ttl=spec.max_ttl,
            interactive_ttl=spec.interactive_ttl,
            active_ttl=spec.active_ttl,
            user=fact.principal.user,
            instance=fact.principal.instance,
            extra=spec.extra,
        )
        self._sessions[fact.session_id] = SessionRecord(
            session, spec.active_ttl or spec.max_ttl or 0
        )
        self._sessions[fact.session_id].steps.append(
            SessionStep(SessionState.OPEN, fact.at, created)
        )
        self._tenant(fact.principal.instance).sessions[fact.session_id] = None

    def _session_advanced(self, fact: SessionAdvanced) -> None:
        record = self._sessions[fact.session_id]
        before = record.session
        if fact.state is before.state:
            if record.active_since is None:  # a job starts in a session that is draining
                self._activate(record, fact.at)
            return
        record.steps.append(SessionStep(fact.state, fact.at, fact.reason))
        record.session = evolve(
            before,
            state=fact.state,
            reason=fact.reason,
            accepting_jobs=fact.state.accepts_jobs,
            closed_at=fact.at if fact.state is SessionState.CLOSED else None,
        )
        if fact.state is SessionState.BUSY and record.active_since is None:
            self._activate(record, fact.at)
        elif fact.state not in _ACTIVE and record.active_since is not None:
            record.active_before += (fact.at - record.active_since).total_seconds()
            record.active_since = None

    def _activate(self, record: SessionRecord, at: datetime) -> None:
        session = record.session
        record.active_since = at
        record.session = evolve(session, activated_at=at, started_at=session.started_at or at)

    def _session_charged(self, fact: SessionCharged) -> None:
        record = self._sessions[fact.session_id]
        record.charged += fact.seconds
        if fact.final:
            record.session = evolve(record.session, usage_seconds=record.charged)

    def _instance_charged(self, fact: InstanceCharged) -> None:
        self._tenant(fact.instance).charges.add(fact.at, fact.seconds)

    def _job_accepted(self, fact: JobAccepted) -> None:
        spec, tenant = fact.spec, self._tenant(fact.principal.instance)
        job = Job(
            id=fact.job_id,
            spec=spec,
            state=JobState.QUEUED,
            created_at=fact.at,
            time_limit=fact.time_limit,
            params=fact.params,
            user=fact.principal.user,
            instance=fact.principal.instance,
        )
        self._jobs[fact.job_id] = JobRecord(job, fact.number)
        tenant.add(job)
        tenant.by_key[fact.key] = fact.job_id
        if spec.session_id is not None:
            self._sessions[spec.session_id].jobs[fact.job_id] = None
        self._queues[spec.backend] = self._queues.get(spec.backend, 0) + 1

    def _job_started(self, fact: JobStarted) -> None:
        record = self._jobs[fact.job_id]
        spec = record.job.spec
        record.job = evolve(record.job, state=JobState.RUNNING, running_at=fact.at)
        self._queues[spec.backend] -= 1
        if spec.session_id is not None:
            inside = self._sessions[spec.session_id]
            inside.session = evolve(inside.session, last_job_started_at=fact.at)

    def _job_executed(self, fact: JobExecuted) -> None:
        pass  # the device is still busy; to the outside the job runs

    def _job_ended(self, fact: JobEnded) -> None:
        record = self._jobs[fact.job_id]
        before = record.job
        spec = before.spec
        if before.state is JobState.QUEUED:
            self._queues[spec.backend] -= 1
        self._pinned.pop(fact.job_id, None)
        record.logs, record.metrics = fact.logs, dict(fact.metrics) or None
        record.job = evolve(
            before,
            state=fact.state,
            ended_at=fact.at,
            reason=fact.reason,
            reason_code=fact.reason_code,
            reason_solution=fact.reason_solution,
            result=fact.result,
            usage=JobUsage(quantum_seconds=fact.quantum_seconds, final=True),
        )
        if before.instance is not None:
            self._tenant(before.instance).pending.pop(fact.job_id, None)
        if spec.session_id is not None and before.state is JobState.RUNNING:
            inside = self._sessions[spec.session_id]
            inside.session = evolve(inside.session, last_job_ended_at=fact.at)

    def _tags_set(self, fact: TagsSet) -> None:
        record = self._jobs[fact.job_id]
        tenant = self._tenant(record.job.instance or InstanceId(""))
        tenant.untag(record.job)
        record.job = evolve(record.job, spec=evolve(record.job.spec, tags=fact.tags))
        tenant.tag(record.job)

    def _result_taken(self, fact: ResultTaken) -> None:
        record = self._jobs[fact.job_id]
        record.job = evolve(record.job, result=None)
        self._interim.pop(fact.job_id, None)

    def _job_deleted(self, fact: JobDeleted) -> None:
        job = self._jobs.pop(fact.job_id).job
        self._interim.pop(fact.job_id, None)
        self._tenant(job.instance or InstanceId("")).remove(job)
        if job.spec.session_id is not None:
            self._sessions[job.spec.session_id].jobs.pop(fact.job_id, None)

    def _job_pinned(self, fact: JobPinned) -> None:
        self._pinned[fact.job_id] = fact

    def _interim_published(self, fact: InterimPublished) -> None:
        self._interim.setdefault(fact.job_id, []).extend(fact.results)

    def _tenant(self, instance: InstanceId) -> Tenant:
        tenant = self._tenants.get(instance)
        if tenant is None:
            tenant = self._tenants[instance] = Tenant()
        return tenant

    # --- questions -----------------------------------------------------------------------------

    def job(self, principal: Principal, job_id: str) -> Job:
        """Return a job of the principal's instance.

        Raises:
            JobNotFoundError: There is none of that id.
        """
        return self._job_record(principal, job_id).job

    def by_id(self, job_id: str) -> Job:
        """Return a job of any instance that is known to exist."""
        return self._jobs[job_id].job

    def has_ended(self, job_id: str) -> bool:
        """Return whether a job has ended, or was deleted after that."""
        record = self._jobs.get(job_id)
        return record is None or record.job.state.ended

    def number(self, job_id: str) -> int:
        """Return a job's place in the order of acceptance of its instance, from 1."""
        return self._jobs[job_id].number

    def logs(self, principal: Principal, job_id: str) -> Payload | None:
        """Return the address of a job's log, if it has one."""
        return self._job_record(principal, job_id).logs

    def pinned(self, job_id: str) -> JobPinned | None:
        """Return the uploaded program that a job which has not ended runs, if it runs one."""
        return self._pinned.get(job_id)

    def all_pinned(self) -> tuple[JobPinned, ...]:
        """Return the same for all jobs that have not ended."""
        return tuple(self._pinned.values())

    def interim(self, job_id: str) -> Sequence[Payload]:
        """Return the addresses of all that a job has published so far, in order."""
        return self._interim.get(job_id, ())

    def metrics(self, principal: Principal, job_id: str) -> JobMetrics:
        """Return what is known about a job's run."""
        record = self._job_record(principal, job_id)
        job = record.job
        return JobMetrics(
            created_at=job.created_at,
            running_at=job.running_at,
            ended_at=job.ended_at,
            usage=job.usage,
            values=dict(record.metrics or {}),
        )

    def _job_record(self, principal: Principal, job_id: str) -> JobRecord:
        record = self._jobs.get(job_id)
        if record is None or record.job.instance != principal.instance:
            raise JobNotFoundError(job_id)
        return record

    def session(self, principal: Principal, session_id: str, at: datetime) -> Session:
        """Return a session of the principal's instance, with the active time left *at* a time.

        Raises:
            SessionNotFoundError: There is none of that id.
        """
        record = self._sessions.get(session_id)
        if record is None or record.session.instance != principal.instance:
            raise SessionNotFoundError(session_id)
        return self._as_of(record, at)

    def _as_of(self, record: SessionRecord, at: datetime) -> Session:
        spent = record.active_before
        if record.active_since is not None:
            spent += (at - record.active_since).total_seconds()
        left = max(0, int(record.active_ttl - spent))
        return evolve(record.session, active_ttl=left, steps=tuple(record.steps))

    def jobs(self, principal: Principal, query: JobQuery) -> Page[Job]:
        """Return the jobs of the principal's instance that match."""
        everything = self._tenant(principal.instance).jobs
        if query == JobQuery(newest_first=query.newest_first, limit=query.limit):
            # The first page of everything is asked the most often, and needs no list of it.
            ids = islice(reversed(everything) if query.newest_first else everything, query.limit)
            return page((self._jobs[i].job for i in ids), len(everything), query)
        found = self._found_jobs.of(
            principal.instance, query, lambda: self._matching_jobs(principal.instance, query)
        )
        return page(window(found, query), len(found), query)

    def _matching_jobs(self, instance: InstanceId, query: JobQuery) -> list[Job]:
        """Return all jobs of an instance that match, oldest first."""
        tenant = self._tenant(instance)
        if query.key is None:
            inside = self._sessions.get(query.session_id or "")
            mine = inside is not None and inside.session.instance == instance
            ids = tenant.candidates(query, inside.jobs if inside is not None and mine else {})
        else:
            known = tenant.by_key.get(query.key)
            ids = {known: None} if known in tenant.jobs else {}
        asked = list(conditions(query))
        known_jobs = (self._jobs[i].job for i in ids)
        jobs = [job for job in known_jobs if all(ok(job) for ok in asked)]
        jobs.sort(key=lambda job: self._jobs[job.id].number)
        return jobs

    def sessions(self, principal: Principal, query: SessionQuery, at: datetime) -> Page[Session]:
        """Return the sessions and batches of the principal's instance that match."""
        records = (self._sessions[i] for i in self._tenant(principal.instance).sessions)
        found = self._found_sessions.of(
            principal.instance,
            query,
            lambda: [r for r in records if session_matches(r.session, query)],
        )
        return page((self._as_of(r, at) for r in window(found, query)), len(found), query)

    def queue_length(self, backend: str) -> int:
        """Return how many jobs wait for a backend, over all instances."""
        return self._queues.get(backend, 0)

    def status(self, backend: str) -> tuple[BackendStatus, str]:
        """Return a backend's status and its reason."""
        return self._status.get(backend, (BackendStatus.ONLINE, ""))

    def devices(self) -> tuple[str, ...]:
        """Return the names of the backends that were used so far."""
        return tuple(self._queues)

    def payloads(self) -> Iterator[Payload]:
        """Yield the addresses of all bytes of all jobs, each as often as it is needed."""
        for job_id in self._jobs:
            yield from self.payloads_of(job_id)

    def payloads_of(self, job_id: str) -> Iterator[Payload]:
        """Yield the addresses of all bytes of a job that is known to exist."""
        record = self._jobs[job_id]
        for payload in (record.job.params, record.job.result, record.logs):
            if payload is not None:
                yield payload
        yield from self._interim.get(job_id, ())

    def consumed(self, instance: InstanceId, since: datetime) -> float:
        """Return the seconds charged to an instance since a time; what is older is forgotten."""
        charges = self.charges(instance)
        charges.forget(since)
        return charges.total()

    # --- documents -----------------------------------------------------------------------------

    def charges(self, instance: InstanceId) -> Charges:
        """Return what an instance was charged."""
        return self._tenant(instance).charges

    def session_record(self, session_id: str) -> SessionRecord:
        """Return all that is kept of a session that is known to exist."""
        return self._sessions[session_id]

    def job_record(self, job_id: str) -> JobRecord | None:
        """Return all that is kept of a job, if it is there."""
        return self._jobs.get(job_id)

    def add_device(self, name: str, status: BackendStatus, reason: str) -> None:
        """Take in a device."""
        self._queues[name] = 0
        self._status[name] = status, reason

    def add_key(self, instance: InstanceId, key: str, job_id: JobId) -> None:
        """Take in which job a key has made; the job may be deleted."""
        self._tenant(instance).by_key[key] = job_id

    def add_session(
        self,
        session: Session,
        active_ttl: int,
        active_since: datetime | None,
        active_before: float,
        charged: float,
    ) -> None:
        """Take in a session with its steps; they come in the order of opening."""
        plain = evolve(session, steps=())
        self._sessions[session.id] = SessionRecord(
            plain, active_ttl, active_since, active_before, charged, list(session.steps)
        )
        self._tenant(session.instance or InstanceId("")).sessions[session.id] = None

    def add_job(
        self,
        record: JobRecord,
        interim: Sequence[Payload],
        pinned: JobPinned | None,
    ) -> None:
        """Take in a job; they come in the order of acceptance."""
        job = record.job
        self._jobs[job.id] = record
        self._tenant(job.instance or InstanceId("")).add(job)
        if job.spec.session_id is not None:
            self._sessions[job.spec.session_id].jobs[job.id] = None
        if job.state is JobState.QUEUED:
            self._queues[job.spec.backend] = self._queues.get(job.spec.backend, 0) + 1
        if interim:
            self._interim[job.id] = list(interim)
        if pinned is not None:
            self._pinned[job.id] = pinned
