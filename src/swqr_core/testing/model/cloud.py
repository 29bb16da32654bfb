"""What happens on a platform, by command and by itself."""

from collections.abc import Iterator
from typing import Final

from attrs import define, field

from .queueing import next_job
from .things import ModelJob, ModelSession, Refused, Rules, microseconds

__all__ = ["ModelCloud"]

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
        """Start whatever may start, and end whatever ends as soon as it has started.

        What is due by now comes before that: it does not wait for anybody's answer.
        """
        while True:
            for backend in dict.fromkeys(job.backend for job in self.jobs):
                while (job := self._next_on(backend)) is not None:
                    self._start(job)
            for session in self.sessions:
                if session.state == "busy" and not self._running(session):
                    self._enter(session, "idle")
            if not self._at_once or any(due[0] <= self.now for due in self._due()):
                return
            self._conclude(self._at_once.pop(0))

    def _next_on(self, backend: str) -> ModelJob | None:
        if backend in self.offline:
            return None
        return next_job(
            [job for job in self.jobs if job.backend == backend],
            [session for session in self.sessions if session.backend == backend],
            self.rules,
            self.used,
        )

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


def _order(due: _Due) -> tuple[int, int, int]:
    return due[:3]
