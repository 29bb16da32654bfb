"""Backends: ``/backends`` and their status."""

from collections.abc import Iterable
from typing import Any, Final

from swqr_core.model.backend import Backend, BackendStatus
from swqr_core.model.ids import BackendName

from .extension import MEMBER
from .values import Reader, broken, reading

__all__ = [
    "backend_document",
    "backend_listing",
    "backend_status_document",
    "parse_backend",
    "parse_backend_listing",
    "parse_backend_status",
]

_KNOWN: Final = frozenset({"class", "name", "qubits", "queue_length", "status", MEMBER})
_FALLBACK_VERSION: Final = "1.0.0"
# Words of `/backends/{id}/status` for a backend that takes jobs out of its queue.
_ACTIVE: Final = frozenset({"active", "online"})


def backend_document(backend: Backend, *, extended: bool = False) -> dict[str, Any]:
    """Return a backend as an item of ``GET /backends``.

    Args:
        backend: The backend.
        extended: Whether to say what only a client of ours reads.
    """
    document: dict[str, Any] = {
        **backend.extra,
        "name": backend.name,
        "status": {"name": str(backend.status), "reason": backend.status_reason},
        "queue_length": backend.queue_length,
        "qubits": backend.num_qubits,
    }
    document.setdefault("is_simulator", False)
    if backend.is_mock:
        document["class"] = "mock"
    if extended:
        document[MEMBER] = {"version": backend.version}
    return document


def backend_listing(backends: Iterable[Backend], *, extended: bool = False) -> dict[str, Any]:
    """Return the backends (REST: ``GET /backends``)."""
    return {"devices": [backend_document(backend, extended=extended) for backend in backends]}


def backend_status_document(backend: Backend) -> dict[str, Any]:
    """Return a backend's status (REST: ``GET /backends/{id}/status``)."""
    online = backend.status is BackendStatus.ONLINE
    return {
        # What is paused takes jobs and does not run them: operational, but not active.
        "state": backend.status is not BackendStatus.OFFLINE,
        "status": "active" if online else str(backend.status),
        "message": backend.status_reason,
        "length_queue": backend.queue_length,
        "backend_version": backend.version,
    }


@reading
def parse_backend(document: object) -> Backend:
    """Read an item of ``GET /backends``.

    Raises:
        ProtocolError: It has no name or no status, or a field has a wrong type.
    """
    read = Reader(document, "backend")
    name = read.text("name")
    read.name = f"backend {name!r}"
    status = Reader(read.object("status"), f"{read.name} status")
    ours = Reader(read.object(MEMBER), f"{read.name} {MEMBER}")
    extra = read.beyond(_KNOWN)
    qubits = read.integer("qubits") or read.integer("physical_qubits")
    return Backend(
        name=BackendName(name),
        num_qubits=max(qubits or 1, 1),
        status=_status(status.text("name"), read.name),
        status_reason=status.text_or_none("reason") or "",
        queue_length=max(read.integer("queue_length") or 0, 0),
        version=ours.text_or_none("version") or _FALLBACK_VERSION,
        is_mock=read.document.get("class") == "mock",
        extra=extra,
    )


def _status(word: str, name: str) -> BackendStatus:
    try:
        return BackendStatus(word.lower())
    except ValueError:
        raise broken(name, f"nobody knows the status {word!r}") from None


def parse_backend_listing(document: object) -> tuple[Backend, ...]:
    """Read the backends, by name.

    Raises:
        ProtocolError: It is no list of objects (REST versions before 2025 list names alone).
    """
    read = Reader(document, "backend list")
    return tuple(sorted(map(parse_backend, read.items("devices")), key=lambda found: found.name))


@reading
def parse_backend_status(document: object, *, name: str, num_qubits: int) -> Backend:
    """Read a backend's status; what it does not say is given.

    Raises:
        ProtocolError: A field has a wrong type.
    """
    read = Reader(document, f"status of backend {name!r}")
    operational = read.flag("state", default=True)
    word = (read.text_or_none("status") or "active").lower()
    status = BackendStatus.ONLINE if word in _ACTIVE else BackendStatus.PAUSED
    return Backend(
        name=BackendName(name),
        num_qubits=num_qubits,
        status=status if operational else BackendStatus.OFFLINE,
        status_reason=read.text_or_none("message") or "",
        queue_length=max(read.integer("length_queue") or 0, 0),
        version=read.text_or_none("backend_version") or "0.0.0",
    )
