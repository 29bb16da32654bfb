"""Error bodies, in every form that was seen."""

from typing import Any, Final

from attrs import frozen

from swqr_adapters.wire.values import from_json
from swqr_core.errors import SwqrError

from .extension import MEMBER, parse_error

__all__ = ["Refusal", "parse_refusal"]

_SHOWN = 500
_LONGEST: Final = 9  # digits; codes have four


@frozen(kw_only=True)
class Refusal:
    """What an error body says.

    Attributes:
        message: For people; the beginning of the body where there is nothing better.
        code: The registry's number, or None.
        solution: What to do about it; may be empty.
        trace: The platform's id of the request; may be empty.
        error: The very error, where a server of ours tells it.
    """

    message: str
    code: int | None = None
    solution: str = ""
    trace: str = ""
    error: SwqrError | None = None


def parse_refusal(body: bytes) -> Refusal:
    """Read an error body. Whatever it is, this makes something of it and never raises.

    Known are ``{"errors": [...], "trace"}``, the older ``{"error": {...}}``, and IAM's
    ``{"errorCode", "errorMessage"}``; codes are numbers or text.
    """
    try:
        document = from_json(body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        return Refusal(message=body[:_SHOWN].decode(errors="replace").strip())
    errors = document.get("errors")
    first: Any = errors[0] if isinstance(errors, list) and errors else document.get("error")
    if isinstance(first, str):
        first = {"message": first}
    if not isinstance(first, dict):
        first = {"message": document.get("errorMessage"), "code": document.get("errorCode")}
    message = first.get("message") or document.get("errorMessage") or document.get("message")
    return Refusal(
        message=_text(message) or body[:_SHOWN].decode(errors="replace"),
        code=_code(first.get("code")),
        solution=_text(first.get("solution")),
        trace=_text(document.get("trace")),
        error=parse_error(document.get(MEMBER)),
    )


def _text(value: object) -> str:
    return value[:_SHOWN] if isinstance(value, str) else ""


def _code(value: object) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value if abs(value) < 10**_LONGEST else None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _LONGEST:
        return int(value)
    return None
