# ruff: noqa: SLF001 - a mutant is a change inside
"""The lifecycle machine: the in-memory cloud agrees with the model, and broken platforms do not.

Each mutant is the in-memory cloud with one mistake: in its engine, or in a transport to it.
"""

import asyncio
import re
from collections.abc import Callable
from types import MappingProxyType
from typing import Any, ClassVar

import pytest
from attrs import evolve
from hypothesis import Phase, settings

from swqr_adapters.transports.memory.harness import MemoryHarness
from swqr_core.engine import scheduling
from swqr_core.engine.cloud import Cloud
from swqr_core.engine.deadlines import Deadline
from swqr_core.engine.settings import EngineSettings, Plan
from swqr_core.engine.state import Account, LiveSession
from swqr_core.engine.turn import Turn
from swqr_core.errors import (
    IdempotencyConflictError,
    JobEndedError,
    SessionClosedError,
    SwqrError,
    TransportError,
    UnreachableError,
)
from swqr_core.lifecycle import session as session_table
from swqr_core.lifecycle.job import JobEvent, JobState
from swqr_core.lifecycle.session import SessionEvent, SessionState
from swqr_core.model.job import Job, JobSpec
from swqr_core.model.query import JobQuery, Page, SessionQuery
from swqr_core.model.session import Session, SessionSpec
from swqr_core.model.usage import InstanceUsage, JobUsage
from swqr_core.ports.transport import RuntimeTransport
from swqr_core.testing import Control, Harness, Seat
from swqr_core.testing.machines import FIRST_BUG, SessionLifecycleMachine, lifecycle_test
from swqr_core.testing.model import Rules
from swqr_core.testing.patience import WaitedInVain
from swqr_core.wrappers import TransportWrapper

pytestmark = pytest.mark.usefixtures("threads_of_its_own")

CAUGHT = (AssertionError, SwqrError)
"""What a mistake comes to: a claim that does not hold, or a call that fails. No other error."""

Patch = pytest.MonkeyPatch


