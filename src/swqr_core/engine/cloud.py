"""The state of the engine, and the one way to change it: ``apply`` a fact.

Nothing here decides anything. A fact that was true when it was logged is taken as it is, so a
cloud to which the same facts are applied in the same order is the same cloud.
"""

import heapq
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from swqr_core.lifecycle.job import JobState
from swqr_core.lifecycle.session import SessionEvent, SessionState
from swqr_core.model.backend import BackendStatus
from swqr_core.model.ids import BackendName, InstanceId, JobId, SessionId

from . import scheduling
from .charging import Window, microseconds
from .deadlines import Deadline, Deadlines
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
from .library import Library
from .settings import Device, EngineSettings
from .state import Account, EndedJob, LiveDevice, LiveJob, LiveSession

__all__ = ["Cloud", "Owner"]

Owner = LiveSession | LiveJob | Account
"""What can have a deadline."""


class Cloud:
    """Everything that the engine knows.

    Attributes:
        now: The latest moment it has seen; None before the first.
        sessions: Those that are not closed, or closed with running jobs.
        closed: The instance of each other session.
        jobs: Those that are queued or running.
        ended: What is kept of the others, without deleted ones.
        running: The running jobs by their place in the order of acceptance.
        library: The programs that were uploaded.
    """

    def __init__(self, settings: EngineSettings) -> None:
        self.settings = settings
        self.now: datetime | None = None
        self.devices: dict[BackendName, LiveDevice] = {}
        self.accounts: dict[InstanceId, Account] = {}
        self.sessions: dict[SessionId, LiveSession] = {}
        self.closed: dict[SessionId, InstanceId] = {}
        self.jobs: dict[JobId, LiveJob] = {}
        self.ended: dict[JobId, EndedJob] = {}
        self.running: dict[int, LiveJob] = {}
        self.opened = 0
        self.accepted = 0
        self.library = Library()
        self.deadlines: Deadlines[Owner] = Deadlines()
        self._window = Window(settings.usage_window_seconds)
        self._expiries: list[tuple[datetime, int, Account]] = []
        self._idle_open = timedelta(seconds=settings.idle_open_seconds)
        self._apply: dict[type, Callable[[Any], None]] = {
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
            TagsSet: self._nothing,
            ResultTaken: self._result_taken,
            JobDeleted: self._job_deleted,
            ProgramAdded: self._program_added,
            ProgramChanged: self.library.change,
            ProgramDeleted: self.library.remove,
            JobPinned: self._nothing,
            InterimPublished: self._nothing,
        }

    def apply(self, fact: Fact) -> None:
        """Make it so."""
        self.pass_time(fact.at)
        self._apply[type(fact)](fact)

    def pass_time(self, to: datetime) -> None:
        """Forget usage that does not count any more at that moment; nothing else happens."""
        if self.now is None or to > self.now:
            self.now = to
        while self._expiries and self._expiries[0][0] <= self.now:
            _, _, account = heapq.heappop(self._expiries)
            account.usage.forget(self.now)
            scheduling.refresh(account)

    def account(self, instance: InstanceId) -> Account:
        """Return what there is about an instance, which begins with this."""
        account = self.accounts.get(instance)
        if account is None:
            account = Account(instance, len(self.accounts) + 1, self.settings.plan(instance))
            self.accounts[instance] = account
        return account

    # --- devices -------------------------------------------------------------------------------

    def _device_added(self, fact: DeviceAdded) -> None:
        number = len(self.devices) + 1
        self.devices[fact.device.name] = LiveDevice(fact.device, number)

    def _device_status_set(self, fact: DeviceStatusSet) -> None:
        device = self.devices[fact.name]
        device.status, device.reason = fact.status, fact.reason

    # --- sessions ------------------------------------------------------------------------------

    def _session_opened(self, fact: SessionOpened) -> None:
        spec, account = fact.spec, self.account(fact.principal.instance)
        if spec.max_ttl is None or spec.interactive_ttl is None or spec.active_ttl is None:
            raise ValueError(f"session {fact.session_id!r} was opened with unresolved TTLs")
        self.opened += 1
        session = LiveSession(
            fact.session_id,
            self.opened,
            account,
            self.devices[spec.backend],
            spec,
            timedelta(seconds=spec.max_ttl),
            timedelta(seconds=spec.interactive_ttl),
            timedelta(seconds=spec.active_ttl),
        )
        self.sessions[session.id] = session
        account.session_keys[fact.key] = (fact.content, session.id)
        self._arm_idle_open(session, fact.at)

    def _session_advanced(self, fact: SessionAdvanced) -> None:
        session = self.sessions[fact.session_id]
        session.state = fact.state
        if fact.event is SessionEvent.START_JOB:
            if not session.active:
                self._activate(session, fact.at)
        elif fact.state is SessionState.IDLE:
            if not session.queued:
                self._arm_interactive(session, fact.at)
        elif fact.state is SessionState.INACTIVE:
            self._deactivate(session, fact.at)
            session.charged_from = None
            self.deadlines.disarm(Deadline.INTERACTIVE_TTL, session.number)
        elif fact.state is SessionState.CLOSED:
            self._deactivate(session, fact.at)
            for kind in (Deadline.MAX_TTL, Deadline.IDLE_OPEN, Deadline.INTERACTIVE_TTL):
                self.deadlines.disarm(kind, session.number)
            session.account.started.pop(session.number, None)

    def _activate(self, session: LiveSession, at: datetime) -> None:
        session.active, session.activated_at = True, at
        if session.started_at is None:
            session.started_at = at
            session.account.started[session.number] = session
            self.deadlines.arm(Deadline.MAX_TTL, session.number, session, at + session.max_ttl)
        self.deadlines.arm(Deadline.ACTIVE_TTL, session.number, session, at + session.active_left)
        if session.dedicated:
            session.charged_from = at
            session.busy, session.used = timedelta(), 0
            session.device.holder = session
        head = session.head()
        if head is not None:
            scheduling.offer(head)

    def _deactivate(self, session: LiveSession, at: datetime) -> None:
        if not session.active or session.activated_at is None:
            return
        session.active = False
        session.active_left -= at - session.activated_at
        self.deadlines.disarm(Deadline.ACTIVE_TTL, session.number)
        if session.device.holder is session and not session.device.running:
            session.device.holder = None

    def _session_charged(self, fact: SessionCharged) -> None:
        session = self.sessions[fact.session_id]
        if fact.final:
            del self.sessions[session.id]
            self.closed[session.id] = session.account.id

    def _arm_idle_open(self, session: LiveSession, at: datetime) -> None:
        self.deadlines.arm(Deadline.IDLE_OPEN, session.number, session, at + self._idle_open)

    def _arm_interactive(self, session: LiveSession, at: datetime) -> None:
        deadline = at + session.interactive_ttl
        self.deadlines.arm(Deadline.INTERACTIVE_TTL, session.number, session, deadline)

    # --- usage ---------------------------------------------------------------------------------

    def _instance_charged(self, fact: InstanceCharged) -> None:
        account = self.account(fact.instance)
        expires = self._window.expiry(fact.at)
        if account.usage.add(microseconds(fact.seconds), expires):
            heapq.heappush(self._expiries, (expires, account.number, account))
        self._arm_usage(account)

    def _arm_usage(self, account: Account) -> None:
        """Watch for the moment when what an instance has queued may start again."""
        if account.held and account.queued and account.limit is not None:
            freed = account.usage.below_at(account.limit)
            if freed is not None:
                self.deadlines.arm(Deadline.USAGE_FREED, account.number, account, freed)

    # --- jobs ----------------------------------------------------------------------------------

    def _job_accepted(self, fact: JobAccepted) -> None:
        account, device = self.account(fact.principal.instance), self.devices[fact.spec.backend]
        session_id = fact.spec.session_id
        session = None if session_id is None else self.sessions[session_id]
        self.accepted += 1
        job = LiveJob(
            fact.job_id,
            self.accepted,
            account,
            device,
            session,
            fact.time_limit,
            fact.spec.private,
        )
        self.jobs[job.id] = job
        account.job_keys[fact.key] = (fact.content, job.id)
        account.accepted = fact.number
        account.queued[job.seq] = job
        account.waiting[device.number] = account.waiting.get(device.number, 0) + 1
        if session is None:
            scheduling.offer(job)
        else:
            session.enqueue(job)
            if session.queued == 1:
                self.deadlines.disarm(Deadline.IDLE_OPEN, session.number)
                self.deadlines.disarm(Deadline.INTERACTIVE_TTL, session.number)
                scheduling.offer(job)
        if not self.deadlines.is_armed(Deadline.USAGE_FREED, account.number):
            self._arm_usage(account)

    def _job_started(self, fact: JobStarted) -> None:
        job = self.jobs[fact.job_id]
        device, session = job.device, job.session
        self._leave_queue(job, JobState.RUNNING)
        job.started_at = fact.at
        self.running[job.seq] = job
        job.account.running += 1
        device.running += 1
        if session is not None:
            session.running += 1
            device.holder = session
            if session.busy_since is None:
                session.busy_since = fact.at

    def _leave_queue(self, job: LiveJob, state: JobState) -> None:
        account, session = job.account, job.session
        was_head = session is not None and session.head() is job
        job.state = state
        del account.queued[job.seq]
        account.waiting[job.device.number] -= 1
        if not account.queued:
            self.deadlines.disarm(Deadline.USAGE_FREED, account.number)
        if session is None:
            return
        session.queued -= 1
        if was_head and session.state is not SessionState.CLOSED:
            head = session.head()
            if head is not None:
                scheduling.offer(head)

    def _job_executed(self, fact: JobExecuted) -> None:
        job = self.jobs[fact.job_id]
        job.outcome = fact.outcome
        self.deadlines.arm(Deadline.JOB_DUE, job.seq, job, fact.due_at)

    def _job_ended(self, fact: JobEnded) -> None:
        job = self.jobs.pop(fact.job_id)
        if job.state is JobState.QUEUED:
            self._leave_queue(job, fact.state)
        else:
            self._leave_device(job, fact)
        waits = job.private and fact.result is not None
        self.ended[job.id] = job.account.ending(fact.state, private_result=waits)
        session = job.session
        if session is None or session.has_work:
            return
        if session.state is SessionState.OPEN:
            self._arm_idle_open(session, fact.at)
        elif session.state is SessionState.IDLE:
            self._arm_interactive(session, fact.at)

    def _leave_device(self, job: LiveJob, fact: JobEnded) -> None:
        job.state = fact.state
        self.deadlines.disarm(Deadline.JOB_DUE, job.seq)
        del self.running[job.seq]
        job.account.running -= 1
        device = job.device
        device.running -= 1
        if job.session is not None:
            self._leave_session(job.session, fact)
        holder = device.holder
        if holder is not None and not device.running and not (holder.dedicated and holder.active):
            device.holder = None

    def _leave_session(self, session: LiveSession, fact: JobEnded) -> None:
        session.running -= 1
        session.used += microseconds(fact.quantum_seconds)
        if not session.running and session.busy_since is not None:
            session.busy += fact.at - session.busy_since
            session.busy_since = None

    def _result_taken(self, fact: ResultTaken) -> None:
        job = self.ended[fact.job_id]
        account = self.account(job.instance)
        self.ended[fact.job_id] = account.ending(job.state, private_result=False)

    def _job_deleted(self, fact: JobDeleted) -> None:
        del self.ended[fact.job_id]

    # --- from documents ------------------------------------------------------------------------

    def add_device(self, device: Device, status: BackendStatus, reason: str) -> None:
        """Take in a device on which nothing runs yet."""
        made = LiveDevice(device, len(self.devices) + 1, status, reason)
        self.devices[device.name] = made

    def add_usage(self, account: Account, parts: Iterable[tuple[datetime, int]]) -> None:
        """Take in what an instance has used, oldest first."""
        for expires, amount in parts:
            account.usage.add(amount, expires)
            heapq.heappush(self._expiries, (expires, account.number, account))

    def add_job(self, job: LiveJob) -> None:
        """Take in a job that is queued or running; they come in the order of acceptance."""
        account, device, session = job.account, job.device, job.session
        self.jobs[job.id] = job
        if job.state is JobState.QUEUED:
            account.queued[job.seq] = job
            account.waiting[device.number] = account.waiting.get(device.number, 0) + 1
            if session is not None:
                session.enqueue(job)
            return
        self.running[job.seq] = job
        account.running += 1
        device.running += 1
        if session is not None:
            session.running += 1

    def queue_up(self) -> None:
        """Let all compete that wait, once everything was taken in."""
        for job in self.jobs.values():
            if job.state is JobState.QUEUED and job.session is None:
                scheduling.offer(job)
        for session in self.sessions.values():
            head = session.head()
            if head is not None and session.state is not SessionState.CLOSED:
                scheduling.offer(head)

    # --- programs ------------------------------------------------------------------------------

    def _program_added(self, fact: ProgramAdded) -> None:
        self.library.add(fact)
        keys = self.account(fact.principal.instance).program_keys
        keys[fact.key] = (fact.content, fact.program_id)

    def _nothing(self, fact: TagsSet | JobPinned | InterimPublished) -> None:
        """Do not keep what no rule asks for."""
