"""Error bodies: one message on the resource operations, a list of them on GraphQL."""

from collections.abc import Mapping
from typing import Any, Final

from attrs import frozen

from swqr_adapters.wire.ibm.extension import MEMBER, error_member, parse_error
from swqr_adapters.wire.values import from_json
from swqr_core.errors import SwqrError

__all__ = [
    "Refusal",
    "error_document",
    "graphql_error",
    "graphql_errors",
    "parse_graphql_errors",
    "parse_refusal",
]

_SHOWN: Final = 500
_MOST: Final = 10  # errors of one answer that are read


@frozen(kw_only=True)
class Refusal:
    """What an error body says.

    Attributes:
        message: For people; the beginning of the body where there is nothing better.
        error: The very error, where a server of ours tells it.
    """

    message: str
    error: SwqrError | None = None


def error_document(message: str, *, error: SwqrError | None = None) -> dict[str, Any]:
    """Return the body of a refused operation.

    Args:
        message: What happened, and what to do about it.
        error: The error itself, if a client of ours asked.
    """
    member = None if error is None else error_member(error)
    return {"message": message} if member is None else {"message": message, MEMBER: member}


def graphql_error(message: str, *, error: SwqrError | None = None) -> dict[str, Any]:
    """Return an entry of ``errors``."""
    member = None if error is None else error_member(error)
    return {"message": message, **({} if member is None else {"extensions": {MEMBER: member}})}


def graphql_errors(message: str, *, error: SwqrError | None = None) -> dict[str, Any]:
    """Return a GraphQL answer that says nothing but what was wrong; its HTTP status is 200."""
    return {"errors": [graphql_error(message, error=error)], "data": None}


def parse_refusal(body: bytes) -> Refusal:
    """Read an error body. Whatever it is, this makes something of it and never raises."""
    shown = body[:_SHOWN].decode(errors="replace").strip()
    try:
        document = from_json(body)
    except ValueError:
        return Refusal(message=shown)
    if not isinstance(document, Mapping):
        return Refusal(message=shown)
    message = document.get("message")
    if not isinstance(message, str) or not message:
        errors = parse_graphql_errors(document.get("errors"))
        return errors[0] if errors else Refusal(message=shown)
    return Refusal(message=message[:_SHOWN], error=parse_error(document.get(MEMBER)))


def parse_graphql_errors(errors: object) -> tuple[Refusal, ...]:
    """Read the ``errors`` of an answer, in whatever form they are."""
    if not errors:
        return ()
    return tuple(map(_parse_entry, errors[:_MOST] if isinstance(errors, list) else [errors]))


def _parse_entry(entry: object) -> Refusal:
    if not isinstance(entry, Mapping):
        return Refusal(message=str(entry)[:_SHOWN])
    message, extensions = entry.get("message"), entry.get("extensions")
    return Refusal(
        message=(message if isinstance(message, str) and message else str(entry))[:_SHOWN],
        error=parse_error(extensions.get(MEMBER)) if isinstance(extensions, Mapping) else None,
    )
