"""What follows from what: the rules that several inputs and deadlines share.

A rule reads the cloud, makes a fact and has it applied at once, so the next rule sees it.
"""

from datetime import datetime

from swqr_core.lifecycle.job import JobEvent
from swqr_core.lifecycle.job import advance as advance_job
from swqr_core.lifecycle.session import REASONS, SessionEvent, SessionState
from swqr_core.lifecycle.session import advance as advance_session
from swqr_core.model.payload import Payload

from . import charging, scheduling
from .cloud import Cloud, Owner
from .deadlines import Deadline
from .facts import (
    Effect,
    Fact,
    InstanceCharged,
    JobEnded,
    JobExecuted,
    JobStarted,
    SessionAdvanced,
    SessionCharged,
    StartExecution,
    StopExecution,
)
from .inputs import FinishExecution
from .settings import AtSessionCancel, AtUsageLimit, Pace
from .state import Account, LiveDevice, LiveJob, LiveSession

__all__ = ["Turn"]

_SESSION_CLOSED = 1217
_OPEN_A_NEW_ONE = "Open a new session and submit the job again."

_CLOSINGS = {
    Deadline.MAX_TTL: SessionEvent.END_MAX_TTL,
    Deadline.ACTIVE_TTL: SessionEvent.END_ACTIVE_TTL,
    Deadline.IDLE_OPEN: SessionEvent.END_IDLE_OPEN,
}
_CAUSES = {
    SessionEvent.CANCEL: "it was cancelled",
    SessionEvent.END_MAX_TTL: "its max_ttl ended",
    SessionEvent.END_ACTIVE_TTL: "its active_ttl ended",
    SessionEvent.REACH_USAGE_LIMIT: "its instance has used up its time",
}


