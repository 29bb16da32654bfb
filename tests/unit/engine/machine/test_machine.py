"""What holds whatever happens: several instances, devices and sessions, in any order.

The auditor of ``conftest.py`` keeps its own books of the facts. A second engine gets the same
inputs, and crashes now and then: it is rebuilt from its log.
"""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import hypothesis.strategies as st
import pytest
from attrs import evolve
from hypothesis import note, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from swqr_core.engine.documents import KINDS
from swqr_core.engine.engine import Engine
from swqr_core.engine.facts import (
    Fact,
    JobAccepted,
    SessionOpened,
    Step,
)
from swqr_core.engine.inputs import (
    AddDevice,
    CancelJob,
    CancelSession,
    DeleteJob,
    DrainSession,
    FinishExecution,
    Input,
    OpenSession,
    SetDeviceStatus,
    SetTags,
    SubmitJob,
    TakeResult,
)
from swqr_core.engine.records import decode_record, encode_record
from swqr_core.engine.restoring import Restorer
from swqr_core.engine.settings import (
    AtSessionCancel,
    AtUsageLimit,
    Device,
    EngineSettings,
    Pace,
    Plan,
)
from swqr_core.engine.snapshot import Changes
from swqr_core.engine.view import View
from swqr_core.errors import SwqrError
from swqr_core.model.backend import BackendStatus
from swqr_core.model.ids import BackendName, InstanceId, JobId, ProgramId, SessionId
from swqr_core.model.job import JobSpec
from swqr_core.model.payload import Payload
from swqr_core.model.principal import Principal
from swqr_core.model.query import JobQuery, SessionQuery
from swqr_core.model.session import SessionMode, SessionSpec
from swqr_core.ports.executor import ExecutionStatus
from swqr_core.ports.storage import Document, LogRecord

if TYPE_CHECKING:
    from tests.unit.engine.machine.conftest import Auditor

BEGINNING = datetime(2026, 1, 31, 9, tzinfo=UTC)
WINDOW = 512
IDLE_OPEN = 120
DEVICES = {
    "a": Device(name=BackendName("a"), session_lanes=2),
    "b": Device(name=BackendName("b"), concurrent_jobs=3, session_lanes=1, job_seconds=5),
}
PLANS = {
    InstanceId("limited"): Plan(usage_seconds=20),
    InstanceId("open"): Plan(dedicated=False, pending_jobs=4, custom_ttls=False, weight=2.0),
}
NAMES = ["paid", "limited", "open"]
INSTANCES = st.sampled_from(NAMES)
BACKENDS = st.sampled_from(["a", "a", "b"])
NUMBERS = st.integers(0, 3)
LIMITS = st.lists(st.sampled_from([None, None, 3]), min_size=1, max_size=4)
TAG = partial(SetTags, tags=("t",))
T = TypeVar("T")


