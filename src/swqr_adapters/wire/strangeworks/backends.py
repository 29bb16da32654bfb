"""Backends as the platform lists them; what they are like is told by IBM's own documents."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from attrs import field, frozen

from swqr_adapters.wire.values import Document, timestamp
from swqr_core.model.backend import Backend, BackendStatus

from .values import Reader, broken, reading

__all__ = [
    "BACKEND_STATUSES",
    "BackendRecord",
    "backend_node",
    "no_properties",
    "parse_backend_node",
    "parse_backend_nodes",
]

BACKEND_STATUSES: Final[Mapping[BackendStatus, str]] = MappingProxyType(
    {
        BackendStatus.ONLINE: "ONLINE",
        BackendStatus.PAUSED: "MAINTENANCE",
        BackendStatus.OFFLINE: "OFFLINE",
    }
)
"""The platform's word for each status."""

_STATUSES: Final[Mapping[str, BackendStatus]] = {
    "MAINTENANCE": BackendStatus.PAUSED,
    "PAUSED": BackendStatus.PAUSED,
    "OFFLINE": BackendStatus.OFFLINE,
    "RETIRED": BackendStatus.OFFLINE,
}
_NODE: Final = frozenset(
    {"data", "dataSchema", "id", "name", "remoteBackendId", "remoteStatus", "slug"}
)


@frozen(kw_only=True)
class BackendRecord:
    """A backend as the platform lists it.

    Attributes:
        slug: Its name in addresses.
        name: Its name.
        status: The vendor's word for its status; free text.
        id: Its id.
        remote_id: Its id at the vendor.
        data: Its configuration, where one backend was asked for.
        extra: Further fields.
    """

    slug: str
    name: str
    status: str | None = None
    id: str | None = None
    remote_id: str | None = None
    data: Document | None = None
    extra: Mapping[str, object] = field(factory=dict)

    @property
    def state(self) -> BackendStatus:
        """Whether it takes jobs; a vendor's own word that nobody knows is no reason not to."""
        return _STATUSES.get((self.status or "").strip().upper(), BackendStatus.ONLINE)


def backend_node(record: BackendRecord) -> dict[str, Any]:
    """Return a backend."""
    return {
        **record.extra,
        "id": record.id,
        "name": record.name,
        "remoteBackendId": record.remote_id,
        "remoteStatus": record.status,
        "slug": record.slug,
        "data": record.data,
        "dataSchema": None,
    }


@reading
def parse_backend_node(node: object) -> BackendRecord:
    """Read a backend.

    Raises:
        ProtocolError: It has no slug or name, or a field has a wrong type.
    """
    read = Reader(node, "backend")
    slug = read.text("slug")
    read.name = f"backend {slug!r}"
    return BackendRecord(
        slug=slug,
        name=read.text("name"),
        status=read.text_or_none("remoteStatus"),
        id=read.text_or_none("id"),
        remote_id=read.text_or_none("remoteBackendId"),
        data=None if read.document.get("data") is None else read.object("data"),
        extra=read.beyond(_NODE),
    )


def no_properties(backend: Backend, *, at: datetime) -> dict[str, Any]:
    """Return the properties of a backend that has none: that its qubits work, and no figures.

    Official clients cannot do with null.
    """
    works = {"name": "operational", "value": 1, "unit": "", "date": timestamp(at)}
    return {
        "backend_name": backend.name,
        "backend_version": backend.version,
        "last_update_date": timestamp(at),
        "qubits": [[works] for _ in range(backend.num_qubits)],
        "gates": [],
        "general": [],
    }


def parse_backend_nodes(data: Document) -> tuple[BackendRecord, ...]:
    """Read the ``data`` of a ``backends`` query.

    Raises:
        ProtocolError: It is no list of backends.
    """
    nodes = data.get("backends")
    if not isinstance(nodes, list):
        raise broken("answer", "'backends' must be a list", nodes)
    return tuple(map(parse_backend_node, nodes))
