"""Documents: what a cloud knows, without the records that led there."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from swqr_core.engine.documents import KINDS, LAYOUTS
from swqr_core.engine.engine import Engine
from swqr_core.engine.inputs import (
    AddDevice,
    AddProgram,
    DeleteJob,
    FinishExecution,
    Input,
    OpenSession,
    PublishInterim,
    SubmitJob,
)
from swqr_core.engine.restoring import Restorer
from swqr_core.engine.settings import Device, EngineSettings, Pace
from swqr_core.engine.snapshot import Changes
from swqr_core.engine.view import View
from swqr_core.errors import InvalidInputError
from swqr_core.model.ids import BackendName, JobId, ProgramId, SessionId
from swqr_core.model.job import Job, JobSpec
from swqr_core.model.payload import Payload
from swqr_core.model.principal import Principal
from swqr_core.model.program import Program, ProgramSpec
from swqr_core.model.query import JobQuery
from swqr_core.model.session import Session, SessionMode, SessionSpec, SessionStep
from swqr_core.ports.executor import ExecutionStatus
from swqr_core.ports.storage import Document

START = datetime(2026, 1, 31, 9, tzinfo=UTC)
ME = Principal()
A, B = BackendName("a"), BackendName("b")


class World:
    """An engine, a view of it, and the documents that were made of both."""

    def __init__(self) -> None:
        self.settings = EngineSettings(pace=Pace.REAL)
        self.engine, self.view, self.changes = Engine(self.settings), View(), Changes()
        self.documents: dict[tuple[str, str], str] = {}
        self.at = START
        for name in (A, B):
            self.give(AddDevice(device=Device(name=name)))

    def give(self, input: Input, *, after: float = 0.0) -> None:
        self.at += timedelta(seconds=after)
        before, step = self.engine.advance_to(self.at), self.engine.handle(input, self.at)
        for fact in before.facts + step.facts:
            self.changes.see(fact, self.view)
            self.view.apply(fact)

    def submit(self, id: str, backend: str = A, **spec: Any) -> None:
        self.give(
            SubmitJob(
                principal=ME,
                job_id=JobId(id),
                spec=JobSpec(program_id=ProgramId("p"), backend=BackendName(backend), **spec),
                params=Payload.of(id.encode()),
                key=id,
                content="",
            )
        )

    def finish(self, id: str, seconds: float, *, after: float) -> None:
        result = Payload.of(b"result")
        status = ExecutionStatus.COMPLETED
        self.give(
            FinishExecution(
                job_id=JobId(id), status=status, quantum_seconds=seconds, result=result
            ),
            after=after,
        )

    def compact(self) -> list[tuple[str, str]]:
        changes, self.changes = self.changes, Changes()
        made = list(changes.documents(self.engine.cloud, self.view))
        for document in made:
            if document.body is None:
                self.documents.pop((document.kind, document.id), None)
            else:
                self.documents[document.kind, document.id] = json.dumps(document.body)
        return [(document.kind, document.id) for document in made]

    def restored(self) -> tuple[Engine, View]:
        engine, view = Engine(self.settings), View()
        restorer = Restorer(engine.cloud, view)
        for wanted in KINDS:
            for (kind, id), body in self.documents.items():
                if kind == wanted:
                    restorer.add(Document(kind=kind, id=id, body=json.loads(body)))
        restorer.finish()
        return engine, view


@pytest.fixture
def world() -> World:
    return World()


def open_session(world: World, mode: SessionMode) -> None:
    spec = SessionSpec(backend=A, mode=mode)
    session_id = SessionId(mode.value)
    world.give(
        OpenSession(principal=ME, session_id=session_id, spec=spec, key=mode.value, content="")
    )


def test_a_cloud_in_full_swing_is_the_same_from_its_documents(world: World) -> None:
    open_session(world, SessionMode.DEDICATED)
    open_session(world, SessionMode.BATCH)
    for number in range(3):
        world.submit(f"d-{number}", session_id=SessionId("dedicated"), tags=("red",))
        world.submit(f"b-{number}", session_id=SessionId("batch"), private=True)
        world.submit(f"plain-{number}", B)
    world.finish("d-0", 7.0, after=3.0)  # it keeps its device until 7 s are over
    world.finish("plain-0", 1.0, after=2.0)
    world.finish("d-1", 20.0, after=2.0)
    world.give(DeleteJob(principal=ME, job_id=JobId("plain-0")))
    world.give(PublishInterim(job_id=JobId("d-2"), results=(Payload.of(b"1"), Payload.of(b"2"))))
    world.give(
        AddProgram(
            principal=ME,
            program_id=ProgramId("mine"),
            spec=ProgramSpec(name="mine"),
            source=Payload.of(b"source"),
            key="k",
            content="",
        )
    )
    world.compact()
    engine, view = world.restored()

    assert engine.picture() == world.engine.picture()
    assert view.jobs(ME, JobQuery()) == world.view.jobs(ME, JobQuery())
    assert [job.id for job in view.jobs(ME, JobQuery(key="d-1")).items] == ["d-1"]
    assert view.session(ME, "dedicated", world.at) == world.view.session(ME, "dedicated", world.at)
    assert list(view.interim("d-2")) == list(world.view.interim("d-2"))
    assert view.library.picture() == world.view.library.picture()
    later = world.at + timedelta(hours=9)
    assert engine.advance_to(later) == world.engine.advance_to(later)
    assert engine.picture() == world.engine.picture()


def test_what_has_not_changed_is_not_written_again(world: World) -> None:
    world.submit("first", A)
    world.submit("second", B)
    world.compact()
    world.finish("second", 0.0, after=1.0)
    written = {id for kind, id in world.compact() if kind in {"job", "key", "device"}}

    assert written == {"second", "b"}


def test_a_deleted_job_leaves_no_document(world: World) -> None:
    world.submit("job")
    world.finish("job", 0.0, after=1.0)
    world.compact()
    world.give(DeleteJob(principal=ME, job_id=JobId("job")))
    world.compact()

    assert ("job", "job") not in world.documents
    assert any(kind == "key" for kind, _ in world.documents)  # it still means that job


def test_what_could_not_be_written_is_written_the_next_time(world: World) -> None:
    world.submit("first")
    world.finish("first", 2.0, after=2.0)
    failed, world.changes = world.changes, Changes()
    list(failed.documents(world.engine.cloud, world.view))
    world.submit("second")
    world.changes.add(failed, world.view)
    world.compact()
    engine, view = world.restored()

    assert engine.picture() == world.engine.picture()
    assert view.consumed(ME.instance, START) == 2.0


def test_charges_that_no_longer_count_leave_the_documents(world: World) -> None:
    for number in range(2_500):
        charge(world, [str(number)])
        if number % 400 == 0:
            world.compact()
    world.compact()
    before = [id for kind, id in world.documents if kind == "charges"]
    _, view = world.restored()
    window = world.settings.usage_window_seconds
    world.at += timedelta(seconds=window)
    world.submit("late")
    world.finish("late", 1.0, after=1.0)
    world.compact()
    after = [id for kind, id in world.documents if kind == "charges"]

    assert view.consumed(ME.instance, START) == 2_500
    assert (len(before), len(after)) == (3, 1)
    assert world.restored()[1].consumed(ME.instance, world.at - timedelta(seconds=window)) == 1


def test_an_unknown_version_is_refused(world: World) -> None:
    restorer = Restorer(world.engine.cloud, None)

    with pytest.raises(InvalidInputError, match="version 9"):
        restorer.add(Document(kind="job", id="j", body={"v": 9}))


def test_a_document_that_needs_a_missing_one_is_refused(world: World) -> None:
    world.submit("job")
    world.compact()
    restorer = Restorer(Engine(world.settings).cloud, View())

    with pytest.raises(InvalidInputError, match="job 'job' needs"):
        restorer.add(Document(kind="job", id="job", body=json.loads(world.documents["job", "job"])))


@pytest.mark.parametrize("type", [Job, Session, SessionStep, Program])
def test_a_document_has_every_field_of_the_values_in_it(world: World, type: Any) -> None:
    open_session(world, SessionMode.BATCH)
    world.submit("job")
    program = ProgramSpec(name="p")
    world.give(
        AddProgram(
            principal=ME, program_id=ProgramId("p-1"), spec=program, source=Payload.of(b"s"),
            key="k", content="",
        )
    )  # fmt: skip
    world.compact()
    bodies = {kind: json.loads(body) for (kind, _), body in world.documents.items()}
    samples = {
        Job: bodies["job"]["job"],
        Session: bodies["session"]["session"],
        SessionStep: bodies["session"]["session"]["steps"][0],
        Program: bodies["program"]["program"],
    }

    assert set(samples[type]) == {each.name for each in attrs.fields(type)}


@pytest.mark.parametrize("kind", KINDS)
def test_a_layout_has_every_field_of_its_class(kind: str) -> None:
    made: Any = LAYOUTS[kind].type

    assert set(LAYOUTS[kind].fields) == {each.name for each in attrs.fields(made)}


def charge(world: World, jobs: Iterable[str]) -> None:
    for job in jobs:
        world.submit(job)
        world.finish(job, 1.0, after=1.0)


def test_charges_that_are_forgotten_while_documents_are_made_leave_them_the_next_time(
    world: World,
) -> None:
    charge(world, map(str, range(2_100)))
    world.compact()
    world.at += timedelta(seconds=world.settings.usage_window_seconds - 1_000)
    charge(world, ["late"])
    for document in world.changes.documents(world.engine.cloud, world.view):
        if document.kind == "charges" and document.body is None:
            world.documents.pop((document.kind, document.id))
            world.view.consumed(ME.instance, START + timedelta(seconds=2_050))
    world.submit("later")
    world.finish("later", 1.0, after=2_000.0)
    world.compact()

    assert [id for kind, id in world.documents if kind == "charges"] == [f"{ME.instance} 2"]


def test_charges_that_ceased_to_count_before_they_were_written_are_not_written(
    world: World,
) -> None:
    charge(world, map(str, range(2_500)))
    world.at += timedelta(seconds=world.settings.usage_window_seconds - 1_000)
    charge(world, ["late"])
    world.compact()
    since = world.at - timedelta(seconds=world.settings.usage_window_seconds)

    assert world.restored()[1].consumed(ME.instance, since) == 1_001
