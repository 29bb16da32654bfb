"""The engine: inputs and time go in, facts and effects come out."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from attrs import evolve

from swqr_core.errors import InvalidInputError, JobEndedError, JobNotEndedError
from swqr_core.lifecycle.session import SessionEvent, SessionState
from swqr_core.model.ids import InstanceId, JobId
from swqr_core.model.payload import Payload
from swqr_core.model.program import ProgramSpec

from . import admission
from .cloud import Cloud
from .facts import (
    DeviceAdded,
    DeviceStatusSet,
    Fact,
    InterimPublished,
    JobAccepted,
    JobDeleted,
    JobPinned,
    ProgramAdded,
    ProgramChanged,
    ProgramDeleted,
    ResultTaken,
    SessionOpened,
    Step,
    TagsSet,
)
from .inputs import (
    AddDevice,
    AddProgram,
    CancelJob,
    CancelSession,
    DeleteJob,
    DeleteProgram,
    DrainSession,
    FinishExecution,
    Input,
    OpenSession,
    PublishInterim,
    PublishProgram,
    ReplaceProgram,
    SetDeviceStatus,
    SetTags,
    SubmitJob,
    TakeResult,
    UpdateProgram,
)
from .library import Shelved
from .picture import picture
from .settings import EngineSettings
from .state import LiveJob
from .turn import Turn

__all__ = ["Engine"]


class Engine:
    """A whole quantum cloud: many instances, their sessions and jobs, and the devices' queues.

    It is a pure machine: the same inputs at the same times give the same facts and effects. It
    holds no clock, starts nothing and is not safe for several threads. Each event costs
    O(log n) in the number of sessions and jobs that there are.

    Whoever drives it calls ``advance_to(at)``, logs and publishes what came of that, and then
    ``handle(input, at)``. Between the two nothing is due, so an input that is refused leaves the
    engine exactly as it was. ``handle`` alone is safe too: what was due before a refused input
    did happen, and is part of the next step (``next_deadline`` asks for that step at once).

    Only facts change the state. After a crash, ``apply`` all logged facts to a new engine, then
    ``advance_to`` the present moment, and start again what is ``outstanding``.
    """

    def __init__(self, settings: EngineSettings) -> None:
        self.settings = settings
        self._cloud = Cloud(settings)
        self._untold: Turn | None = None
        self._rules: dict[type, Callable[[Turn, Any], str | None]] = {
            AddDevice: self._add_device,
            SetDeviceStatus: self._set_device_status,
            OpenSession: self._open_session,
            DrainSession: self._drain_session,
            CancelSession: self._cancel_session,
            SubmitJob: self._submit_job,
            CancelJob: self._cancel_job,
            DeleteJob: self._delete_job,
            SetTags: self._set_tags,
            TakeResult: self._take_result,
            FinishExecution: self._finish_execution,
            AddProgram: self._add_program,
            UpdateProgram: self._update_program,
            ReplaceProgram: self._replace_program,
            PublishProgram: self._publish_program,
            DeleteProgram: self._delete_program,
            PublishInterim: self._publish_interim,
        }

    @property
    def cloud(self) -> Cloud:
        """What it knows, for making documents of it and building it from them."""
        return self._cloud

    @property
    def now(self) -> datetime | None:
        """The latest moment that the engine has seen; None before the first."""
        return self._cloud.now

    def handle(self, input: Input, at: datetime) -> Step:
        """Fire everything that is due up to *at*, then take an input.

        Every fact is dated: those of a deadline by the deadline, those of the input by *at*.
        Deadlines that the input itself sets for *at* are left to the next call.

        Raises:
            InvalidInputError: *at* is before ``now`` or not in UTC, or the input cannot be.
            SwqrError: The input is refused, see each rule. It has changed nothing; what was due
                before it is part of the next step.
        """
        turn = self._fire(at)
        self._untold = turn
        subject = self._rules[type(input)](turn, input)
        turn.settle()
        self._untold = None
        return Step(tuple(turn.facts), tuple(turn.effects), subject)

    def advance_to(self, at: datetime) -> Step:
        """Fire everything that is due up to *at*; doing so twice changes nothing.

        Raises:
            InvalidInputError: *at* is before ``now`` or not in UTC.
        """
        turn = self._fire(at)
        self._untold = None
        return Step(tuple(turn.facts), tuple(turn.effects))

    def next_deadline(self) -> datetime | None:
        """Return when to call ``advance_to``; None if nothing happens by itself."""
        if self._untold is not None and self._untold.facts:
            return self._cloud.now
        return self._cloud.deadlines.next()

    def apply(self, fact: Fact) -> None:
        """Take a logged fact as it is; no rule is asked and nothing follows from it."""
        self._cloud.apply(fact)

    def outstanding(self) -> tuple[JobId, ...]:
        """Return the jobs whose execution the engine waits for, oldest first.

        After a recovery nobody runs them any more: each needs its ``StartExecution`` again.
        """
        running = self._cloud.running
        return tuple(running[seq].id for seq in sorted(running) if running[seq].outcome is None)

    def executed(self) -> tuple[FinishExecution, ...]:
        """Return what came of the executions of jobs that still keep their devices."""
        running = self._cloud.running.values()
        return tuple(job.outcome for job in running if job.outcome is not None)

    def used_seconds(self, instance: InstanceId) -> float:
        """Return the seconds of usage that count for an instance at ``now``."""
        account = self._cloud.accounts.get(instance)
        return 0.0 if account is None else account.usage.used / 1e6

    def picture(self) -> dict[str, object]:
        """Return everything that the engine knows, as plain values.

        Two engines with equal pictures behave alike from then on. It costs a walk over
        everything: it is for tests and for looking inside.
        """
        return picture(self._cloud)

    def _fire(self, at: datetime) -> Turn:
        cloud, now = self._cloud, self._cloud.now
        if at.tzinfo is not UTC:
            raise InvalidInputError("at", f"must be a datetime in UTC, not {at!r}")
        if now is not None and at < now:
            raise InvalidInputError(
                "at", f"time does not go back: {at.isoformat()} is before {now.isoformat()}"
            )
        turn = self._untold or Turn(cloud, at)
        while (due := cloud.deadlines.pop(at)) is not None:
            turn.at, kind, owner = due
            cloud.pass_time(turn.at)
            turn.fire(kind, owner)
            turn.settle()
        turn.at = at
        cloud.pass_time(at)
        return turn

    # --- devices -------------------------------------------------------------------------------

    def _add_device(self, turn: Turn, input: AddDevice) -> None:
        if input.device.name not in self._cloud.devices:
            turn.emit(DeviceAdded(at=turn.at, device=input.device))

    def _set_device_status(self, turn: Turn, input: SetDeviceStatus) -> None:
        device = admission.find_device(self._cloud, input.name)
        if (device.status, device.reason) == (input.status, input.reason):
            return
        turn.emit(
            DeviceStatusSet(at=turn.at, name=input.name, status=input.status, reason=input.reason)
        )
        turn.touch(device)

    # --- sessions ------------------------------------------------------------------------------

    def _open_session(self, turn: Turn, input: OpenSession) -> str:
        first = admission.first_use(self._cloud, input)
        if first is not None:
            return first
        admission.find_device(self._cloud, input.spec.backend)
        plan = self.settings.plan(input.principal.instance)
        max_ttl, interactive_ttl, active_ttl = admission.resolve_ttls(input.spec, plan)
        if input.session_id in self._cloud.sessions or input.session_id in self._cloud.closed:
            raise InvalidInputError(
                "session_id", f"{input.session_id!r} is already in use: make a fresh one"
            )
        turn.emit(
            SessionOpened(
                at=turn.at,
                session_id=input.session_id,
                principal=input.principal,
                spec=evolve(
                    input.spec,
                    max_ttl=max_ttl,
                    interactive_ttl=interactive_ttl,
                    active_ttl=active_ttl,
                ),
                key=input.key,
                content=input.content,
            )
        )
        return input.session_id

    def _drain_session(self, turn: Turn, input: DrainSession) -> str:
        session = admission.find_session(self._cloud, input.principal, input.session_id)
        if session is not None and session.state is not SessionState.CLOSED:
            if session.has_work:
                turn.advance(session, SessionEvent.DRAIN)
            else:
                turn.close(session, SessionEvent.DRAIN_EMPTY)
        return input.session_id

    def _cancel_session(self, turn: Turn, input: CancelSession) -> str:
        session = admission.find_session(self._cloud, input.principal, input.session_id)
        if session is not None and session.state is not SessionState.CLOSED:
            turn.close(session, SessionEvent.CANCEL)
        return input.session_id

    # --- jobs ----------------------------------------------------------------------------------

    def _submit_job(self, turn: Turn, input: SubmitJob) -> str:
        first = admission.first_use(self._cloud, input)
        if first is not None:
            return first
        instance, spec = input.principal.instance, input.spec
        plan = self.settings.plan(instance)
        admission.check_submission(self._cloud, input, plan)
        shelved = self._cloud.library.get(spec.program_id)
        longest = plan.job_seconds
        if shelved is not None:
            self._cloud.library.find(input.principal, spec.program_id)
            longest = min(longest, shelved.program.spec.cost)
        account = self._cloud.accounts.get(instance)
        turn.emit(
            JobAccepted(
                at=turn.at,
                job_id=input.job_id,
                number=1 if account is None else account.accepted + 1,
                principal=input.principal,
                spec=spec,
                params=input.params,
                time_limit=min(spec.max_execution_time or longest, longest),
                key=input.key,
                content=input.content,
            )
        )
        if shelved is not None:
            turn.emit(
                JobPinned(
                    at=turn.at,
                    job_id=input.job_id,
                    spec=shelved.program.spec,
                    source=shelved.source,
                )
            )
        turn.touch(self._cloud.devices[spec.backend])
        return input.job_id

    def _cancel_job(self, turn: Turn, input: CancelJob) -> str:
        job = admission.find_job(self._cloud, input.principal, input.job_id)
        if not isinstance(job, LiveJob):
            raise JobEndedError(input.job_id, job.state.value)
        turn.cancel(job)
        return input.job_id

    def _delete_job(self, turn: Turn, input: DeleteJob) -> str:
        job = admission.find_job(self._cloud, input.principal, input.job_id)
        if isinstance(job, LiveJob):
            raise JobNotEndedError(input.job_id, job.state.value)
        turn.emit(JobDeleted(at=turn.at, job_id=input.job_id))
        return input.job_id

    def _set_tags(self, turn: Turn, input: SetTags) -> str:
        admission.find_job(self._cloud, input.principal, input.job_id)
        turn.emit(TagsSet(at=turn.at, job_id=input.job_id, tags=input.tags))
        return input.job_id

    def _take_result(self, turn: Turn, input: TakeResult) -> str:
        job = admission.find_job(self._cloud, input.principal, input.job_id)
        if not isinstance(job, LiveJob) and job.private_result:
            turn.emit(ResultTaken(at=turn.at, job_id=input.job_id))
        return input.job_id

    def _finish_execution(self, turn: Turn, input: FinishExecution) -> str:
        job = self._cloud.jobs.get(input.job_id)
        if job is not None and job.outcome is None:
            turn.finish(job, input)
        return input.job_id

    # --- programs ------------------------------------------------------------------------------

    def _add_program(self, turn: Turn, input: AddProgram) -> str:
        first = admission.first_use(self._cloud, input)
        if first is not None:
            return first
        if self._cloud.library.get(input.program_id) is not None:
            raise InvalidInputError(
                "program_id", f"{input.program_id!r} is already in use: make a fresh one"
            )
        admission.check_shelf(
            self._cloud, input.principal, self.settings.plan(input.principal.instance)
        )
        turn.emit(
            ProgramAdded(
                at=turn.at,
                program_id=input.program_id,
                principal=input.principal,
                spec=input.spec,
                source=input.source,
                key=input.key,
                content=input.content,
            )
        )
        return input.program_id

    def _update_program(self, turn: Turn, input: UpdateProgram) -> str:
        shelved = self._cloud.library.own(input.principal, input.program_id, "change")
        return self._change(turn, shelved, spec=input.update.of(shelved.program.spec))

    def _replace_program(self, turn: Turn, input: ReplaceProgram) -> str:
        shelved = self._cloud.library.own(input.principal, input.program_id, "change")
        return self._change(turn, shelved, source=input.source)

    def _publish_program(self, turn: Turn, input: PublishProgram) -> str:
        shelved = self._cloud.library.own(input.principal, input.program_id, "publish")
        spec = evolve(shelved.program.spec, is_public=input.public)
        return self._change(turn, shelved, spec=spec)

    def _change(
        self,
        turn: Turn,
        shelved: Shelved,
        *,
        spec: ProgramSpec | None = None,
        source: Payload | None = None,
    ) -> str:
        before, id = shelved.program.spec, shelved.program.id
        spec, source = spec or before, source or shelved.source
        if (spec, source) != (before, shelved.source):
            turn.emit(ProgramChanged(at=turn.at, program_id=id, spec=spec, source=source))
        return id

    def _delete_program(self, turn: Turn, input: DeleteProgram) -> str:
        self._cloud.library.own(input.principal, input.program_id, "delete")
        turn.emit(ProgramDeleted(at=turn.at, program_id=input.program_id))
        return input.program_id

    def _publish_interim(self, turn: Turn, input: PublishInterim) -> str:
        job = self._cloud.jobs.get(input.job_id)
        if job is not None and job.started_at is not None and job.outcome is None:
            turn.emit(InterimPublished(at=turn.at, job_id=job.id, results=input.results))
        return input.job_id
