"""Sessions: the platform opens, shows and closes them. A session is shown as IBM shows it."""

from typing import Any, Final

from swqr_adapters.wire import ibm
from swqr_adapters.wire.ibm.requests import parse_session_opening as parse_opening
from swqr_adapters.wire.values import Document, without_none
from swqr_core.errors import InvalidInputError
from swqr_core.model.session import Session, SessionMode, SessionSpec

from .values import borrowed

__all__ = [
    "parse_session_details",
    "parse_session_opening",
    "session_details",
    "session_opening",
]

_REFUSED: Final = 1208
_PLATFORMS_OWN: Final = frozenset({"channel", "instance", "max_time", "runtime"})


def session_opening(
    spec: SessionSpec, *, channel: str, instance: str | None = None
) -> dict[str, Any]:
    """Return the payload of ``create_session``; what it does not say is null, not left out.

    Official clients send neither ``interactive_ttl`` nor ``active_ttl``; a server of ours takes
    them.
    """
    return {
        **spec.extra,
        **without_none({"interactive_ttl": spec.interactive_ttl, "active_ttl": spec.active_ttl}),
        "backend": spec.backend,
        "instance": instance,
        "max_time": spec.max_ttl,
        "channel": channel,
        "mode": spec.mode.value,
    }


def parse_session_opening(payload: Document) -> SessionSpec:
    """Read the payload of ``create_session``.

    Raises:
        InvalidInputError: A field is missing, or its value cannot be used.
    """
    fields = {name: value for name, value in payload.items() if name not in _PLATFORMS_OWN}
    seconds = payload.get("max_time")
    if isinstance(seconds, str) and seconds.isascii() and seconds.isdigit():
        seconds = int(seconds[:9])
    if seconds is not None:
        fields["max_ttl"] = seconds
    try:
        return parse_opening(fields, mode=SessionMode.DEDICATED)
    except InvalidInputError as error:
        if "max_ttl" in str(error) and "max_ttl" not in payload:
            raise InvalidInputError(
                "max_time",
                f"must be seconds, at least 1, not {payload['max_time']!r:.100}",
                _REFUSED,
            ) from None
        raise


def session_details(session: Session, *, extended: bool = False) -> dict[str, Any]:
    """Return the answer of ``create_session`` and ``session_details``."""
    return ibm.session_document(session, extended=extended)


def parse_session_details(document: object) -> Session:
    """Read a session.

    Raises:
        ProtocolError: It has no id or mode, or a field has a wrong type.
    """
    return borrowed(ibm.parse_session)(document)
