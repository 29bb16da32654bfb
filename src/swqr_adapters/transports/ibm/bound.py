"""What all calls of one instance share."""

from typing import Final

from swqr_adapters.remote.bound import Bound
from swqr_adapters.wire.ibm.values import Document
from swqr_core.errors import ProtocolError

from .api import Api
from .refusals import NAME

__all__ = ["FAR_TOO_MANY", "IbmBound", "check_id", "endless"]

FAR_TOO_MANY: Final = 2_000_000
"""No list is that long."""


class IbmBound(Bound):
    """Calls bound to one instance; see ``Bound``."""

    _api: Api


def check_id(document: Document, asked: str) -> None:
    """Check that an answer is about what was asked for: a cache in between may have mixed them up.

    Raises:
        ProtocolError: It is about something else.
    """
    told = document.get("id")
    if isinstance(told, str) and told != asked:
        raise ProtocolError(NAME, f"{asked!r} was asked for and {told[:100]!r} answered")


def endless(name: str, read: int) -> ProtocolError:
    """Return the error for a list that goes on for ever, or where it began."""
    return ProtocolError(
        NAME, f"the list of {name} has no end: {read} were told, and there is always more"
    )
