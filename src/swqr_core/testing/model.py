"""A second opinion: a quantum cloud as IBM's guides describe it, written down as simply as can be.

It is what a transport's snapshots are compared with, so it shares no code with what swqr itself is
made of: nothing of ``lifecycle`` and ``engine``, not even their words for states. Everything is
looked up by walking over all sessions and jobs, each time anew.

All times and durations are whole microseconds since the cloud's beginning.
"""

from collections.abc import Iterator
from typing import Final

from attrs import define, field, frozen

__all__ = ["ModelCloud", "ModelJob", "ModelSession", "Refused", "Rules", "microseconds"]


def microseconds(seconds: float) -> int:
    """Return seconds as whole microseconds."""
    return round(seconds * 1_000_000)


@frozen(kw_only=True)
class Rules:
    """What differs between platforms that all keep the contract.

    Attributes:
        max_ttl: The longest and the default ``max_ttl`` of a session, in seconds.
        interactive_ttl: The default ``interactive_ttl``, in seconds.
        job_seconds: The longest and the default device time of a job, in seconds.
        idle_open_seconds: After how long without any job an open session closes; None for never.
        plain_lanes: How many plain jobs run on a backend side by side.
        session_lanes: How many jobs of one session or batch run on a backend side by side.
        lost_jobs: How the queued jobs of a session that closes end: ``failed`` or ``cancelled``.
        lost_code: The reason code that these get; None for any.
        tells_order: Whether jobs start in the order that the guides give: fair share between
            instances, first in, first out within one. If not, nobody else may use the platform.
        precision: Seconds by which the platform's times may be off.
        untold: Fields of ``Session`` and ``Job`` that the platform does not tell, beside those
            that go with a capability that it lacks.
    """

    max_ttl: int = 28_800
    interactive_ttl: int = 60
    job_seconds: int = 10_800
    idle_open_seconds: int | None = 1_800
    plain_lanes: int = 1
    session_lanes: int = 5
    lost_jobs: str = "failed"
    lost_code: int | None = 1217
    precision: float = 0.0
    untold: frozenset[str] = frozenset()


class Refused(Exception):  # noqa: N818 - what happened
    """A command that a platform must refuse, and of which no trace may stay."""


@define(eq=False)
class ModelJob:
    """A job.

    Attributes:
        number: Its place in the order of acceptance on the whole platform.
        plan: What will become of its execution: ``completed`` or ``failed``, and the device time
            that it needs; None if that is undecided.
        due: When it ends, once it has started and that is decided.
        used: Device time that it has cost.
    """

    number: int
    instance: str
    backend: str
    session: "ModelSession | None"
    limit: int
    created: int
    state: str = "queued"
    plan: tuple[str, int, int | None] | None = None
    started: int | None = None
    due: int | None = None
    ended: int | None = None
    used: int = 0
    code: int | None = None

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.ended is not None


@define(eq=False)
class ModelSession:
    """A session or batch.

    Attributes:
        number: Its place in the order of opening on the whole platform.
        active: Whether it has priority on its backend.
        active_left: What is left of its active TTL, without the time since it was activated.
        quiet_since: Since when none of its jobs is queued or running.
        charged_from: From when a dedicated session's time is still to be charged.
        usage: What it has cost so far.
        settled: Whether that is final.
        story: Every state with the moment in which it was entered.
    """

    number: int
    instance: str
    backend: str
    dedicated: bool
    max_ttl: int
    interactive_ttl: int
    active_ttl: int
    created: int
    state: str = "open"
    active: bool = False
    active_left: int = 0
    quiet_since: int = 0
    started: int | None = None
    activated: int | None = None
    closed: int | None = None
    last_start: int | None = None
    last_end: int | None = None
    charged_from: int | None = None
    usage: int = 0
    settled: bool = False
    story: list[tuple[str, int]] = field(factory=list)

    @property
    def accepts_jobs(self) -> bool:
        """Whether new jobs may be submitted."""
        return self.state not in {"draining", "closed"}


