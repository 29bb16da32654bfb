"""Inputs and facts survive the way into a log and back."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import attrs
import hypothesis.strategies as st
import pytest
from hypothesis import given

from swqr_core.engine import facts, inputs
from swqr_core.engine.layouts import Layout
from swqr_core.engine.records import (
    FACTS,
    INPUTS,
    VERSION,
    decode_fact,
    decode_input,
    decode_record,
    encode_fact,
    encode_input,
    encode_record,
)
from swqr_core.engine.settings import Device
from swqr_core.errors import InvalidInputError
from swqr_core.lifecycle.job import JobEvent, JobState
from swqr_core.lifecycle.session import SessionEvent, SessionState
from swqr_core.model.backend import BackendStatus
from swqr_core.model.ids import BackendName, JobId
from swqr_core.model.job import LOG_LEVELS, JobSpec
from swqr_core.model.payload import Payload
from swqr_core.model.principal import Principal
from swqr_core.model.program import ProgramSpec, ProgramUpdate
from swqr_core.model.session import SessionMode, SessionSpec
from swqr_core.ports.executor import ExecutionStatus
from swqr_core.ports.storage import LogRecord

AT = datetime(2026, 1, 31, 9, tzinfo=UTC)

text = st.text(min_size=1, max_size=20)
seconds = st.floats(min_value=0, max_value=1e9)
whole = st.integers(min_value=1, max_value=10_000)
times = st.integers(0, 2**52).map(lambda since: AT + timedelta(microseconds=since))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
objects = st.dictionaries(st.text(), json_values, max_size=3)
payloads = st.builds(Payload, digest=text, size=st.integers(min_value=0))
principals = st.builds(Principal, user=text, instance=text)
devices = st.builds(
    Device, name=text, concurrent_jobs=whole, session_lanes=whole, job_seconds=st.none() | seconds
)
session_specs = st.builds(
    SessionSpec,
    backend=text,
    mode=st.sampled_from(SessionMode),
    max_ttl=st.none() | whole,
    interactive_ttl=st.none() | whole,
    active_ttl=st.none() | whole,
    extra=objects,
)
tags = st.lists(text, max_size=8).map(tuple)
job_specs = st.builds(
    JobSpec,
    program_id=text,
    backend=text,
    session_id=st.none() | text,
    tags=tags,
    max_execution_time=st.none() | whole,
    log_level=st.sampled_from(LOG_LEVELS),
    private=st.booleans(),
    image=st.none() | text,
    calibration_id=st.none() | text,
    extra=objects,
)
outcome: dict[str, st.SearchStrategy[Any]] = {
    "reason": st.none() | text,
    "reason_code": st.none() | whole,
    "reason_solution": st.none() | text,
    "result": st.none() | payloads,
    "logs": st.none() | payloads,
    "metrics": objects,
}
finishes = st.builds(
    inputs.FinishExecution,
    job_id=text,
    status=st.sampled_from(ExecutionStatus),
    quantum_seconds=seconds,
    **outcome,
)
backend_status: dict[str, st.SearchStrategy[Any]] = {
    "name": text,
    "status": st.sampled_from(BackendStatus),
    "reason": st.text(max_size=20),
}
opening: dict[str, st.SearchStrategy[Any]] = {
    "principal": principals,
    "session_id": text,
    "spec": session_specs,
    "key": text,
    "content": text,
}
submission: dict[str, st.SearchStrategy[Any]] = {
    "principal": principals,
    "job_id": text,
    "spec": job_specs,
    "params": payloads,
    "key": text,
    "content": text,
}
several_payloads = st.lists(payloads, max_size=3).map(tuple)
few_tags = st.lists(text, max_size=5).map(tuple)
program_specs = st.builds(
    ProgramSpec,
    name=text,
    description=st.text(max_size=20),
    cost=whole,
    backend_requirements=objects,
    parameters=objects,
    return_values=objects,
    interim_results=objects,
    tags=few_tags,
    is_public=st.booleans(),
)
program_updates = st.builds(
    ProgramUpdate,
    name=st.none() | text,
    description=st.none() | st.text(max_size=20),
    cost=st.none() | whole,
    backend_requirements=st.none() | objects,
    parameters=st.none() | objects,
    return_values=st.none() | objects,
    interim_results=st.none() | objects,
    tags=st.none() | few_tags,
)
about_program: dict[str, st.SearchStrategy[Any]] = {"principal": principals, "program_id": text}
upload: dict[str, st.SearchStrategy[Any]] = {
    **about_program,
    "spec": program_specs,
    "source": payloads,
    "key": text,
    "content": text,
}
any_input: st.SearchStrategy[inputs.Input] = st.one_of(
    st.builds(inputs.AddDevice, device=devices),
    st.builds(inputs.SetDeviceStatus, **backend_status),
    st.builds(inputs.OpenSession, **opening),
    st.builds(inputs.DrainSession, principal=principals, session_id=text),
    st.builds(inputs.CancelSession, principal=principals, session_id=text),
    st.builds(inputs.SubmitJob, **submission),
    st.builds(inputs.CancelJob, principal=principals, job_id=text),
    st.builds(inputs.DeleteJob, principal=principals, job_id=text),
    st.builds(inputs.SetTags, principal=principals, job_id=text, tags=tags),
    st.builds(inputs.TakeResult, principal=principals, job_id=text),
    finishes,
    st.builds(inputs.AddProgram, **upload),
    st.builds(inputs.UpdateProgram, **about_program, update=program_updates),
    st.builds(inputs.ReplaceProgram, **about_program, source=payloads),
    st.builds(inputs.PublishProgram, **about_program, public=st.booleans()),
    st.builds(inputs.DeleteProgram, **about_program),
    st.builds(inputs.PublishInterim, job_id=text, results=several_payloads),
)
any_fact: st.SearchStrategy[facts.Fact] = st.one_of(
    st.builds(facts.DeviceAdded, at=times, device=devices),
    st.builds(facts.DeviceStatusSet, at=times, **backend_status),
    st.builds(facts.SessionOpened, at=times, **opening),
    st.builds(
        facts.SessionAdvanced,
        at=times,
        session_id=text,
        event=st.sampled_from(SessionEvent),
        state=st.sampled_from(SessionState),
        reason=st.none() | text,
    ),
    st.builds(
        facts.SessionCharged, at=times, session_id=text, seconds=seconds, final=st.booleans()
    ),
    st.builds(facts.InstanceCharged, at=times, instance=text, seconds=seconds),
    st.builds(facts.JobAccepted, at=times, number=whole, time_limit=whole, **submission),
    st.builds(facts.JobStarted, at=times, job_id=text),
    st.builds(facts.JobExecuted, at=times, job_id=text, due_at=times, outcome=finishes),
    st.builds(
        facts.JobEnded,
        at=times,
        job_id=text,
        event=st.sampled_from(JobEvent),
        state=st.sampled_from(JobState),
        quantum_seconds=seconds,
        **outcome,
    ),
    st.builds(facts.TagsSet, at=times, job_id=text, tags=tags),
    st.builds(facts.ResultTaken, at=times, job_id=text),
    st.builds(facts.JobDeleted, at=times, job_id=text),
    st.builds(facts.ProgramAdded, at=times, **upload),
    st.builds(facts.ProgramChanged, at=times, program_id=text, spec=program_specs, source=payloads),
    st.builds(facts.ProgramDeleted, at=times, program_id=text),
    st.builds(facts.JobPinned, at=times, job_id=text, spec=program_specs, source=payloads),
    st.builds(facts.InterimPublished, at=times, job_id=text, results=several_payloads),
)


@given(any_input)
def test_an_input_comes_back_from_json(input: inputs.Input) -> None:
    written = json.dumps(encode_input(input))

    assert decode_input(json.loads(written)) == input


@given(any_fact)
def test_a_fact_comes_back_from_json(fact: facts.Fact) -> None:
    written = json.dumps(encode_fact(fact))

    assert decode_fact(json.loads(written)) == fact


@given(st.none() | any_input, times, st.lists(any_fact, max_size=3))
def test_a_record_comes_back(
    input: inputs.Input | None, at: datetime, several: list[facts.Fact]
) -> None:
    record = encode_record(input, at, several)

    assert decode_record(record) == (input, at, tuple(several))


def test_times_keep_their_microseconds_and_are_utc() -> None:
    at = AT + timedelta(microseconds=1)

    fact = decode_fact(encode_fact(facts.JobStarted(at=at, job_id=JobId("j"))))

    assert (fact.at, fact.at.tzinfo) == (at, UTC)


@pytest.mark.parametrize(("union", "layouts"), [(inputs.Input, INPUTS), (facts.Fact, FACTS)])
def test_there_is_a_layout_for_every_kind(union: Any, layouts: dict[str, Layout[Any]]) -> None:
    assert {layout.type for layout in layouts.values()} == set(get_args(union))


@pytest.mark.parametrize("layout", [*INPUTS.values(), *FACTS.values()], ids=[*INPUTS, *FACTS])
def test_a_layout_has_every_field_of_its_class(layout: Layout[Any]) -> None:
    made: Any = layout.type

    assert set(layout.fields) == {each.name for each in attrs.fields(made)}


@pytest.mark.parametrize("type", [Device, JobSpec, Payload, Principal, SessionSpec])
def test_a_layout_has_every_field_of_the_values_in_it(type: Any) -> None:
    samples = {
        Device: encode_input(inputs.AddDevice(device=Device(name=BackendName("a"))))["device"],
        JobSpec: encode_input(a_submission())["spec"],
        Payload: encode_input(a_submission())["params"],
        Principal: encode_input(a_submission())["principal"],
        SessionSpec: encode_fact(an_opening())["spec"],
    }

    written = samples[type]
    assert isinstance(written, dict)
    assert set(written) == {each.name for each in attrs.fields(type)}


def a_submission() -> inputs.SubmitJob:
    return inputs.SubmitJob(
        principal=Principal(),
        job_id=JobId("j"),
        spec=JobSpec(program_id="sampler", backend="a"),  # type: ignore[arg-type]
        params=Payload("sha256:0", 1),
        key="k",
        content="c",
    )


def an_opening() -> facts.SessionOpened:
    return facts.SessionOpened(
        at=AT,
        session_id="s",  # type: ignore[arg-type]
        principal=Principal(),
        spec=SessionSpec(backend=BackendName("a")),
        key="k",
        content="c",
    )


def test_kinds_are_stable() -> None:
    """Renaming one makes old logs unreadable: then ``VERSION`` must grow."""
    assert sorted(INPUTS) == [
        "add_device",
        "add_program",
        "cancel_job",
        "cancel_session",
        "delete_job",
        "delete_program",
        "drain_session",
        "finish_execution",
        "open_session",
        "publish_interim",
        "publish_program",
        "replace_program",
        "set_device_status",
        "set_tags",
        "submit_job",
        "take_result",
        "update_program",
    ]
    assert sorted(FACTS) == [
        "device_added",
        "device_status_set",
        "instance_charged",
        "interim_published",
        "job_accepted",
        "job_deleted",
        "job_ended",
        "job_executed",
        "job_pinned",
        "job_started",
        "program_added",
        "program_changed",
        "program_deleted",
        "result_taken",
        "session_advanced",
        "session_charged",
        "session_opened",
        "tags_set",
    ]


STARTED: dict[str, object] = {"kind": "job_started", "at": AT.isoformat(), "job_id": "j"}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"kind": "job_stopped"}, "unknown kind 'job_stopped'"),
        ({"kind": None}, "unknown kind None"),
        ({"at": 5}, "must hold str"),
        ({"at": "yesterday"}, "ISO 8601"),
        ({"at": "2026-01-31T09:00:00"}, "UTC"),
        ({"at": "2026-01-31T09:00:00+01:00"}, "UTC"),
        ({"job_id": 7}, "must hold str"),
        ({"more": 1}, "more"),
    ],
)
def test_a_record_that_cannot_be_read_is_refused(change: dict[str, object], problem: str) -> None:
    with pytest.raises(InvalidInputError, match=problem):
        decode_fact({**STARTED, **change})


def test_a_record_of_another_version_is_refused() -> None:
    record = LogRecord(version=VERSION + 1, at=AT.isoformat(), input={"kind": "advance"}, facts=())

    with pytest.raises(InvalidInputError, match="version"):
        decode_record(record)


def test_an_unknown_word_is_refused_with_the_known_ones() -> None:
    written = encode_input(
        inputs.SetDeviceStatus(name=BackendName("a"), status=BackendStatus.ONLINE)
    )

    with pytest.raises(InvalidInputError, match="online, paused, offline"):
        decode_input({**written, "status": "gone"})


def test_what_would_be_read_as_something_else_is_not_written() -> None:
    odd = inputs.SetDeviceStatus(name=BackendName("b"), status=BackendStatus.ONLINE, reason=True)  # type: ignore[arg-type]

    with pytest.raises(InvalidInputError, match="must hold str here, not True"):
        encode_input(odd)
