"""``GET /versions``: what a server speaks."""

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from swqr_core.model.capabilities import Capabilities

from .extension import MEMBER, capabilities_member, parse_capabilities
from .values import Reader

__all__ = ["Versions", "parse_versions", "versions_member"]


@frozen(kw_only=True)
class Versions:
    """What ``GET /versions`` tells.

    Attributes:
        versions: The dates, oldest first.
        idempotency: Whether ``Idempotency-Key`` is honoured.
        capabilities: Fields of ``Capabilities``, where a server of ours tells them.
        ours: Whether it is a server of ours.
    """

    versions: tuple[str, ...] = ()
    idempotency: bool = False
    capabilities: Mapping[str, Any] = field(factory=dict)
    ours: bool = False


def versions_member(capabilities: Capabilities) -> dict[str, Any]:
    """Return what a server of ours adds to its ``GET /versions``: merge it into the document."""
    return {
        "idempotency": capabilities.idempotent_submit,
        MEMBER: {"capabilities": capabilities_member(capabilities)},
    }


def parse_versions(document: object) -> Versions:
    """Read the versions; entries are objects, or in older documents plain text.

    Raises:
        ProtocolError: It is no such document.
    """
    read = Reader(document, "version list")
    ours = Reader(read.object(MEMBER), "version list")
    dates = [
        item if isinstance(item, str) else Reader(item, "version").text("version")
        for item in read.items("versions")
    ]
    return Versions(
        versions=tuple(sorted(dates)),
        idempotency=read.document.get("idempotency") is True,
        capabilities=parse_capabilities(ours.object("capabilities")),
        ours=bool(ours.document),
    )
