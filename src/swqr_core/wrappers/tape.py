"""What a recording consists of, and how it is written: one JSON value a line."""

import base64
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from attrs import define, field, fields_dict, frozen

from swqr_core.errors import InvalidInputError
from swqr_core.lifecycle.job import JobState
from swqr_core.lifecycle.session import SessionState
from swqr_core.model.backend import Backend, BackendStatus
from swqr_core.model.capabilities import Capabilities
from swqr_core.model.job import Job, JobMetrics, JobSpec
from swqr_core.model.payload import Payload
from swqr_core.model.principal import Instance, Principal
from swqr_core.model.program import InterimResults, Program, ProgramSpec, ProgramUpdate
from swqr_core.model.query import JobQuery, Page, ProgramQuery, SessionQuery
from swqr_core.model.session import Session, SessionMode, SessionSpec, SessionStep
from swqr_core.model.usage import InstanceUsage, JobUsage

__all__ = ["Tape", "TapeEntry", "decode", "encode"]

VERSION: Final = 1
"""The version of the layout; it grows when an older reader would misread a tape."""

_KINDS: Final[Mapping[str, type]] = {
    "backend": Backend,
    "backend_status": BackendStatus,
    "capabilities": Capabilities,
    "instance": Instance,
    "instance_usage": InstanceUsage,
    "interim_results": InterimResults,
    "job": Job,
    "job_metrics": JobMetrics,
    "job_query": JobQuery,
    "job_spec": JobSpec,
    "job_state": JobState,
    "job_usage": JobUsage,
    "page": Page,
    "payload": Payload,
    "principal": Principal,
    "program": Program,
    "program_query": ProgramQuery,
    "program_spec": ProgramSpec,
    "program_update": ProgramUpdate,
    "session": Session,
    "session_mode": SessionMode,
    "session_query": SessionQuery,
    "session_spec": SessionSpec,
    "session_state": SessionState,
    "session_step": SessionStep,
}
_NAMES: Final = {kind: name for name, kind in _KINDS.items()}


@frozen(kw_only=True)
class TapeEntry:
    """One call and what came of it, as plain JSON values.

    Attributes:
        method: The port's method.
        arguments: Its arguments; bytes stand as the address of a payload.
        answer: What it returned; None also if it raised.
        error: The name of the error of ``swqr_core.errors`` that it raised.
        error_fields: That error's fields.
    """

    method: str
    arguments: Mapping[str, object]
    answer: object = None
    error: str | None = None
    error_fields: object = None


@define
class Tape:
    """A recording.

    Attributes:
        capabilities: What the recorded transport could do.
        principal: Whom it acted for, under a stand-in's name.
        entries: The calls, in the order in which they were answered.
        payloads: The bytes that went over it, by digest; those of private jobs are left out.
    """

    capabilities: Capabilities
    principal: Principal
    entries: list[TapeEntry] = field(factory=list)
    payloads: dict[str, bytes] = field(factory=dict, repr=False)

    def dumps(self) -> str:
        """Return the tape as text: a head, the payloads, the calls; one JSON value a line."""
        head = {
            "swqr-tape": VERSION,
            "capabilities": encode(self.capabilities),
            "principal": encode(self.principal),
        }
        lines: list[object] = [head]
        for digest, data in sorted(self.payloads.items()):
            lines.append({"payload": digest, "base64": base64.b64encode(data).decode()})
        for entry in self.entries:
            line: dict[str, object] = {"call": entry.method, "arguments": entry.arguments}
            if entry.error is None:
                line["answer"] = entry.answer
            else:
                line["error"], line["fields"] = entry.error, entry.error_fields
            lines.append(line)
        # Escaped: what ends a line for some reader, or is no character, may stand in a text.
        return "".join(f"{json.dumps(line)}\n" for line in lines)

    @classmethod
    def loads(cls, text: str) -> "Tape":
        """Return the tape that was written.

        Raises:
            InvalidInputError: It is no tape, or one of another version.
        """
        lines = [_read(line) for line in text.splitlines()]
        if not lines or lines[0].get("swqr-tape") != VERSION:
            raise InvalidInputError("tape", f"is no recording of version {VERSION}")
        head = lines[0]
        tape = cls(decode(head["capabilities"], {}), decode(head["principal"], {}))
        for line in lines[1:]:
            if "payload" in line:
                tape.payloads[line["payload"]] = base64.b64decode(line["base64"])
            else:
                tape.entries.append(
                    TapeEntry(
                        method=line["call"],
                        arguments=line["arguments"],
                        answer=line.get("answer"),
                        error=line.get("error"),
                        error_fields=line.get("fields"),
                    )
                )
        return tape


def _read(line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError as error:
        raise InvalidInputError("tape", f"has a line that is no JSON: {line[:40]!r}") from error
    if not isinstance(value, dict):
        raise InvalidInputError("tape", f"has a line that is no object: {line[:40]!r}")
    return value


def encode(value: object) -> Any:  # noqa: PLR0911 - one return for each kind of value
    """Return a value of the port as plain JSON; bytes become the address of a payload."""
    match value:
        case StrEnum():
            return {"is": _NAMES[type(value)], "value": value.value}
        case None | bool() | int() | float() | str():
            return value
        case bytes():
            address = Payload.of(value)
            return {"is": "bytes", "digest": address.digest, "size": address.size}
        case datetime():
            return {"is": "time", "value": value.isoformat()}
        case tuple() | list():
            return [encode(item) for item in value]
        case frozenset():
            return {"is": "set", "items": _sorted(encode(item) for item in value)}
        case Mapping():
            return {"is": "map", "items": {str(k): encode(item) for k, item in value.items()}}
        case _ if type(value) in _NAMES:
            names = fields_dict(_KINDS[_NAMES[type(value)]])
            members = {name: encode(getattr(value, name)) for name in names}
            return {"is": _NAMES[type(value)], **members}
        case _:
            raise TypeError(f"no value of the port: {type(value).__name__}")


def decode(value: Any, payloads: Mapping[str, bytes]) -> Any:  # noqa: PLR0911 - likewise
    """Return the value that was encoded; the bytes of payloads that are not there are ``{}``."""
    if isinstance(value, list):
        return tuple(decode(item, payloads) for item in value)
    if not isinstance(value, dict):
        return value
    members = dict(value)
    kind = members.pop("is")
    match kind:
        case "bytes":
            return payloads.get(members["digest"], b"{}")
        case "time":
            return datetime.fromisoformat(members["value"]).astimezone(UTC)
        case "set":
            return frozenset(decode(item, payloads) for item in members["items"])
        case "map":
            return {name: _plain(decode(v, payloads)) for name, v in members["items"].items()}
    type_ = _KINDS[kind]
    if issubclass(type_, StrEnum):
        return type_(members["value"])
    return type_(**{name: decode(item, payloads) for name, item in members.items()})


def _plain(value: object) -> object:
    """Return a member of a platform's own field as JSON has it: with lists, not tuples."""
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _sorted(values: Iterable[Any]) -> list[Any]:
    return sorted(values, key=json.dumps)
