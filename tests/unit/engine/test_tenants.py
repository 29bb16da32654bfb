"""Instances do not see each other, and keys make a repetition safe."""

from typing import TYPE_CHECKING

import pytest

from swqr_core.engine.inputs import AddDevice, OpenSession, SubmitJob
from swqr_core.engine.settings import Device
from swqr_core.errors import (
    IdempotencyConflictError,
    InvalidInputError,
    JobNotFoundError,
    SessionNotFoundError,
)
from swqr_core.model.ids import BackendName, InstanceId, JobId, ProgramId, SessionId
from swqr_core.model.job import JobSpec
from swqr_core.model.payload import Payload
from swqr_core.model.principal import Principal
from swqr_core.model.session import SessionSpec

if TYPE_CHECKING:
    from tests.unit.engine.conftest import Story

A = BackendName("a")


def submission(id: str = "job", key: str = "k", content: str = "c", by: str = "i") -> SubmitJob:
    return SubmitJob(
        principal=Principal(instance=InstanceId(by)),
        job_id=JobId(id),
        spec=JobSpec(program_id=ProgramId("sampler"), backend=A),
        params=Payload("sha256:0", 1),
        key=key,
        content=content,
    )


def opening(id: str = "session", key: str = "k", content: str = "c", by: str = "i") -> OpenSession:
    return OpenSession(
        principal=Principal(instance=InstanceId(by)),
        session_id=SessionId(id),
        spec=SessionSpec(backend=A),
        key=key,
        content=content,
    )


@pytest.mark.parametrize("command", ["drain", "cancel_session", "submit"])
@pytest.mark.parametrize("closed", [True, False])
def test_another_instances_session_is_not_found(
    story: "Story", command: str, *, closed: bool
) -> None:
    session = story.open(by="mine")
    if closed:
        story.drain(session, by="mine")

    with pytest.raises(SessionNotFoundError):
        getattr(story, command)(session, by="theirs")


@pytest.mark.parametrize("command", ["cancel", "delete", "tag", "take_result"])
@pytest.mark.parametrize("ended", [True, False])
def test_another_instances_job_is_not_found(story: "Story", command: str, *, ended: bool) -> None:
    job = story.submit(by="mine")
    if ended:
        story.finish(job)

    with pytest.raises(JobNotFoundError):
        getattr(story, command)(job, by="theirs")


@pytest.mark.parametrize("command", ["drain", "cancel_session", "submit"])
def test_an_unknown_session_is_not_found(story: "Story", command: str) -> None:
    with pytest.raises(SessionNotFoundError):
        getattr(story, command)("nothing")


@pytest.mark.parametrize("command", ["cancel", "delete", "tag", "take_result"])
def test_an_unknown_job_is_not_found(story: "Story", command: str) -> None:
    with pytest.raises(JobNotFoundError):
        getattr(story, command)("nothing")


@pytest.mark.parametrize("make", [submission, opening])
def test_a_repeated_key_makes_nothing_new(
    story: "Story", make: "type[SubmitJob | OpenSession]"
) -> None:
    story.handle(make("first"))  # type: ignore[arg-type, call-arg]

    step = story.handle(make("second"))  # type: ignore[arg-type, call-arg]

    assert (step.facts, step.effects, step.subject) == ((), (), "first")


def test_a_repeated_key_with_another_content_is_refused(story: "Story") -> None:
    story.handle(submission("first"))

    with pytest.raises(IdempotencyConflictError) as refusal:
        story.handle(submission("second", content="other"))

    assert (refusal.value.key, refusal.value.existing_id) == ("k", "first")


def test_a_key_stands_for_one_session_and_one_job(story: "Story") -> None:
    subjects = [story.handle(opening()).subject, story.handle(submission()).subject]

    assert subjects == ["session", "job"]


def test_instances_do_not_share_keys(story: "Story") -> None:
    story.handle(submission("first", by="x"))

    assert story.handle(submission("second", by="y")).subject == "second"


def test_a_key_outlives_its_job(story: "Story") -> None:
    story.handle(submission("first"))
    story.finish("first")
    story.delete("first")

    assert story.handle(submission("second")).subject == "first"


def test_a_key_outlives_its_session(story: "Story") -> None:
    story.handle(opening("first"))
    story.cancel_session("first")

    assert story.handle(opening("second")).subject == "first"


@pytest.mark.parametrize("finish", [True, False])
def test_a_job_id_cannot_be_used_twice(story: "Story", *, finish: bool) -> None:
    story.handle(submission("job", key="1"))
    if finish:
        story.finish("job")

    with pytest.raises(InvalidInputError, match="already in use"):
        story.handle(submission("job", key="2"))


@pytest.mark.parametrize("close", [True, False])
def test_a_session_id_cannot_be_used_twice(story: "Story", *, close: bool) -> None:
    story.handle(opening("session", key="1"))
    if close:
        story.cancel_session("session")

    with pytest.raises(InvalidInputError, match="already in use"):
        story.handle(opening("session", key="2"))


def test_a_device_of_the_same_name_changes_nothing(story: "Story") -> None:
    step = story.handle(AddDevice(device=Device(name=A, session_lanes=1)))

    assert step.facts == ()