class Turn:
    """One moment after another, and all that follows from what happens in them.

    Attributes:
        at: The present moment; every fact is dated with it.
        facts: What has become so.
        effects: What the outside must do.
    """

    def __init__(self, cloud: Cloud, at: datetime) -> None:
        self.cloud, self.at = cloud, at
        self.facts: list[Fact] = []
        self.effects: list[Effect] = []
        self._touched: dict[int, LiveDevice] = {}
        self._perhaps_idle: list[LiveSession] = []
        self._used_up: list[Account] = []

    def emit(self, fact: Fact) -> None:
        """Let something be so from now on."""
        self.cloud.apply(fact)
        self.facts.append(fact)

    def touch(self, device: LiveDevice) -> None:
        """Remember that something may be able to start there."""
        self._touched[device.number] = device

    def settle(self) -> None:
        """Let everything follow that the moment has made possible."""
        for account in self._used_up:  # it may grow meanwhile
            self._drop_what_is_queued(account)
        self._used_up.clear()
        for device in self._touched.values():
            while (job := scheduling.next_job(device)) is not None:
                self._start(job)
        self._touched.clear()
        for session in self._perhaps_idle:
            if session.state is SessionState.BUSY and not session.running:
                self.advance(session, SessionEvent.END_LAST_RUN)
        self._perhaps_idle.clear()

    # --- deadlines -----------------------------------------------------------------------------

    def fire(self, kind: Deadline, owner: Owner) -> None:
        """Do what is due."""
        if isinstance(owner, LiveJob):
            if owner.outcome is not None:
                self._conclude(owner, owner.outcome)
        elif isinstance(owner, LiveSession):
            if kind is Deadline.INTERACTIVE_TTL:
                self._inactivate(owner)
            else:
                self.close(owner, _CLOSINGS[kind])
        else:  # usage was freed
            for device in self.cloud.devices.values():
                if owner.waiting.get(device.number):
                    self.touch(device)

    # --- sessions ------------------------------------------------------------------------------

    def advance(self, session: LiveSession, event: SessionEvent) -> None:
        """Let an event happen to a session, and nothing else."""
        state = advance_session(session.state, event, session_id=session.id)
        same = state is session.state
        if same and event is not SessionEvent.START_JOB:
            return
        self.emit(
            SessionAdvanced(
                at=self.at,
                session_id=session.id,
                event=event,
                state=state,
                reason=None if same else REASONS[event].value,
            )
        )

    def close(self, session: LiveSession, event: SessionEvent) -> None:
        """Close a session: what runs goes on, what is queued ends with it."""
        self.advance(session, event)
        self.touch(session.device)
        for job in list(session.queued_jobs()):
            self._lose_session(job, session, event)
        self._finalize(session)

    def _inactivate(self, session: LiveSession) -> None:
        seconds = self._wall_clock(session)
        self.advance(session, SessionEvent.END_INTERACTIVE_TTL)
        self.touch(session.device)
        self._charge_session(session, seconds, final=False)

    def _finalize(self, session: LiveSession) -> None:
        """Finish charging a closed session once none of its jobs runs any more."""
        if not session.running:
            self._charge_session(session, self._wall_clock(session), final=True)

    def _lose_session(self, job: LiveJob, session: LiveSession, event: SessionEvent) -> None:
        reason = f"Session {session.id} was closed before the job started: {_CAUSES[event]}"
        if event is SessionEvent.REACH_USAGE_LIMIT:
            self.end(job, JobEvent.REACH_USAGE_LIMIT, reason=reason)
        elif (
            event is SessionEvent.CANCEL
            and self.cloud.settings.at_session_cancel is AtSessionCancel.CANCEL
        ):
            self.end(job, JobEvent.CANCEL_WITH_SESSION, reason=reason)
        else:
            self.end(
                job,
                JobEvent.LOSE_SESSION,
                reason=reason,
                reason_code=_SESSION_CLOSED,
                reason_solution=_OPEN_A_NEW_ONE,
            )

    # --- usage ---------------------------------------------------------------------------------

    def _charge_session(self, session: LiveSession, seconds: float, *, final: bool) -> None:
        if seconds or final:
            self.emit(
                SessionCharged(at=self.at, session_id=session.id, seconds=seconds, final=final)
            )
        self._charge_instance(session.account, seconds)

    def _wall_clock(self, session: LiveSession) -> float:
        """Return a dedicated session's seconds that were not charged yet; 0 for a batch.

        Under ``Pace.INSTANT`` the clock says nothing about how long the device was needed while
        jobs ran: that time is replaced by what the jobs used.
        """
        since = session.charged_from
        if since is None:
            return 0.0
        passed = self.at - since
        if self.cloud.settings.pace is Pace.REAL:
            return passed.total_seconds()
        busy = session.busy
        if session.busy_since is not None:
            busy += self.at - session.busy_since
        return (passed - busy).total_seconds() + session.used / 1_000_000

    def _charge_instance(self, account: Account, seconds: float) -> None:
        if not seconds:
            return
        was_held = account.held
        self.emit(InstanceCharged(at=self.at, instance=account.id, seconds=seconds))
        if account.held and not was_held:
            self._used_up.append(account)

    def _drop_what_is_queued(self, account: Account) -> None:
        if self.cloud.settings.at_usage_limit is not AtUsageLimit.CLOSE:
            return
        for session in list(account.started.values()):
            self.close(session, SessionEvent.REACH_USAGE_LIMIT)
        for job in list(account.queued.values()):
            reason = f"Instance {account.id} has used up its time"
            self.end(job, JobEvent.REACH_USAGE_LIMIT, reason=reason)

    # --- jobs ----------------------------------------------------------------------------------

    def _start(self, job: LiveJob) -> None:
        advance_job(job.state, JobEvent.START, job_id=job.id)
        if job.session is not None:
            self.advance(job.session, SessionEvent.START_JOB)
        self.emit(JobStarted(at=self.at, job_id=job.id))
        self.effects.append(StartExecution(job.id))

    def finish(self, job: LiveJob, outcome: FinishExecution) -> None:
        """Take the outcome of an execution; the job ends when it has kept its device long enough.

        Raises:
            IllegalTransitionError: The job has not started.
        """
        settings, job_seconds = self.cloud.settings, job.device.device.job_seconds
        if job.started_at is None:
            advance_job(job.state, JobEvent.COMPLETE, job_id=job.id)
            return
        busy = charging.busy_seconds(
            outcome, limit=job.time_limit, pace=settings.pace, job_seconds=job_seconds
        )
        due_at = job.started_at + charging.duration(busy)
        if due_at > self.at:
            self.emit(JobExecuted(at=self.at, job_id=job.id, due_at=due_at, outcome=outcome))
        else:
            self._conclude(job, outcome)

    def _conclude(self, job: LiveJob, outcome: FinishExecution) -> None:
        job_seconds = job.device.device.job_seconds
        how = charging.ending(job.id, outcome, limit=job.time_limit, job_seconds=job_seconds)
        self.end(
            job,
            how.event,
            quantum_seconds=how.quantum_seconds,
            reason=how.reason,
            reason_code=how.reason_code,
            reason_solution=how.reason_solution,
            outcome=outcome,
            result=how.result,
        )

    def cancel(self, job: LiveJob) -> None:
        """Stop a job; if it runs, its place is free at once."""
        seconds = 0.0
        if job.started_at is not None:
            if self.cloud.settings.pace is Pace.REAL:
                elapsed = (self.at - job.started_at).total_seconds()
                seconds = min(elapsed, float(job.time_limit))
            if job.outcome is None:
                self.effects.append(StopExecution(job.id))
        self.end(job, JobEvent.CANCEL, quantum_seconds=seconds)

    def end(
        self,
        job: LiveJob,
        event: JobEvent,
        *,
        quantum_seconds: float = 0.0,
        reason: str | None = None,
        reason_code: int | None = None,
        reason_solution: str | None = None,
        outcome: FinishExecution | None = None,
        result: Payload | None = None,
    ) -> None:
        """End a job, charge for it, and let its session see that."""
        fact = JobEnded(
            at=self.at,
            job_id=job.id,
            event=event,
            state=advance_job(job.state, event, job_id=job.id),
            quantum_seconds=quantum_seconds,
            reason=reason,
            reason_code=reason_code,
            reason_solution=reason_solution,
            result=result,
            logs=None if outcome is None else outcome.logs,
            metrics={} if outcome is None else outcome.metrics,
        )
        was_running = job.started_at is not None
        self.emit(fact)
        self.touch(job.device)
        session = job.session
        if session is None:
            self._charge_instance(job.account, quantum_seconds)
            return
        if not session.dedicated:
            self._charge_session(session, quantum_seconds, final=False)
        if session.state is not SessionState.CLOSED:
            self._look_after(session)
        elif was_running:
            self._finalize(session)

    def _look_after(self, session: LiveSession) -> None:
        """Let a session that is not closed see that one of its jobs has ended."""
        if session.running:
            return
        if session.state is SessionState.DRAINING:
            if not session.queued:
                self.close(session, SessionEvent.END_LAST_WORK)
        elif session.state is SessionState.BUSY:
            if session.queued:
                self._perhaps_idle.append(session)
            else:
                self.advance(session, SessionEvent.END_LAST_RUN)
