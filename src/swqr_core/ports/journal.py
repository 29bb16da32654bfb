"""The port to the client's own memory of what it submitted."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from attrs import field, frozen

from swqr_core.model.principal import Principal

__all__ = ["Journal", "JournalFactory", "Noted"]


@frozen(kw_only=True)
class Noted:
    """One piece of work, as a journal knows it.

    Attributes:
        noun: ``job`` or ``session``.
        key: The idempotency key of its submission or opening.
        at: When it was about to be sent, UTC.
        about: ``program``, ``backend`` and ``session``, as far as there are any.
        id: The platform's id; None if no answer came while the client lived.
        refused: Whether it certainly did not happen.
        closed: Whether the client closed this session.
        orphan: Whether the client that noted it is gone.
    """

    noun: str
    key: str
    at: datetime
    about: Mapping[str, str] = field(factory=dict)
    id: str | None = None
    refused: bool = False
    closed: bool = False
    orphan: bool = False


class Journal(Protocol):
    """What one client submits over one transport, and what those before it did.

    It holds neither payloads nor secrets. What it cannot write it says once, and goes on: losing
    the journal must not lose the work.
    """

    async def begin(self, noun: str, key: str, about: Mapping[str, str]) -> None:
        """Note that something is about to be sent; it is on the disk when this returns."""
        ...

    def made(self, key: str, id: str) -> None:
        """Note the platform's id."""
        ...

    def refused(self, key: str) -> None:
        """Note that it certainly did not happen."""
        ...

    def closed(self, session_id: str) -> None:
        """Note that the client closed a session."""
        ...

    def past(self) -> tuple[Noted, ...]:
        """Return what was noted for this transport and instance, oldest first.

        That is what this client and those that are gone have noted; what others are doing just
        now is theirs.
        """
        ...

    def close(self) -> None:
        """Write everything. Closing twice is fine."""
        ...


class JournalFactory(Protocol):
    """What the entry point ``journal`` of the group ``swqr.system`` names."""

    def __call__(
        self, *, transport: str, principal: Principal, choice: str | None
    ) -> Journal | None:
        """Return a journal, or None if there is to be none.

        Args:
            transport: The transport's name.
            principal: Whom it acts for.
            choice: The profile or URL that leads there again; None for the active profile.
        """
        ...
