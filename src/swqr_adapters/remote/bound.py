"""What all calls of one instance share: who asks, and what the server can do."""

from collections import OrderedDict
from typing import Any, Final, TypeVar

from swqr_core.errors import UnsupportedOperation
from swqr_core.model.capabilities import Capabilities
from swqr_core.model.principal import Principal

from .calls import Caller
from .errands import Errand

__all__ = ["CONFLICTS", "NOT_FOUND", "NO_CONTENT", "Bound", "remember"]

T = TypeVar("T")

NOT_FOUND: Final = 404
NO_CONTENT: Final = 204
CONFLICTS: Final = (400, 409)
"""How the platform says that a job is not in a state for what was asked."""

_REMEMBERED: Final = 5_000


class Bound:
    """Calls bound to one principal.

    Args:
        api: How the platform is called.
        principal: Whom it acts for.
        capabilities: What the server can do.
        ours: Whether it is a server of ours, which tells more than IBM.
    """

    def __init__(
        self, api: Caller, *, principal: Principal, capabilities: Capabilities, ours: bool
    ) -> None:
        self._api = api
        self._principal = principal
        self._capabilities = capabilities
        self._ours = ours

    @property
    def capabilities(self) -> Capabilities:
        """What the server can do."""
        return self._capabilities

    @property
    def principal(self) -> Principal:
        """Whom it acts for."""
        return self._principal

    @property
    def clock_skew(self) -> float | None:
        """Seconds by which this clock is ahead of the platform's; None if that is not known."""
        return self._api.http.clock_skew

    def _need(self, capability: str, operation: str) -> None:
        self._api.check()
        if not getattr(self._capabilities, capability):
            raise UnsupportedOperation(self._api.name, operation)

    def _errand(self, action: str, **about: Any) -> Errand:
        return Errand(action=action, instance=self._principal.instance, **about)

    def _command(self, action: str, id: str, **about: Any) -> Errand:
        return Errand(
            action=action, query=False, key=id, instance=self._principal.instance, **about
        )


def remember(memory: "OrderedDict[str, T]", id: str, value: T, *, most: int = _REMEMBERED) -> None:
    """Put a value into a memory that forgets the oldest."""
    memory[id] = value
    memory.move_to_end(id)
    while len(memory) > most:
        memory.popitem(last=False)
