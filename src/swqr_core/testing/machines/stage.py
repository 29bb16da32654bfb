"""Where a history is played: the platform and the model side by side."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from attrs import define, field
from hypothesis import note

from swqr_core.errors import OutcomeUnknownError, SwqrError, TransportError, UnreachableError
from swqr_core.model.ids import BackendName, SessionId
from swqr_core.model.job import Job
from swqr_core.model.query import JobQuery, SessionQuery
from swqr_core.model.session import Session, SessionMode, SessionSpec
from swqr_core.ports.transport import RuntimeTransport
from swqr_core.testing.harness import Control, Harness, Seat, connect_over
from swqr_core.testing.looking import in_full
from swqr_core.testing.model import ModelCloud, ModelJob, ModelSession, Refused, Rules, microseconds
from swqr_core.testing.patience import patience
from swqr_core.wrappers.faulty import Loss, ScriptedFaults

__all__ = ["Looked", "Stage"]

_TOLD_BY_THE_ABLE: Final = {
    "run_times": {"running_at"},
    "time_limits": {"time_limit"},
    "usage": {"quantum_seconds", "usage_seconds"},
}
T = TypeVar("T")


@define
class Looked:
    """What one look at the platform showed, for one seat.

    Attributes:
        jobs: The jobs, newest first.
        sessions: The sessions, newest first; in the model's order where there is no listing.
        jobs_in_all: How many jobs there are.
        sessions_in_all: How many sessions there are; None where there is no listing.
        consumed: Seconds that the instance was charged; None where that is not told.
    """

    jobs: tuple[Job, ...]
    sessions: tuple[Session, ...]
    jobs_in_all: int
    sessions_in_all: int | None
    consumed: float | None


@define(eq=False)
class Stage:
    """A platform, transports to it, and the model that is told the same.

    Attributes:
        harness: The platform.
        patience: Seconds of real time after which a wait is given up.
        model: What it is compared with.
        seats: Who uses it.
        session_ids: The platform's ids of the model's sessions, in the model's order.
        job_ids: Likewise for jobs.
        epoch: The platform's time at the model's beginning; None until it is known.
        before: What there was on the platform before this history.
        looked: The latest look.
    """

    harness: Harness
    rules: Rules
    patience: float = field(init=False)
    model: ModelCloud = field(init=False)
    seats: tuple[Seat, ...] = (Seat.OWNER,)
    session_ids: list[str] = field(factory=list)
    job_ids: list[str] = field(factory=list)
    epoch: datetime | None = None
    before: dict[Seat, Looked] = field(factory=dict)
    looked: dict[Seat, Looked] = field(factory=dict)
    _transports: dict[Seat, RuntimeTransport] = field(factory=dict)
    _faults: dict[Seat, ScriptedFaults] = field(factory=dict)
    _told: dict[str, str] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.model = ModelCloud(self.rules)
        self.patience = self.harness.patience

    # --- the beginning and the end -------------------------------------------------------------

    async def begin(self) -> None:
        """Set the platform up and look at it for the first time."""
        await self.harness.start()
        if Control.TENANTS in self.harness.controls:
            self.seats = tuple(Seat)
        for seat in self.seats:
            await self.connect(seat)
        await self.look()
        self.before = self.looked

    async def connect(self, seat: Seat) -> None:
        """Give somebody a new transport, in place of the one there was."""
        old = self._transports.pop(seat, None)
        if old is not None:
            await old.aclose()
        self._faults[seat] = ScriptedFaults()
        self._transports[seat] = await connect_over(self.harness, seat, self._faults[seat])

    async def end(self) -> None:
        """Take everything down."""
        try:
            for transport in self._transports.values():
                await transport.aclose()
        finally:
            await self.harness.stop()

    @property
    def backends(self) -> tuple[str, ...]:
        """The backends that are used."""
        other = self.harness.other_backend
        return (self.harness.backend,) if other is None else (self.harness.backend, other)

    @property
    def untold(self) -> frozenset[str]:
        """The fields of sessions and jobs that are not told: as the rules or capabilities say."""
        able = self._transports[Seat.OWNER].capabilities
        lacking = [told for what, told in _TOLD_BY_THE_ABLE.items() if not getattr(able, what)]
        return self.rules.untold.union(*lacking)

    def transport(self, seat: Seat) -> RuntimeTransport:
        """Return somebody's transport."""
        return self._transports[seat]

    # --- commands: the model is told first, and the platform must agree ------------------------

    async def open(
        self, seat: Seat, backend: str, *, dedicated: bool, loss: Loss | None, **chosen: Any
    ) -> None:
        """Open a session or batch."""
        session = self.model.open(instance=seat, backend=backend, dedicated=dedicated, **chosen)
        mode = SessionMode.DEDICATED if dedicated else SessionMode.BATCH
        spec = SessionSpec(backend=BackendName(backend), mode=mode, **chosen)
        key = self.harness.key()
        self.tell(f"{seat} opens {mode} {_name(session)} on {backend} {chosen or ''}")
        opened = await self._say(
            seat, "open_session", loss, lambda t: t.open_session(spec, key=key)
        )
        self.session_ids.append(opened.id)
        self._set_epoch(opened.created_at)

    async def submit(
        self,
        seat: Seat,
        backend: str,
        session: ModelSession | None,
        *,
        limit: int | None = None,
        loss: Loss | None = None,
    ) -> None:
        """Submit a job, or see that it is refused."""
        spec = self.harness.spec(
            backend=BackendName(backend),
            session_id=None if session is None else SessionId(self.id_of(session)),
            max_execution_time=limit,
        )
        key, params = self.harness.key(), self.harness.params(len(self.job_ids))
        where = "" if session is None else f" to {_name(session)}"
        try:
            pending = self.harness.pending_limit
            if pending is not None and self._pending(seat) >= pending:
                raise Refused  # noqa: TRY301 - the platform's limit, which the model does not know
            job = self.model.submit(instance=seat, backend=backend, session=session, limit=limit)
        except Refused:
            self.tell(f"{seat} submits a job{where} on {backend}, which must be refused")
            await self._must_refuse(seat, lambda t: t.submit(spec, params, key=key))
            return
        self.tell(f"{seat} submits {_name(job)}{where} on {backend}, limit {limit or 'default'}")
        accepted = await self._say(seat, "submit", loss, lambda t: t.submit(spec, params, key=key))
        self.job_ids.append(accepted.id)
        self._set_epoch(accepted.created_at)

    async def decide(self, job: ModelJob, seconds: float, code: int | None = None) -> None:
        """Decide how a job's execution ends: it completes, or fails with a code."""
        job_id = self.id_of(job)
        if code is None:
            self.tell(f"{_name(job)} will complete after {seconds:g} s of device time")
            self.model.decide(job, "completed", seconds)
            await self.harness.finish(job_id, quantum_seconds=seconds)
        else:
            self.tell(f"{_name(job)} will fail with code {code}")
            self.model.decide(job, "failed", 0.0, code)
            await self.harness.fail(job_id, reason="It was told to.", reason_code=code)

    async def cancel_job(self, job: ModelJob, *, loss: Loss | None = None) -> None:
        """Cancel a job, or see that it is refused."""
        seat, job_id = Seat(job.instance), self.id_of(job)
        self.tell(f"{seat} cancels {_name(job)}")
        try:
            self.model.cancel_job(job)
        except Refused:
            await self._must_refuse(seat, lambda t: t.cancel_job(job_id))
            return
        try:
            await self._say(seat, "cancel_job", loss, lambda t: t.cancel_job(job_id))
        except SwqrError:
            if loss is not Loss.ANSWER:  # else it has ended by the call whose answer was lost
                raise

    async def end_session(
        self, session: ModelSession, *, drain: bool, loss: Loss | None = None
    ) -> None:
        """Drain or cancel a session."""
        seat, session_id = Seat(session.instance), self.id_of(session)
        self.tell(f"{seat} {'drains' if drain else 'cancels'} {_name(session)}")
        if drain:
            self.model.drain(session)
            await self._say(seat, "drain_session", loss, lambda t: t.drain_session(session_id))
        else:
            self.model.cancel_session(session)
            await self._say(seat, "cancel_session", loss, lambda t: t.cancel_session(session_id))

    async def set_online(self, backend: str, *, online: bool) -> None:
        """Take a backend out of service, or bring it back."""
        self.tell(f"{backend} goes {'online' if online else 'offline'}")
        self.model.set_online(backend, online=online)
        await self.harness.set_backend_online(backend, online=online)

    async def advance(self, seconds: float) -> None:
        """Let time pass; how every job ends must be decided."""
        self.tell(f"{seconds:g} s pass")
        self.model.advance_to(self.model.now + microseconds(seconds))
        async with self._patience(f"letting {seconds:g} s pass did not end"):
            await self.harness.advance(seconds)

    async def _say(
        self,
        seat: Seat,
        method: str,
        loss: Loss | None,
        act: Callable[[RuntimeTransport], Awaitable[T]],
    ) -> T:
        """Make a call; if it is lost and the transport does not get over that, make it again."""
        transport = self.transport(seat)
        async with self._patience(f"{method} did not return"):
            if loss is not None:
                self.tell(f"  the {loss} is lost; {seat} tries again")
                self._faults[seat].lose(method, loss)
                with suppress(UnreachableError, OutcomeUnknownError):
                    return await act(transport)
            return await act(transport)

    async def _must_refuse(
        self, seat: Seat, act: Callable[[RuntimeTransport], Awaitable[object]]
    ) -> None:
        try:
            async with self._patience("what must be refused did not return"):
                answer = await act(self.transport(seat))
        except TransportError as error:
            raise AssertionError(f"it was not refused, but failed: {error}") from error
        except SwqrError as refusal:
            self.tell(f"  refused: {refusal}")
        else:
            raise AssertionError(f"it was not refused: {answer}")

    # --- looking -------------------------------------------------------------------------------

    async def settle(self) -> None:
        """Wait until the platform has noticed what the model says has happened."""
        for job, job_id in zip(self.model.jobs, self.job_ids, strict=False):
            state = job.state
            if self._told.get(_name(job)) == state:
                continue
            if job.is_over:
                async with self._patience(f"{_name(job)} did not end as {state}"):
                    seat = Seat(job.instance)
                    await self.transport(seat).wait_job(job_id, timeout=None)
            elif state == "running":
                async with self._patience(f"{_name(job)} did not start"):
                    await self.harness.started(job_id)
        self._narrate()

    async def look(self) -> None:
        """Ask for everything that there is."""
        async with self._patience("a look did not end"):
            self.looked = {seat: await self._look(seat) for seat in self.seats}

    async def _look(self, seat: Seat) -> Looked:
        transport = self.transport(seat)
        able = transport.capabilities
        page_of_jobs = await transport.jobs(JobQuery())
        jobs = tuple([await in_full(transport, job) for job in page_of_jobs])
        in_all: int | None = None
        if able.session_listing:
            page = await transport.sessions(SessionQuery())
            sessions, in_all = page.items, page.total
        else:
            mine = [s for s in self.model.sessions if s.instance == seat]
            known = [self.id_of(s) for s in mine if s.number <= len(self.session_ids)]
            sessions = tuple([await transport.session(i) for i in reversed(known)])
        consumed = (await transport.usage()).consumed_seconds if able.usage else None
        return Looked(jobs, sessions, page_of_jobs.total, in_all, consumed)

    def tell(self, what: str) -> None:
        """Add a line to the story that a failure tells."""
        note(f"{self.model.now / 1e6:>10g} s  {what.rstrip()}")

    def _narrate(self) -> None:
        """Tell what has changed since this was last done."""
        things: list[ModelSession | ModelJob] = [*self.model.sessions, *self.model.jobs]
        for thing in things:
            name = _name(thing)
            before = self._told.get(name)
            if before is not None and before != thing.state:
                self.tell(f"    {name}: {before} -> {thing.state}")
            self._told[name] = thing.state

    def id_of(self, thing: ModelSession | ModelJob) -> str:
        """Return the platform's id of something in the model."""
        ids = self.session_ids if isinstance(thing, ModelSession) else self.job_ids
        return ids[thing.number - 1]

    def moment(self, at: int | None) -> datetime | None:
        """Return a moment of the model in the platform's time."""
        if at is None or self.epoch is None:
            return None
        return self.epoch + timedelta(microseconds=at)

    def _set_epoch(self, created: datetime | None) -> None:
        if self.epoch is None and created is not None:
            self.epoch = created - timedelta(microseconds=self.model.now)

    def _pending(self, seat: Seat) -> int:
        return sum(1 for job in self.model.jobs if job.instance == seat and not job.is_over)

    def _patience(self, what: str) -> AbstractAsyncContextManager[None]:
        return patience(self.patience, what)


def _name(thing: ModelSession | ModelJob) -> str:
    return f"{'s' if isinstance(thing, ModelSession) else 'j'}{thing.number}"