class Cloud(RuleBasedStateMachine):
    """Everything that can be asked of an engine, in any order."""

    def __init__(self, auditor: "type[Auditor]") -> None:
        super().__init__()
        self.now = BEGINNING
        self.count = 0
        self.auditor = auditor(DEVICES, PLANS, window=WINDOW, idle_open=IDLE_OPEN)
        self.log: list[LogRecord] = []
        self.facts: list[Fact] = []
        self.view, self.changes = View(), Changes()
        self.documents: dict[tuple[str, str], str] = {}
        self.compacted = 0

    @initialize(
        pace=st.sampled_from(Pace),
        at_usage_limit=st.sampled_from(AtUsageLimit),
        at_session_cancel=st.sampled_from(AtSessionCancel),
    )
    def build(
        self, pace: Pace, at_usage_limit: AtUsageLimit, at_session_cancel: AtSessionCancel
    ) -> None:
        self.settings = EngineSettings(
            plans=PLANS,
            default_plan=Plan(max_ttl=600, interactive_ttl=20),
            pace=pace,
            idle_open_seconds=IDLE_OPEN,
            usage_window_seconds=WINDOW,
            at_usage_limit=at_usage_limit,
            at_session_cancel=at_session_cancel,
        )
        self.auditor.pace = pace
        self.engine, self.twin = Engine(self.settings), Engine(self.settings)
        for device in DEVICES.values():
            self.give(AddDevice(device=device))

    # --- driving ---

    def take(self, input: Input | None, step: Step) -> None:
        if step.facts:
            record = encode_record(input, self.now, step.facts)
            assert decode_record(record) == (input, self.now, step.facts)
            self.log.append(record)
        for fact in step.facts:
            self.auditor.read(fact)
            self.changes.see(fact, self.view)
            self.view.apply(fact)
        self.facts += step.facts

    def pass_time(self) -> None:
        step = self.engine.advance_to(self.now)
        assert self.twin.advance_to(self.now) == step
        self.take(None, step)

    def give(self, input: Input) -> None:
        self.pass_time()
        note(f"  {input}")
        before = self.engine.picture()
        due = self.engine.next_deadline()
        try:
            step = self.engine.handle(input, self.now)
        except SwqrError as refusal:
            note(f"  refused: {refusal}")
            assert self.engine.picture() == before, "a refused input left a trace"
            assert self.engine.next_deadline() == due
            self.expect_refusal(input, refusal)
            return
        assert self.twin.handle(input, self.now) == step
        self.take(input, step)

    def expect_refusal(self, input: Input, refusal: SwqrError) -> None:
        with pytest.raises(SwqrError) as same:
            self.twin.handle(input, self.now)
        assert (same.type, same.value.args) == (type(refusal), refusal.args)

    def fresh(self, letter: str) -> str:
        self.count += 1
        return f"{letter}{self.count}"

    def pick(self, things: Sequence[T], which: int) -> T:
        """Pick one, counted from the newest, so that what is going on is met often."""
        return things[-1 - which % len(things)]

    def open_sessions(self) -> list[SessionOpened]:
        books = self.auditor.sessions.values()
        return [book.opened for book in books if book.state.accepts_jobs]

    def live_jobs(self) -> list[JobAccepted]:
        return [book.accepted for book in self.auditor.jobs.values() if book.ended is None]

    # --- rules ---

    @rule(seconds=st.sampled_from([0.25, 5, 19.5, 20, 130]))
    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.pass_time()

    @rule()
    def wait_for_the_next_deadline(self) -> None:
        deadline = self.engine.next_deadline()
        if deadline is not None:
            self.now = max(self.now, deadline)
            self.pass_time()

    @rule(
        by=INSTANCES,
        backend=BACKENDS,
        mode=st.sampled_from(SessionMode),
        ttls=st.sampled_from([{}, {}, {"max_ttl": 90}, {"active_ttl": 70}, {"interactive_ttl": 0}]),
    )
    def open(self, by: str, backend: str, mode: SessionMode, ttls: dict[str, Any]) -> None:
        id = SessionId(self.fresh("s"))
        self.give(
            OpenSession(
                principal=who(by),
                session_id=id,
                spec=SessionSpec(backend=BackendName(backend), mode=mode, **ttls),
                key=id,
                content="",
            )
        )

    def submit(self, by: str, backend: str, session: SessionId | None, limit: int | None) -> JobId:
        id = JobId(self.fresh("j"))
        self.give(
            SubmitJob(
                principal=who(by),
                job_id=id,
                spec=JobSpec(
                    program_id=ProgramId("sampler"),
                    backend=BackendName(backend),
                    session_id=session,
                    max_execution_time=limit,
                    private=self.count % 3 == 0,
                ),
                params=Payload("sha256:0", 1),
                key=id,
                content="",
            )
        )
        return id

    @rule(by=INSTANCES, backend=BACKENDS, limits=LIMITS)
    def submit_plain(self, by: str, backend: str, limits: list[int | None]) -> None:
        for limit in limits:
            self.submit(by, backend, None, limit)

    @precondition(lambda self: self.open_sessions())
    @rule(which=NUMBERS, limits=LIMITS)
    def submit_to_session(self, which: int, limits: list[int | None]) -> None:
        session = self.pick(self.open_sessions(), which)
        for limit in limits:
            self.submit(session.principal.instance, session.spec.backend, session.session_id, limit)

    @precondition(lambda self: self.auditor.sessions)
    @rule(which=NUMBERS, by=INSTANCES, backend=BACKENDS)
    def submit_somewhere_wrong(self, which: int, by: str, backend: str) -> None:
        id, book = self.pick(list(self.auditor.sessions.items()), which)
        opened = book.opened
        if (by, backend) != (opened.principal.instance, opened.spec.backend):
            assert self.submit(by, backend, id, None) not in self.auditor.jobs

    @precondition(lambda self: self.auditor.jobs)
    @rule(which=NUMBERS)
    def submit_with_the_same_key(self, which: int) -> None:
        accepted = self.pick(list(self.auditor.jobs.values()), which).accepted
        self.pass_time()
        step = self.engine.handle(
            SubmitJob(
                principal=accepted.principal,
                job_id=JobId("unused"),
                spec=accepted.spec,
                params=accepted.params,
                key=accepted.key,
                content=accepted.content,
            ),
            self.now,
        )
        assert step == Step(subject=accepted.job_id)

    @precondition(lambda self: self.engine.outstanding())
    @rule(
        which=NUMBERS,
        seconds=st.sampled_from([0.0, 0.5, 7.25, 30.0]),
        status=st.sampled_from([*[ExecutionStatus.COMPLETED] * 4, *ExecutionStatus]),
        code=st.sampled_from([None, 1000, 1517]),
    )
    def finish(self, which: int, seconds: float, status: ExecutionStatus, code: int | None) -> None:
        self.finish_job(self.pick(self.engine.outstanding(), which), seconds, status, code)

    @precondition(lambda self: self.engine.outstanding())
    @rule(seconds=st.sampled_from([0.5, 5.0, 12.0]))
    def finish_all(self, seconds: float) -> None:
        for id in self.engine.outstanding():
            self.finish_job(id, seconds)

    def finish_job(
        self,
        id: JobId,
        seconds: float,
        status: ExecutionStatus = ExecutionStatus.COMPLETED,
        code: int | None = None,
    ) -> None:
        self.give(
            FinishExecution(
                job_id=id,
                status=status,
                quantum_seconds=seconds,
                reason_code=None if status is ExecutionStatus.COMPLETED else code,
                result=Payload("sha256:1", 2),
                metrics={"n": [1, 2.5, "x", None]},
            )
        )

    @precondition(lambda self: self.auditor.jobs)
    @rule(
        which=NUMBERS,
        stranger=st.booleans(),
        command=st.sampled_from([CancelJob, DeleteJob, TakeResult, TAG, None]),
    )
    def ask_of_any_job(
        self, which: int, command: Callable[..., Input] | None, *, stranger: bool
    ) -> None:
        id, book = self.pick(list(self.auditor.jobs.items()), which)
        by = who("stranger") if stranger else book.accepted.principal
        if command is None:
            self.finish_job(id, 1.0)
        else:
            self.give(command(principal=by, job_id=id))

    @precondition(lambda self: self.live_jobs())
    @rule(which=NUMBERS)
    def cancel_job(self, which: int) -> None:
        accepted = self.pick(self.live_jobs(), which)
        self.give(CancelJob(principal=accepted.principal, job_id=accepted.job_id))

    @precondition(lambda self: self.auditor.sessions)
    @rule(which=NUMBERS, command=st.sampled_from([DrainSession, DrainSession, CancelSession]))
    def end_session(self, which: int, command: Callable[..., Input]) -> None:
        id, book = self.pick(list(self.auditor.sessions.items()), which)
        self.give(command(principal=book.opened.principal, session_id=id))

    @rule(backend=BACKENDS, status=st.sampled_from([*BackendStatus, BackendStatus.ONLINE]))
    def set_status(self, backend: str, status: BackendStatus) -> None:
        self.give(SetDeviceStatus(name=BackendName(backend), status=status))

    @rule()
    def crash(self) -> None:
        """Lose the second engine, and build it again from the log."""
        note("  crash")
        self.pass_time()
        self.twin = Engine(self.settings)
        for record in self.log:
            for fact in decode_record(record)[2]:
                self.twin.apply(fact)
        assert self.twin.advance_to(self.now) == Step()
        assert self.twin.picture() == self.engine.picture()
        assert self.twin.next_deadline() == self.engine.next_deadline()
        assert self.twin.outstanding() == self.engine.outstanding()

    @rule()
    def compact(self) -> None:
        """Make documents of what has changed; the records before them are not needed any more."""
        note("  compact")
        changes, self.changes = self.changes, Changes()
        for document in changes.documents(self.engine.cloud, self.view):
            if document.body is None:
                self.documents.pop((document.kind, document.id), None)
            else:
                self.documents[document.kind, document.id] = json.dumps(document.body)
        self.compacted = len(self.log)

    @rule(compact=st.booleans())
    def start_from_documents(self, compact: bool) -> None:
        """Lose the second engine, and build it from documents and the records behind them."""
        self.pass_time()
        if compact:
            self.compact()
        note("  start from documents")
        self.twin, view = Engine(self.settings), View()
        restorer = Restorer(self.twin.cloud, view)
        for wanted in KINDS:
            for (kind, id), body in self.documents.items():
                if kind == wanted:
                    restorer.add(Document(kind=kind, id=id, body=json.loads(body)))
        restorer.finish()
        for record in self.log[self.compacted :]:
            for fact in decode_record(record)[2]:
                self.twin.apply(fact)
                view.apply(fact)
        assert self.twin.advance_to(self.now) == Step()
        assert self.twin.picture() == self.engine.picture()
        assert self.twin.next_deadline() == self.engine.next_deadline()
        assert self.twin.outstanding() == self.engine.outstanding()
        self.compare_views(view)

    def compare_views(self, view: View) -> None:
        jobs, sessions = JobQuery(limit=200), SessionQuery(limit=200)
        for instance in NAMES:
            by = who(instance)
            found = view.jobs(by, jobs)
            assert found == self.view.jobs(by, jobs)
            assert view.sessions(by, sessions, self.now) == self.view.sessions(
                by, sessions, self.now
            )
            for tag in ({"t"}, {"red"}):
                tagged = evolve(jobs, tags=tuple(tag))
                assert view.jobs(by, tagged) == self.view.jobs(by, tagged)
            for job in found.items:
                assert view.number(job.id) == self.view.number(job.id)
                assert view.metrics(by, job.id) == self.view.metrics(by, job.id)
            since = self.now - timedelta(seconds=WINDOW)
            used = view.consumed(InstanceId(instance), since)
            assert abs(used - self.view.consumed(InstanceId(instance), since)) < 1e-6
        for backend in DEVICES:
            assert view.queue_length(backend) == self.view.queue_length(backend)
            assert view.status(backend) == self.view.status(backend)
        assert sorted(map(str, view.payloads())) == sorted(map(str, self.view.payloads()))

    # --- what holds ---

    @invariant()
    def the_books_are_right(self) -> None:
        if self.facts:
            self.auditor.check(self.engine)
            self.auditor.check_clocks(self.now)
            self.auditor.check_usage(self.engine, self.now)

    @invariant()
    def nothing_is_overdue(self) -> None:
        if self.facts:
            deadline = self.engine.next_deadline()
            assert deadline is None or deadline >= self.now

    def teardown(self) -> None:
        """Let everything finish, and look at the whole of it."""
        if not self.facts:
            return
        self.crash()
        self.start_from_documents(compact=True)
        for backend in DEVICES:
            self.give(SetDeviceStatus(name=BackendName(backend), status=BackendStatus.ONLINE))
        for _ in range(1000):
            for id in self.engine.outstanding():
                self.finish_job(id, 1.0)
            deadline = self.engine.next_deadline()
            if deadline is None and not self.engine.outstanding():
                break
            self.now = max(self.now, deadline or self.now)
            self.pass_time()
        self.the_books_are_right()
        assert all(book.ended is not None for book in self.auditor.jobs.values())
        assert all(book.final for book in self.auditor.sessions.values())
        assert self.facts_of(self.log) == self.facts

    def facts_of(self, log: Sequence[LogRecord]) -> list[Fact]:
        """Derive the facts again, from the inputs in the log alone."""
        engine, facts = Engine(self.settings), list[Fact]()
        for record in log:
            input, at, _ = decode_record(record)
            step = engine.advance_to(at) if input is None else engine.handle(input, at)
            facts += step.facts
        return facts


def who(instance: str) -> Principal:
    return Principal(user="u", instance=InstanceId(instance))


def test_whatever_happens_the_books_are_right(auditor: "type[Auditor]") -> None:
    class Audited(Cloud):
        def __init__(self) -> None:
            super().__init__(auditor)

    # The nightly profile brings more of it.
    many = settings(max_examples=max(200, settings().max_examples), stateful_step_count=50)
    run_state_machine_as_test(Audited, settings=many)