# What happens first among what happens in the same moment: a session's end, so that nothing starts
# in a session that is over; then the ends of jobs; then what follows from there being none.
_MAX_TTL: Final = 0
_ACTIVE_TTL: Final = 1
_IDLE_OPEN: Final = 2
_JOB: Final = 3
_INTERACTIVE_TTL: Final = 4

_Due = tuple[int, int, int, "ModelSession | ModelJob"]


@define(eq=False)
class ModelCloud:
    """The platform.

    Attributes:
        rules: What it is like.
        now: The present moment.
        sessions: All sessions, in the order of opening.
        jobs: All jobs, in the order of acceptance.
        offline: The backends that start nothing at the moment.
        used: What each instance was charged.
    """

    rules: Rules = field(factory=Rules)
    now: int = 0
    sessions: list[ModelSession] = field(factory=list)
    jobs: list[ModelJob] = field(factory=list)
    offline: set[str] = field(factory=set)
    used: dict[str, int] = field(factory=dict)
    _at_once: list[ModelJob] = field(factory=list)

    # --- time ----------------------------------------------------------------------------------

    def next_due(self) -> int | None:
        """Return when something happens by itself; None if nothing will."""
        first = min(self._due(), default=None, key=_order)
        return None if first is None else first[0]

    def limits(self) -> list[int]:
        """Return every moment at which something would happen by itself, soonest first."""
        return sorted({due[0] for due in self._due()})

    def advance_to(self, moment: int) -> None:
        """Let time pass, and all happen that is due, one thing after another."""
        while True:
            first = min(self._due(), default=None, key=_order)
            if first is None or first[0] > moment:
                break
            self.now, kind, _, owner = first
            if isinstance(owner, ModelJob):
                self._conclude(owner)
            elif kind == _INTERACTIVE_TTL:
                self._inactivate(owner)
            else:
                self._close(owner)
            self._settle()
        self.now = moment

    def _due(self) -> Iterator[_Due]:
        for job in self.jobs:
            if job.state == "running" and job.due is not None:
                yield job.due, _JOB, job.number, job
        for session in self.sessions:
            if session.state == "closed":
                continue
            number = session.number
            if session.started is not None:
                yield session.started + session.max_ttl, _MAX_TTL, number, session
            if session.active and session.activated is not None:
                yield session.activated + session.active_left, _ACTIVE_TTL, number, session
            if self._has_work(session):
                continue
            idle_open = self.rules.idle_open_seconds
            if session.state == "open" and idle_open is not None:
                end = session.quiet_since + microseconds(idle_open)
                yield end, _IDLE_OPEN, number, session
            if session.state == "idle":
                end = session.quiet_since + session.interactive_ttl
                yield end, _INTERACTIVE_TTL, number, session

    # --- commands ------------------------------------------------------------------------------

    def open(
        self,
        *,
        instance: str,
        backend: str,
        dedicated: bool,
        max_ttl: int | None = None,
        interactive_ttl: int | None = None,
        active_ttl: int | None = None,
    ) -> ModelSession:
        """Open a session or batch; TTLs are in seconds, and None for the platform's."""
        rules = self.rules
        longest = min(rules.max_ttl if max_ttl is None else max_ttl, rules.max_ttl)
        active = min(longest if active_ttl is None else active_ttl, longest)
        wanted = rules.interactive_ttl if interactive_ttl is None else interactive_ttl
        session = ModelSession(
            number=len(self.sessions) + 1,
            instance=instance,
            backend=backend,
            dedicated=dedicated,
            max_ttl=microseconds(longest),
            interactive_ttl=microseconds(min(wanted, active)),
            active_ttl=microseconds(active),
            created=self.now,
            active_left=microseconds(active),
            quiet_since=self.now,
        )
        session.story.append(("open", self.now))
        self.sessions.append(session)
        return session

    def submit(
        self,
        *,
        instance: str,
        backend: str,
        session: ModelSession | None = None,
        limit: int | None = None,
    ) -> ModelJob:
        """Queue a job, which may start at once.

        Raises:
            Refused: The session takes no new jobs, is on another backend or somebody else's.
        """
        if session is not None and (
            not session.accepts_jobs or session.backend != backend or session.instance != instance
        ):
            raise Refused
        longest = self.rules.job_seconds
        job = ModelJob(
            number=len(self.jobs) + 1,
            instance=instance,
            backend=backend,
            session=session,
            limit=microseconds(min(limit or longest, longest)),
            created=self.now,
        )
        self.jobs.append(job)
        self._settle()
        return job

    def decide(
        self, job: ModelJob, how: str, seconds: float = 0.0, code: int | None = None
    ) -> None:
        """Decide how a job's execution ends: ``completed`` or ``failed``, after device time."""
        job.plan = (how, microseconds(seconds), code)
        if job.state == "running":
            self._arrange(job)
            self._settle()

    def cancel_job(self, job: ModelJob) -> None:
        """Stop a job.

        Raises:
            Refused: It has ended.
        """
        if job.is_over:
            raise Refused
        used = 0 if job.started is None else min(self.now - job.started, job.limit)
        self._end(job, "cancelled", used)
        self._settle()

    def drain(self, session: ModelSession) -> None:
        """Let a session take no new jobs."""
        if not self._has_work(session):
            self._close(session)
        elif session.state != "closed":
            self._enter(session, "draining")
        self._settle()

    def cancel_session(self, session: ModelSession) -> None:
        """Close a session."""
        self._close(session)
        self._settle()

    def set_online(self, backend: str, *, online: bool) -> None:
        """Let a backend start jobs or not; what runs goes on."""
        (self.offline.discard if online else self.offline.add)(backend)
        self._settle()

    # --- what follows --------------------------------------------------------------------------

    def _settle(self) -> None:
        """Start whatever may start, and end whatever ends as soon as it has started."""
        while True:
            for backend in dict.fromkeys(job.backend for job in self.jobs):
                while (job := self._next_on(backend)) is not None:
                    self._start(job)
            for session in self.sessions:
                if session.state == "busy" and not self._running(session):
                    self._enter(session, "idle")
            if not self._at_once:
                return
            self._conclude(self._at_once.pop(0))

    def _next_on(self, backend: str) -> ModelJob | None:
        """Return the job that starts there now: the queueing rules.

        An active dedicated session has the backend to itself, and keeps it until its last running
        job has ended. Otherwise active batches come before the normal queue, one at a time; the
        one whose queued job is the oldest waits for the backend to be empty, and nobody passes.
        In the normal queue comes first who has used least; then, who came first. A session's
        first job needs the backend empty.
        """
        if backend in self.offline:
            return None
        running = [j for j in self.jobs if j.state == "running" and j.backend == backend]
        here = [s for s in self.sessions if s.backend == backend]
        for session in here:
            if session.dedicated and (session.active or self._running(session)):
                full = len(running) >= self.rules.session_lanes
                return None if full or not session.active else self._head(session)
        heads = [head for s in here if s.active and (head := self._head(s)) is not None]
        if heads:
            first = min(heads, key=lambda job: job.number)
            alone = all(job.session is first.session for job in running)
            return first if alone and len(running) < self.rules.session_lanes else None
        if any(job.session is not None for job in running):
            return None
        waiting = [
            job
            for job in self.jobs
            if job.state == "queued"
            and job.backend == backend
            and (job.session is None or job is self._head(job.session))
        ]
        if not waiting or len(running) >= self.rules.plain_lanes:
            return None
        first = min(waiting, key=lambda job: (self.used.get(job.instance, 0), job.number))
        return None if first.session is not None and running else first

    def _start(self, job: ModelJob) -> None:
        job.state, job.started = "running", self.now
        session = job.session
        if session is not None:
            session.last_start = self.now
            if session.started is None:
                session.started = self.now
            if not session.active:
                session.active, session.activated = True, self.now
                if session.dedicated:
                    session.charged_from = self.now
            if session.state != "draining":
                self._enter(session, "busy")
        self._arrange(job)

    def _arrange(self, job: ModelJob) -> None:
        """Let a running job end when it has kept its device for as long as it needs or may."""
        if job.plan is None or job.started is None:
            return
        due = job.started + min(job.plan[1], job.limit)
        if due > self.now:
            job.due = due
        else:
            self._at_once.append(job)

    def _conclude(self, job: ModelJob) -> None:
        if job.is_over or job.plan is None:
            return
        how, needed, code = job.plan
        if needed > job.limit:
            self._end(job, "timed_out", job.limit, 1305)
        else:
            self._end(job, how, needed, code)

    def _end(self, job: ModelJob, state: str, used: int, code: int | None = None) -> None:
        was_running = job.state == "running"
        job.state, job.ended, job.used, job.code = state, self.now, used, code
        session = job.session
        if session is None or not session.dedicated:
            self._charge(job.instance, used)
        if session is None:
            return
        if was_running:
            session.last_end = self.now
        if not session.dedicated:
            session.usage += used
        if not self._has_work(session):
            session.quiet_since = self.now
        if session.state == "closed":
            self._finalize(session)
        elif not self._has_work(session):
            if session.state == "draining":
                self._close(session)
            elif session.state == "busy":
                self._enter(session, "idle")

    def _close(self, session: ModelSession) -> None:
        """Close a session: what runs goes on, what is queued does not run."""
        if session.state == "closed":
            return
        self._enter(session, "closed")
        session.closed = self.now
        self._deactivate(session)
        for job in self.jobs:
            if job.session is session and job.state == "queued":
                self._end(job, self.rules.lost_jobs, 0, self.rules.lost_code)
        self._finalize(session)

    def _inactivate(self, session: ModelSession) -> None:
        self._enter(session, "inactive")
        self._deactivate(session)
        self._charge_clock(session)

    def _deactivate(self, session: ModelSession) -> None:
        if session.active and session.activated is not None:
            session.active_left -= self.now - session.activated
        session.active = False

    def _finalize(self, session: ModelSession) -> None:
        """Finish charging a session that is closed once none of its jobs runs any more."""
        if not session.settled and not self._running(session):
            self._charge_clock(session)
            session.settled = True

    def _charge_clock(self, session: ModelSession) -> None:
        """Charge a dedicated session for the time since that was last done."""
        if session.charged_from is not None:
            spent = self.now - session.charged_from
            session.usage += spent
            session.charged_from = None
            self._charge(session.instance, spent)

    def _charge(self, instance: str, amount: int) -> None:
        self.used[instance] = self.used.get(instance, 0) + amount

    def _enter(self, session: ModelSession, state: str) -> None:
        if session.state != state:
            session.state = state
            session.story.append((state, self.now))

    # --- looking -------------------------------------------------------------------------------

    def active_ttl_left(self, session: ModelSession) -> int:
        """Return what is left of a session's active TTL now."""
        spent = self.now - (session.activated or 0) if session.active else 0
        return max(0, session.active_left - spent)

    def _has_work(self, session: ModelSession) -> bool:
        return any(job.session is session and not job.is_over for job in self.jobs)

    def _running(self, session: ModelSession) -> bool:
        return any(job.session is session and job.state == "running" for job in self.jobs)

    def _head(self, session: ModelSession) -> ModelJob | None:
        """Return the session's first queued job."""
        return next((j for j in self.jobs if j.session is session and j.state == "queued"), None)


def _order(due: _Due) -> tuple[int, int, int]:
    return due[:3]
