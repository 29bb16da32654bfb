"""What swqr says to swqr beyond IBM's documents.

IBM's documents cannot say everything that the models know: when a job ran, which of three active
states a session is in, which error it was. A client that sends the header ``Swqr-Wire: 1`` is
ours, and a server of ours then adds one member, ``swqr``, to its documents; every other client
gets IBM's documents and nothing else. A platform that does not know the header ignores it, and
then less is known.

``GET /versions`` of such a server has a member ``idempotency``, true if ``Idempotency-Key`` is
honoured, and a member ``swqr`` with the capabilities of what is behind it.

With ``Swqr-Results: N`` such a client asks for results of up to N bytes together with the jobs
that have ended, so that a small job needs no request for its result.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import asdict, fields_dict

import swqr_core.errors
from swqr_core.errors import SwqrError
from swqr_core.model.capabilities import Capabilities
from swqr_core.model.payload import Payload

from .values import Document

__all__ = [
    "HEADER",
    "IDEMPOTENCY_KEY",
    "KEY_QUERY",
    "MEMBER",
    "RESULTS",
    "RESULT_TEXT",
    "VERSION",
    "capabilities_member",
    "error_member",
    "is_spoken",
    "parse_capabilities",
    "parse_error",
    "parse_payload",
    "payload_member",
    "wanted_results",
]

HEADER: Final = "Swqr-Wire"
"""The request header of a client of ours."""

VERSION: Final = "1"
"""Its value."""

MEMBER: Final = "swqr"
"""The member that answers such a client."""

IDEMPOTENCY_KEY: Final = "Idempotency-Key"
"""The request header that names a submission or an opening."""


KEY_QUERY: Final = "swqr_key"
"""The parameter of a query for jobs that names the key of a submission."""

RESULTS: Final = "Swqr-Results"
"""The request header that asks for small results together with their jobs."""

RESULT_TEXT: Final = "result_text"
"""The field of a job's member that holds its result."""

_MOST_RESULTS: Final = 65_536
_NUMBER: Final = re.compile(r"[0-9]{1,9}")


def wanted_results(headers: Mapping[str, str]) -> int:
    """Return up to how many bytes a result is wanted together with its job; 0 for none."""
    told = headers.get(RESULTS, "") if is_spoken(headers) else ""
    return min(int(told), _MOST_RESULTS) if _NUMBER.fullmatch(told) else 0


def is_spoken(headers: Mapping[str, str]) -> bool:
    """Return whether a request comes from a client of ours."""
    return headers.get(HEADER) == VERSION


def error_member(error: SwqrError) -> dict[str, Any] | None:
    """Return an error as plain JSON values, or None if it cannot be told so."""
    if type(error).__name__ not in swqr_core.errors.__all__:
        return None
    args = [list(arg) if isinstance(arg, tuple) else arg for arg in error.args]
    if not all(isinstance(arg, str | int | float | list | None) for arg in args):
        return None
    return {"error": type(error).__name__, "args": args}


def parse_error(member: object) -> SwqrError | None:
    """Return the error that a member tells, or None if it tells none that is known here."""
    if not isinstance(member, Mapping):
        return None
    name, args = member.get("error"), member.get("args")
    if name not in swqr_core.errors.__all__ or not isinstance(args, list):
        return None
    kind: Callable[..., SwqrError] = getattr(swqr_core.errors, name)
    try:
        error = kind(*args)
        str(error)  # made from its arguments, which may be anything
    except (TypeError, ValueError, AttributeError):
        return None
    return error


def payload_member(payload: Payload | None) -> list[Any] | None:
    """Return a payload's address as digest and size."""
    return None if payload is None else [payload.digest, payload.size]


def parse_payload(member: object) -> Payload | None:
    """Return the address that a member tells."""
    match member:
        case [str(digest), int(size)]:
            return Payload(digest, size)
        case _:
            return None


def capabilities_member(capabilities: Capabilities) -> dict[str, Any]:
    """Return what the transport behind a server can do, for ``GET /versions``."""
    return asdict(capabilities)


def parse_capabilities(member: Document) -> dict[str, Any]:
    """Return the fields of ``Capabilities`` that a member tells with the right type."""
    found: dict[str, Any] = {}
    for name, attribute in fields_dict(Capabilities).items():
        value = member.get(name)
        if name != "transport" and value is not None and type(value) is attribute.type:
            found[name] = value
    return found
