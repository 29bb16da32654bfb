"""The Strangeworks platform, served over any transport: what its routes share."""

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from swqr_adapters.server.providers import Account
from swqr_adapters.server.settings import ServerSettings
from swqr_core.ports.clock import Clock
from swqr_core.ports.ids import IdFactory

from .shelf import Shelf
from .workspaces import Space, space_of

if TYPE_CHECKING:
    from .documents import Documents

__all__ = ["Platform"]

_MOST_SPACES: Final = 4096


class Platform:
    """What outlives one request: workspaces, their files, and GraphQL documents that were parsed.

    Args:
        clock: The time.
        ids: Where slugs come from.
        settings: The limits.
    """

    def __init__(self, clock: Clock, ids: IdFactory, settings: ServerSettings) -> None:
        self.shelf = Shelf(
            clock, ids, seconds=settings.token_seconds, max_bytes=settings.workspace_bytes
        )
        self._spaces = lru_cache(maxsize=_MOST_SPACES)(space_of)
        self._documents: Documents | None = None

    def space(self, account: Account) -> Space:
        """Return the workspace of an account."""
        return self._spaces(account)

    @property
    def documents(self) -> "Documents":
        """Parses GraphQL documents. The first use loads the GraphQL library."""
        if self._documents is None:
            from .documents import Documents

            self._documents = Documents()
        return self._documents
