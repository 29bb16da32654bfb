"""From an error answer to an error of ours."""

from typing import Final

from swqr_adapters.http import Response, retry_after
from swqr_adapters.remote.errands import (
    Errand,
    is_passing,
    missing,
    number_in,
    seen_from,
    unknown,
)
from swqr_adapters.wire.strangeworks import Refusal, parse_refusal
from swqr_core.errors import (
    AccessDeniedError,
    InvalidInputError,
    LimitExceededError,
    PayloadTooLargeError,
    ProtocolError,
    SessionClosedError,
    SwqrError,
    UnreachableError,
)
from swqr_core.ports.clock import Clock

__all__ = ["NAME", "refused", "refused_query", "undone"]

NAME: Final = "strangeworks"

_BAD_REQUEST: Final = 400
_INVALID_KEY: Final = 1201
_TOO_MANY_PENDING: Final = 3458


def refused(response: Response, errand: Errand, clock: Clock) -> SwqrError:
    """Return the error for an answer of REST that is not the one that is due."""
    refusal = parse_refusal(response.shown)
    if refusal.error is not None:
        return seen_from(NAME, refusal.error, refusal.message)
    status = response.status
    if is_passing(status):
        problem = f"{errand.action} was answered with {status}: {_said(refusal)}"
        return UnreachableError(NAME, problem) if errand.query else unknown(NAME, errand, problem)
    if status < _BAD_REQUEST:
        # What 201 or a redirect means here nobody says: a command may have been done.
        return ProtocolError(NAME, f"{errand.action} was answered with status {status}, not 200")
    return _by_status(response, refusal, errand, clock)


def undone(response: Response) -> bool:
    """Return whether a server of ours says that nothing was done."""
    return isinstance(parse_refusal(response.body).error, UnreachableError)


def _by_status(  # noqa: PLR0911 - a table whose rows need different things
    response: Response, refusal: Refusal, errand: Errand, clock: Clock
) -> SwqrError:
    match response.status:
        case 401:
            return AccessDeniedError(
                errand.action,
                f"the token was not accepted: {_said(refusal)}; check the API key",
                _INVALID_KEY,
            )
        case 403:
            return AccessDeniedError(errand.action, _said(refusal))
        case 404:
            return missing(refusal.message, errand)
        case 409:
            return _conflict(refusal, errand)
        case 413:
            return PayloadTooLargeError("params", errand.size, int(number_in(refusal.message)))
        case 429:
            asked = retry_after(response.headers, clock.now())
            when = "later" if asked is None else f"after {asked:g} s"
            return LimitExceededError(
                "the rate of requests", 0, f"try again {when}: {_said(refusal)}", 1202
            )
        case status:
            return InvalidInputError(errand.action, f"refused ({status}): {_said(refusal)}")


def _conflict(refusal: Refusal, errand: Errand) -> SwqrError:
    """Return what a refusal means that says that something is in the wrong state."""
    if errand.program is not None and "limit" in refusal.message.lower():
        pending = "pending" in refusal.message.lower()
        return LimitExceededError(
            "the number of pending jobs" if pending else "the resource's usage",
            number_in(refusal.message),
            f"wait for jobs to end, or cancel some: {_said(refusal)}",
            _TOO_MANY_PENDING if pending else None,
        )
    if errand.session is not None:
        return SessionClosedError(errand.session, "closed")
    return InvalidInputError(errand.action, f"refused: {_said(refusal)}")


def refused_query(refusals: tuple[Refusal, ...], errand: Errand) -> SwqrError:
    """Return the error for the ``errors`` of a GraphQL answer. Partial data is not used."""
    for refusal in refusals:
        if refusal.error is not None:
            return seen_from(NAME, refusal.error, refusal.message)
    said = "; ".join(_said(refusal) for refusal in refusals)
    words = said.lower()
    if "not found" in words or "does not exist" in words:
        return missing(said, errand)
    if "unauthori" in words or "forbidden" in words or "permission" in words:
        return AccessDeniedError(errand.action, said)
    return ProtocolError(NAME, f"{errand.action} was answered with errors: {said}")


def _said(refusal: Refusal) -> str:
    return refusal.message or "no reason given"
