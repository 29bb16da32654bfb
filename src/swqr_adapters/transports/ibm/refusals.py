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
from swqr_adapters.wire.ibm import Refusal, parse_refusal
from swqr_core.errors import (
    AccessDeniedError,
    BackendNotFoundError,
    InstanceNotFoundError,
    InvalidInputError,
    JobNotFoundError,
    LimitExceededError,
    PayloadTooLargeError,
    ProtocolError,
    SessionClosedError,
    SwqrError,
    UnreachableError,
)
from swqr_core.ports.clock import Clock

__all__ = ["NAME", "refused", "undone"]

NAME: Final = "ibm"

_BAD_REQUEST: Final = 400
_UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403
_NOT_FOUND: Final = 404
_CONFLICT: Final = 409
_TOO_LARGE: Final = 413
_TOO_MANY: Final = 429

_CODES: Final[dict[int, str]] = {
    1004: "backend",
    1007: "backend",
    1217: "session closed",
    4001: "session closed",
    1202: "rate",
    1241: "instance",
    1279: "instance",
    1348: "instance",
    1012: "pending",
    3458: "pending",
    4317: "quota",
    1352: "access",
    3250: "job",
    3302: "job",
    5302: "large",
}


def refused(response: Response, errand: Errand, clock: Clock) -> SwqrError:
    """Return the error for an answer with a status of 400 or more."""
    refusal = parse_refusal(response.shown)
    if refusal.error is not None:
        return seen_from(NAME, refusal.error, refusal.message)
    if is_passing(response.status):
        problem = f"{errand.action} was answered with {response.status}: {_said(refusal)}"
        if errand.query:
            return UnreachableError(NAME, problem)
        return unknown(NAME, errand, problem)
    return _by_code(response, refusal, errand, clock) or _by_status(response, refusal, errand)


def undone(response: Response) -> bool:
    """Return whether a server of ours says that nothing was done."""
    return isinstance(parse_refusal(response.body).error, UnreachableError)


def _by_code(  # noqa: C901, PLR0911 - a table whose rows need different things
    response: Response, refusal: Refusal, errand: Errand, clock: Clock
) -> SwqrError | None:
    kind = _CODES.get(refusal.code or 0)
    if response.status == _TOO_MANY:
        kind = kind or "rate"
    match kind:
        case "rate":
            asked = retry_after(response.headers, clock.now())
            when = "later" if asked is None else f"after {asked:g} s"
            return LimitExceededError(
                "the rate of requests", 0, f"try again {when}: {_said(refusal)}", 1202
            )
        case "pending":
            return LimitExceededError(
                "the number of pending jobs",
                number_in(refusal.message),
                f"wait for jobs to end, or cancel some: {_said(refusal)}",
                refusal.code,
            )
        case "quota":
            return LimitExceededError(
                "the instance's usage", number_in(refusal.message), _said(refusal), refusal.code
            )
        case "access":
            return AccessDeniedError(errand.action, _said(refusal), refusal.code)
        case "instance":
            return InstanceNotFoundError(errand.instance)
        case "session closed" if errand.session is not None and response.status != _NOT_FOUND:
            return SessionClosedError(errand.session, "closed")
        case "backend" if errand.backend is not None:
            return BackendNotFoundError(errand.backend)
        case "job" if errand.job is not None:
            return JobNotFoundError(errand.job)
        case "large":
            return PayloadTooLargeError("params", errand.size, int(number_in(refusal.message)))
        case _:
            return None


def _by_status(  # noqa: PLR0911 - a table whose rows need different things
    response: Response, refusal: Refusal, errand: Errand
) -> SwqrError:
    status = response.status
    if status == _UNAUTHORIZED:
        return AccessDeniedError(
            errand.action,
            f"the credentials were not accepted: {_said(refusal)}; check the API key",
            1201,
        )
    if status == _FORBIDDEN:
        return AccessDeniedError(errand.action, _said(refusal), refusal.code or 1200)
    if status == _NOT_FOUND:
        return missing(refusal.message, errand)
    if status == _TOO_LARGE:
        return PayloadTooLargeError("params", errand.size, int(number_in(refusal.message)))
    if status == _CONFLICT and errand.program is not None:
        # POST /jobs: the usage exceeds the instance's limit, and nothing was queued.
        return LimitExceededError(
            "the instance's usage", number_in(refusal.message), _said(refusal), refusal.code
        )
    if status < _BAD_REQUEST:
        return ProtocolError(NAME, f"{errand.action} was answered with status {status}")
    return InvalidInputError(errand.action, f"refused ({status}): {_said(refusal)}", refusal.code)


def _said(refusal: Refusal) -> str:
    code = f" (code {refusal.code})" if refusal.code is not None else ""
    trace = f" [trace {refusal.trace}]" if refusal.trace else ""
    solution = f" {refusal.solution}" if refusal.solution else ""
    return f"{refusal.message or 'no reason given'}{code}{solution}{trace}"