def test_the_in_memory_cloud_agrees_with_the_model() -> None:
    # The nightly profile brings more of it.
    many = settings(max_examples=max(100, settings().max_examples // 2), stateful_step_count=40)

    lifecycle_test(MemoryHarness, settings=many)


def test_a_cloud_with_other_limits_agrees_with_a_model_of_these_limits() -> None:
    plan = Plan(max_ttl=200, interactive_ttl=7, job_seconds=40, pending_jobs=3)

    lifecycle_test(
        lambda: MemoryHarness(EngineSettings(default_plan=plan, idle_open_seconds=100)),
        rules=Rules(max_ttl=200, interactive_ttl=7, job_seconds=40, idle_open_seconds=100),
        settings=settings(max_examples=40, stateful_step_count=40),
    )


# --- mistakes in the engine ----------------------------------------------------------------------


def leaves_the_backend_between_jobs(patch: Patch) -> None:
    sound = Cloud._leave_device

    def leave(self: Cloud, job: Any, fact: Any) -> None:
        sound(self, job, fact)
        if not job.device.running:
            job.device.holder = None

    patch.setattr(Cloud, "_leave_device", leave)


def counts_active_time_while_inactive(patch: Patch) -> None:
    sound = Cloud._activate

    def activate(self: Cloud, session: LiveSession, at: Any) -> None:
        if session.activated_at is not None:
            session.active_left -= (at - session.activated_at) / 2
        sound(self, session, at)

    patch.setattr(Cloud, "_activate", activate)


def starts_max_ttl_anew_with_each_activation(patch: Patch) -> None:
    sound = Cloud._activate

    def activate(self: Cloud, session: LiveSession, at: Any) -> None:
        sound(self, session, at)
        self.deadlines.arm(Deadline.MAX_TTL, session.number, session, at + session.max_ttl)

    patch.setattr(Cloud, "_activate", activate)


def lets_the_interactive_ttl_run_while_jobs_are_queued(patch: Patch) -> None:
    sound = Cloud._session_advanced

    def advanced(self: Cloud, fact: Any) -> None:
        sound(self, fact)
        session = self.sessions[fact.session_id]
        if fact.state is SessionState.IDLE:
            self._arm_interactive(session, fact.at)

    patch.setattr(Cloud, "_session_advanced", advanced)


def never_closes_what_is_open_and_idle(patch: Patch) -> None:
    patch.setattr(Cloud, "_arm_idle_open", lambda *_: None)


def takes_the_newest_job_of_a_session_first(patch: Patch) -> None:
    patch.setattr(LiveSession, "head", lambda self: next(iter([*self.queued_jobs()][::-1]), None))


def ignores_fair_share(patch: Patch) -> None:
    patch.setattr(Account, "share", property(lambda _: 0.0))


def gives_batches_no_priority(patch: Patch) -> None:
    patch.setattr(scheduling, "_first_batch", lambda _: None)


def runs_one_job_too_many(patch: Patch) -> None:
    def next_of(session: LiveSession) -> Any:
        device = session.device
        return session.head() if device.running <= device.device.session_lanes else None

    patch.setattr(scheduling, "_next_of", next_of)


def lets_plain_jobs_overtake_a_session(patch: Patch) -> None:
    sound = scheduling.next_job

    def next_job(device: Any) -> Any:
        job = sound(device)
        if job is None and device.holder is None and not device.running:
            return None
        if job is None and device.holder is not None and not device.holder.dedicated:
            first = scheduling._first_in_line(device)
            return first if first is not None and first.session is None else None
        return job

    patch.setattr(scheduling, "next_job", next_job)


def charges_nothing_for_idle_time(patch: Patch) -> None:
    sound = Turn._inactivate

    def inactivate(self: Turn, session: LiveSession) -> None:
        session.charged_from = self.at
        sound(self, session)

    patch.setattr(Turn, "_inactivate", inactivate)


def stops_charging_when_a_session_closes(patch: Patch) -> None:
    sound = Turn._wall_clock

    def wall_clock(self: Turn, session: LiveSession) -> float:
        return 0.0 if session.state is SessionState.CLOSED else sound(self, session)

    patch.setattr(Turn, "_wall_clock", wall_clock)


def charges_nothing_for_cancelled_jobs(patch: Patch) -> None:
    patch.setattr(Turn, "cancel", lambda self, job: self.end(job, JobEvent.CANCEL))


def releases_the_backend_with_the_session(patch: Patch) -> None:
    sound = Cloud._deactivate

    def deactivate(self: Cloud, session: LiveSession, at: Any) -> None:
        sound(self, session, at)
        if session.device.holder is session:
            session.device.holder = None
            session.device.running = 0

    def leave(self: Cloud, job: Any, fact: Any) -> None:
        job.device.running = max(1, job.device.running)
        sound_leave(self, job, fact)

    sound_leave = Cloud._leave_device
    patch.setattr(Cloud, "_deactivate", deactivate)
    patch.setattr(Cloud, "_leave_device", leave)


def table(patch: Patch, state: SessionState, event: SessionEvent, then: SessionState) -> None:
    rows = {**session_table.TRANSITIONS, (state, event): then}
    patch.setattr(session_table, "TRANSITIONS", MappingProxyType(rows))


def closes_when_the_interactive_ttl_ends(patch: Patch) -> None:
    table(patch, SessionState.IDLE, SessionEvent.END_INTERACTIVE_TTL, SessionState.CLOSED)


def draining_wakes_up_with_the_next_job(patch: Patch) -> None:
    table(patch, SessionState.DRAINING, SessionEvent.START_JOB, SessionState.BUSY)


def drains_idle_sessions_without_closing_them(patch: Patch) -> None:
    table(patch, SessionState.INACTIVE, SessionEvent.DRAIN_EMPTY, SessionState.INACTIVE)


def forgets_the_time_limit(patch: Patch) -> None:
    sound = Turn.finish

    def finish(self: Turn, job: Any, outcome: Any) -> None:
        job.time_limit = 10_800
        sound(self, job, outcome)

    patch.setattr(Turn, "finish", finish)


QUICK = [
    leaves_the_backend_between_jobs,
    counts_active_time_while_inactive,
    never_closes_what_is_open_and_idle,
    ignores_fair_share,
    gives_batches_no_priority,
    lets_plain_jobs_overtake_a_session,
    charges_nothing_for_idle_time,
    stops_charging_when_a_session_closes,
    charges_nothing_for_cancelled_jobs,
    closes_when_the_interactive_ttl_ends,
    draining_wakes_up_with_the_next_job,
    drains_idle_sessions_without_closing_them,
    forgets_the_time_limit,
]
SLOW = [  # it takes a longer history to see these
    starts_max_ttl_anew_with_each_activation,
    lets_the_interactive_ttl_run_while_jobs_are_queued,
    takes_the_newest_job_of_a_session_first,
    runs_one_job_too_many,
    releases_the_backend_with_the_session,
]


# Jobs must wait for an absent backend, and longer than the TTL: one seed in five needs over 300.
MORE_ROOM: dict[Callable[[Patch], None], settings] = {
    lets_the_interactive_ttl_run_while_jobs_are_queued: settings(FIRST_BUG, max_examples=600)
}


@pytest.mark.parametrize(
    "mistake",
    [*QUICK, *(pytest.param(mistake, marks=pytest.mark.slow) for mistake in SLOW)],
    ids=lambda mistake: mistake.__name__,
)
def test_the_machine_catches_an_engine_that(
    mistake: Callable[[Patch], None], monkeypatch: Patch
) -> None:
    mistake(monkeypatch)

    with pytest.raises(CAUGHT):
        lifecycle_test(MemoryHarness, settings=MORE_ROOM.get(mistake, FIRST_BUG))


# --- mistakes in a transport ---------------------------------------------------------------------


class IgnoresKeys(TransportWrapper):
    """Makes a new job of each submission."""

    count = 0

    async def submit(self, spec: JobSpec, params: bytes, *, key: str) -> Job:
        IgnoresKeys.count += 1
        return await super().submit(spec, params, key=f"{self.count}-{key}")


class OpensASessionForEachCall(TransportWrapper):
    """Opens a new session each time."""

    count = 0

    async def open_session(self, spec: SessionSpec, *, key: str) -> Session:
        OpensASessionForEachCall.count += 1
        return await super().open_session(spec, key=f"{self.count}-{key}")


class RunsWhatItRefuses(TransportWrapper):
    """Refuses a job for a closed session, and queues it all the same."""

    async def submit(self, spec: JobSpec, params: bytes, *, key: str) -> Job:
        try:
            return await super().submit(spec, params, key=key)
        except SessionClosedError:
            await super().submit(evolve(spec, session_id=None), params, key=f"{key}-2")
            raise


class TakesJobsForClosedSessions(TransportWrapper):
    """Takes a job that it should refuse."""

    async def submit(self, spec: JobSpec, params: bytes, *, key: str) -> Job:
        try:
            return await super().submit(spec, params, key=key)
        except SessionClosedError:
            return await super().submit(evolve(spec, session_id=None), params, key=f"{key}-2")


class BreaksDownWhereItShouldRefuse(TransportWrapper):
    """Answers what must be refused like a server that has failed."""

    async def submit(self, spec: JobSpec, params: bytes, *, key: str) -> Job:
        try:
            return await super().submit(spec, params, key=key)
        except SessionClosedError as error:
            raise TransportError("broken", "500 Internal Server Error") from error


class IsGoneWhereItShouldRefuse(TransportWrapper):
    """Cannot be reached for what must be refused."""

    async def cancel_job(self, job_id: str) -> None:
        try:
            await super().cancel_job(job_id)
        except JobEndedError as error:
            raise UnreachableError("broken", "connection reset") from error


class LeavesStartedSessionsOut(TransportWrapper):
    """Lists no session that has run something."""

    async def sessions(self, query: SessionQuery) -> Page[Session]:
        page = await super().sessions(query)
        items = tuple(session for session in page if session.started_at is None)
        return evolve(page, items=items, total=len(items))


class ReopensSessions(TransportWrapper):
    """Shows a session as closed once, and then as idle."""

    def __init__(self, inner: RuntimeTransport) -> None:
        super().__init__(inner)
        self._seen: set[str] = set()

    async def sessions(self, query: SessionQuery) -> Page[Session]:
        page = await super().sessions(query)
        return evolve(page, items=tuple(self._shown(session) for session in page))

    def _shown(self, session: Session) -> Session:
        if session.state is not SessionState.CLOSED:
            return session
        if session.id in self._seen:
            return evolve(session, state=SessionState.IDLE, closed_at=None)
        self._seen.add(session.id)
        return session


class ShowsTheLastChargeOnly(TransportWrapper):
    """Forgets what was charged before."""

    charged = 0.0

    async def usage(self) -> InstanceUsage:
        usage = await super().usage()
        last, self.charged = usage.consumed_seconds - self.charged, usage.consumed_seconds
        return evolve(usage, consumed_seconds=max(0.0, last))


class ForgetsItsJobs(TransportWrapper):
    """Knows only the jobs that went over itself: a restart loses the others."""

    def __init__(self, inner: RuntimeTransport) -> None:
        super().__init__(inner)
        self._mine: set[str] = set()

    async def submit(self, spec: JobSpec, params: bytes, *, key: str) -> Job:
        job = await super().submit(spec, params, key=key)
        self._mine.add(job.id)
        return job

    async def jobs(self, query: JobQuery) -> Page[Job]:
        page = await super().jobs(query)
        mine = tuple(job for job in page if job.id in self._mine)
        return evolve(page, items=mine, total=len(mine))


class CompletesTwice(TransportWrapper):
    """Says that a cancelled job has completed, some time later."""

    looks = 0

    async def jobs(self, query: JobQuery) -> Page[Job]:
        page = await super().jobs(query)
        self.looks += 1
        return evolve(page, items=tuple(self._shown(job) for job in page))

    def _shown(self, job: Job) -> Job:
        late = job.state is JobState.CANCELLED and self.looks % 3 == 0
        return evolve(job, state=JobState.COMPLETED) if late else job


class DrainsByCancelling(TransportWrapper):
    """Closes at once what should finish its work."""

    async def drain_session(self, session_id: str) -> None:
        await super().cancel_session(session_id)


class CancelsByDraining(TransportWrapper):
    """Lets run what should not run."""

    async def cancel_session(self, session_id: str) -> None:
        await super().drain_session(session_id)


class RunsSessionJobsOutsideTheirSession(TransportWrapper):
    """Puts the jobs of sessions into the normal queue, and says otherwise."""

    async def submit(self, spec: JobSpec, params: bytes, *, key: str) -> Job:
        if spec.session_id is not None:
            await self.inner.session(spec.session_id)
        return await super().submit(evolve(spec, session_id=None), params, key=key)


class ForgetsUsageOfJobs(TransportWrapper):
    """Never tells what a job has cost."""

    async def jobs(self, query: JobQuery) -> Page[Job]:
        page = await super().jobs(query)
        return evolve(page, items=tuple(evolve(job, usage=JobUsage()) for job in page))


class TakesARepetitionForAConflict(TransportWrapper):
    """Refuses the second call with a key, even of the same content."""

    def __init__(self, inner: RuntimeTransport) -> None:
        super().__init__(inner)
        self._seen: dict[str, str] = {}

    async def submit(self, spec: JobSpec, params: bytes, *, key: str) -> Job:
        if key in self._seen:
            raise IdempotencyConflictError(key, self._seen[key])
        job = await super().submit(spec, params, key=key)
        self._seen[key] = job.id
        return job


TRANSPORTS: list[type[TransportWrapper]] = [
    IgnoresKeys,
    OpensASessionForEachCall,
    RunsWhatItRefuses,
    TakesJobsForClosedSessions,
    BreaksDownWhereItShouldRefuse,
    IsGoneWhereItShouldRefuse,
    LeavesStartedSessionsOut,
    ReopensSessions,
    ShowsTheLastChargeOnly,
    ForgetsItsJobs,
    CompletesTwice,
    DrainsByCancelling,
    CancelsByDraining,
    RunsSessionJobsOutsideTheirSession,
    ForgetsUsageOfJobs,
    TakesARepetitionForAConflict,
]


class BrokenHarness(MemoryHarness):
    broken: ClassVar[type[TransportWrapper]] = TransportWrapper

    async def connect(self, seat: Seat = Seat.OWNER) -> RuntimeTransport:
        return self.broken(await super().connect(seat))


@pytest.mark.parametrize("mistake", TRANSPORTS, ids=lambda mistake: mistake.__name__)
def test_the_machine_catches_a_transport_that(
    mistake: type[TransportWrapper], monkeypatch: Patch
) -> None:
    monkeypatch.setattr(BrokenHarness, "broken", mistake)

    with pytest.raises(CAUGHT):
        lifecycle_test(BrokenHarness, settings=FIRST_BUG)


def test_a_wrapper_without_a_mistake_agrees_with_the_model() -> None:
    lifecycle_test(BrokenHarness, settings=settings(FIRST_BUG, max_examples=30))


# --- how it fails --------------------------------------------------------------------------------

BRIEFLY = settings(FIRST_BUG, stateful_step_count=6, phases=(Phase.generate, Phase.shrink))


def test_a_failure_names_the_claim_and_tells_a_short_story(monkeypatch: Patch) -> None:
    monkeypatch.setattr(BrokenHarness, "broken", ReopensSessions)

    with pytest.raises(AssertionError, match="closed stays closed: ") as caught:
        lifecycle_test(BrokenHarness, settings=BRIEFLY)

    story = [line for line in caught.value.__notes__ if " s  " in line]
    times = [float(line.partition(" s  ")[0]) for line in story]
    told = [line.partition(" s  ")[2] for line in story]
    assert len(story) <= 8, story
    assert times == sorted(times)
    assert re.fullmatch(r"\w+ opens \w+ s1 on ideal_\d.*", told[0])
    assert any(re.search(r"s1: \w+ -> closed", line) for line in told)


def test_what_never_happens_costs_no_time_and_makes_a_short_story_too(monkeypatch: Patch) -> None:
    gives_batches_no_priority(monkeypatch)

    with pytest.raises(WaitedInVain, match=r"^waits for ever: j\d did not start, and") as caught:
        lifecycle_test(MemoryHarness, settings=BRIEFLY)

    # Of several shortest stories, which one is found hangs on what else has been imported.
    told = [line.partition(" s  ")[2] for line in caught.value.__notes__ if " s  " in line]
    asked = [line for line in told if line.startswith("owner ")]
    assert any(re.fullmatch(r"owner opens batch s\d on ideal_5", line) for line in asked), told
    assert len(asked) <= 6, told


class WithASocket(MemoryHarness):
    """Nobody knows what may still come over its socket."""

    patience, short_patience = 1.0, 0.25

    async def start(self) -> None:
        await super().start()
        self.door = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)

    async def stop(self) -> None:
        self.door.close()
        await super().stop()


def test_where_waiting_takes_real_time_a_history_is_shortened_with_less_patience(
    monkeypatch: Patch,
) -> None:
    gives_batches_no_priority(monkeypatch)

    with pytest.raises(WaitedInVain, match=r"^waited 0\.25 s in vain: j\d+ did not start"):
        lifecycle_test(WithASocket, settings=FIRST_BUG)


def test_a_harness_without_power_over_time_is_refused() -> None:
    class Powerless(Harness):
        controls: ClassVar[frozenset[Control]] = frozenset({Control.EXECUTIONS})

    with pytest.raises(TypeError, match="no control over: time"):
        lifecycle_test(Powerless, settings=FIRST_BUG)


def test_a_machine_says_what_must_be_overridden() -> None:
    with pytest.raises(NotImplementedError, match="override `make_harness`"):
        SessionLifecycleMachine()
