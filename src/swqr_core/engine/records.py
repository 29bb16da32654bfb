"""Inputs and facts as they stand in the log.

Each is an object with a stable ``kind`` and its fields; nothing in it depends on the names of
classes. When a layout changes, ``VERSION`` grows and the older layouts stay readable.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from swqr_core.errors import InvalidInputError
from swqr_core.lifecycle.job import JobEvent, JobState
from swqr_core.lifecycle.session import SessionEvent, SessionState
from swqr_core.model.backend import BackendStatus
from swqr_core.model.job import JobSpec
from swqr_core.model.payload import Payload
from swqr_core.model.principal import Principal
from swqr_core.model.program import ProgramSpec, ProgramUpdate
from swqr_core.model.session import SessionMode, SessionSpec
from swqr_core.ports.executor import ExecutionStatus
from swqr_core.ports.storage import LogRecord

from . import facts, inputs
from .facts import Fact
from .inputs import Input
from .layouts import (
    FLAG,
    JSON,
    NUMBER,
    TEXT,
    TIME,
    WHOLE,
    Codec,
    Layout,
    many,
    optional,
    texts,
    word,
)
from .settings import Device

__all__ = [
    "ADDRESS",
    "DEVICE",
    "FACTS",
    "FINISH",
    "INPUTS",
    "JOB_SPEC",
    "PAYLOAD",
    "PRINCIPAL",
    "PROGRAM_SPEC",
    "SESSION_SPEC",
    "VERSION",
    "decode_fact",
    "decode_input",
    "decode_record",
    "encode_fact",
    "encode_input",
    "encode_record",
]

VERSION: Final = 1
"""The version of every layout in this module."""

_ADVANCE = "advance"

ADDRESS = Layout(Payload, digest=TEXT, size=WHOLE).codec
PAYLOAD = optional(ADDRESS)
PRINCIPAL = Layout(Principal, user=TEXT, instance=TEXT).codec
DEVICE = Layout(
    Device,
    name=TEXT,
    concurrent_jobs=WHOLE,
    session_lanes=WHOLE,
    job_seconds=optional(NUMBER),
).codec
SESSION_SPEC = Layout(
    SessionSpec,
    backend=TEXT,
    mode=word(SessionMode),
    max_ttl=optional(WHOLE),
    interactive_ttl=optional(WHOLE),
    active_ttl=optional(WHOLE),
    extra=JSON,
).codec
JOB_SPEC = Layout(
    JobSpec,
    program_id=TEXT,
    backend=TEXT,
    session_id=optional(TEXT),
    tags=texts(),
    max_execution_time=optional(WHOLE),
    log_level=TEXT,
    private=FLAG,
    image=optional(TEXT),
    calibration_id=optional(TEXT),
    extra=JSON,
).codec
_OUTCOME: dict[str, Codec[Any]] = {
    "reason": optional(TEXT),
    "reason_code": optional(WHOLE),
    "reason_solution": optional(TEXT),
    "result": PAYLOAD,
    "logs": PAYLOAD,
    "metrics": JSON,
}
_OPENING: dict[str, Codec[Any]] = {
    "principal": PRINCIPAL,
    "session_id": TEXT,
    "spec": SESSION_SPEC,
    "key": TEXT,
    "content": TEXT,
}
_SUBMISSION: dict[str, Codec[Any]] = {
    "principal": PRINCIPAL,
    "job_id": TEXT,
    "spec": JOB_SPEC,
    "params": ADDRESS,
    "key": TEXT,
    "content": TEXT,
}
_BACKEND_STATUS: dict[str, Codec[Any]] = {
    "name": TEXT,
    "status": word(BackendStatus),
    "reason": TEXT,
}
PROGRAM_SPEC = Layout(
    ProgramSpec,
    name=TEXT,
    description=TEXT,
    cost=WHOLE,
    backend_requirements=JSON,
    parameters=JSON,
    return_values=JSON,
    interim_results=JSON,
    tags=texts(),
    is_public=FLAG,
).codec
_PROGRAM_UPDATE = Layout(
    ProgramUpdate,
    name=optional(TEXT),
    description=optional(TEXT),
    cost=optional(WHOLE),
    backend_requirements=optional(JSON),
    parameters=optional(JSON),
    return_values=optional(JSON),
    interim_results=optional(JSON),
    tags=optional(texts()),
).codec
_UPLOAD: dict[str, Codec[Any]] = {
    "principal": PRINCIPAL,
    "program_id": TEXT,
    "spec": PROGRAM_SPEC,
    "source": ADDRESS,
    "key": TEXT,
    "content": TEXT,
}
_ABOUT_PROGRAM: dict[str, Codec[Any]] = {"principal": PRINCIPAL, "program_id": TEXT}
FINISH = Layout(
    inputs.FinishExecution,
    job_id=TEXT,
    status=word(ExecutionStatus),
    quantum_seconds=NUMBER,
    **_OUTCOME,
)

INPUTS: Final[Mapping[str, Layout[Any]]] = MappingProxyType(
    {
        "add_device": Layout(inputs.AddDevice, device=DEVICE),
        "set_device_status": Layout(inputs.SetDeviceStatus, **_BACKEND_STATUS),
        "open_session": Layout(inputs.OpenSession, **_OPENING),
        "drain_session": Layout(inputs.DrainSession, principal=PRINCIPAL, session_id=TEXT),
        "cancel_session": Layout(inputs.CancelSession, principal=PRINCIPAL, session_id=TEXT),
        "submit_job": Layout(inputs.SubmitJob, **_SUBMISSION),
        "cancel_job": Layout(inputs.CancelJob, principal=PRINCIPAL, job_id=TEXT),
        "delete_job": Layout(inputs.DeleteJob, principal=PRINCIPAL, job_id=TEXT),
        "set_tags": Layout(inputs.SetTags, principal=PRINCIPAL, job_id=TEXT, tags=texts()),
        "take_result": Layout(inputs.TakeResult, principal=PRINCIPAL, job_id=TEXT),
        "finish_execution": FINISH,
        "add_program": Layout(inputs.AddProgram, **_UPLOAD),
        "update_program": Layout(inputs.UpdateProgram, **_ABOUT_PROGRAM, update=_PROGRAM_UPDATE),
        "replace_program": Layout(inputs.ReplaceProgram, **_ABOUT_PROGRAM, source=ADDRESS),
        "publish_program": Layout(inputs.PublishProgram, **_ABOUT_PROGRAM, public=FLAG),
        "delete_program": Layout(inputs.DeleteProgram, **_ABOUT_PROGRAM),
        "publish_interim": Layout(inputs.PublishInterim, job_id=TEXT, results=many(ADDRESS)),
    }
)
"""How each input is written, by its kind."""

FACTS: Final[Mapping[str, Layout[Any]]] = MappingProxyType(
    {
        "device_added": Layout(facts.DeviceAdded, at=TIME, device=DEVICE),
        "device_status_set": Layout(facts.DeviceStatusSet, at=TIME, **_BACKEND_STATUS),
        "session_opened": Layout(facts.SessionOpened, at=TIME, **_OPENING),
        "session_advanced": Layout(
            facts.SessionAdvanced,
            at=TIME,
            session_id=TEXT,
            event=word(SessionEvent),
            state=word(SessionState),
            reason=optional(TEXT),
        ),
        "session_charged": Layout(
            facts.SessionCharged, at=TIME, session_id=TEXT, seconds=NUMBER, final=FLAG
        ),
        "instance_charged": Layout(facts.InstanceCharged, at=TIME, instance=TEXT, seconds=NUMBER),
        "job_accepted": Layout(
            facts.JobAccepted, at=TIME, number=WHOLE, time_limit=WHOLE, **_SUBMISSION
        ),
        "job_started": Layout(facts.JobStarted, at=TIME, job_id=TEXT),
        "job_executed": Layout(
            facts.JobExecuted, at=TIME, job_id=TEXT, due_at=TIME, outcome=FINISH.codec
        ),
        "job_ended": Layout(
            facts.JobEnded,
            at=TIME,
            job_id=TEXT,
            event=word(JobEvent),
            state=word(JobState),
            quantum_seconds=NUMBER,
            **_OUTCOME,
        ),
        "tags_set": Layout(facts.TagsSet, at=TIME, job_id=TEXT, tags=texts()),
        "result_taken": Layout(facts.ResultTaken, at=TIME, job_id=TEXT),
        "job_deleted": Layout(facts.JobDeleted, at=TIME, job_id=TEXT),
        "program_added": Layout(facts.ProgramAdded, at=TIME, **_UPLOAD),
        "program_changed": Layout(
            facts.ProgramChanged, at=TIME, program_id=TEXT, spec=PROGRAM_SPEC, source=ADDRESS
        ),
        "program_deleted": Layout(facts.ProgramDeleted, at=TIME, program_id=TEXT),
        "job_pinned": Layout(
            facts.JobPinned, at=TIME, job_id=TEXT, spec=PROGRAM_SPEC, source=ADDRESS
        ),
        "interim_published": Layout(
            facts.InterimPublished, at=TIME, job_id=TEXT, results=many(ADDRESS)
        ),
    }
)
"""How each fact is written, by its kind."""

_INPUT_KINDS = {layout.type: kind for kind, layout in INPUTS.items()}
_FACT_KINDS = {layout.type: kind for kind, layout in FACTS.items()}


def encode_input(input: Input) -> dict[str, object]:
    """Return an input as plain JSON."""
    kind = _INPUT_KINDS[type(input)]
    return {"kind": kind, **INPUTS[kind].encode(input)}


def decode_input(value: Mapping[str, object]) -> Input:
    """Return the input that was written.

    Raises:
        InvalidInputError: It is of an unknown kind or has other members than that kind.
    """
    decoded: Input = _decode(INPUTS, value)
    return decoded


def encode_fact(fact: Fact) -> dict[str, object]:
    """Return a fact as plain JSON."""
    kind = _FACT_KINDS[type(fact)]
    return {"kind": kind, **FACTS[kind].encode(fact)}


def decode_fact(value: Mapping[str, object]) -> Fact:
    """Return the fact that was written.

    Raises:
        InvalidInputError: It is of an unknown kind or has other members than that kind.
    """
    decoded: Fact = _decode(FACTS, value)
    return decoded


def encode_record(input: Input | None, at: datetime, facts: Sequence[Fact]) -> LogRecord:
    """Return the record of one step.

    Args:
        input: What was handled; None for the passing of time.
        at: When.
        facts: What it led to.
    """
    written: tuple[Any, ...] = tuple(encode_fact(fact) for fact in facts)
    return LogRecord(
        version=VERSION,
        at=at.isoformat(),
        input={"kind": _ADVANCE} if input is None else encode_input(input),
        facts=written,
    )


def decode_record(record: LogRecord) -> tuple[Input | None, datetime, tuple[Fact, ...]]:
    """Return the input, the time and the facts of a record.

    Raises:
        InvalidInputError: The record's version is unknown, or something in it cannot be read.
    """
    if record.version != VERSION:
        raise InvalidInputError(
            "record", f"has version {record.version}, and this swqr reads version {VERSION}"
        )
    advance = record.input.get("kind") == _ADVANCE
    return (
        None if advance else decode_input(record.input),
        TIME.decode(record.at),
        tuple(decode_fact(fact) for fact in record.facts),
    )


def _decode(layouts: Mapping[str, Layout[Any]], value: Mapping[str, object]) -> Any:
    kind = value.get("kind")
    layout = layouts.get(kind) if isinstance(kind, str) else None
    if layout is None:
        raise InvalidInputError("record", f"has the unknown kind {kind!r}")
    return layout.decode({name: item for name, item in value.items() if name != "kind"})
