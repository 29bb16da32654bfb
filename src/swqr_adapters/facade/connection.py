"""One cloud for all services of a process that name the same transport URL."""

import threading
from typing import Final, Self

from attrs import define, field

from swqr_core.errors import ConfigurationError
from swqr_core.runtime.blocking import Runtime

__all__ = ["Connection"]


@define(eq=False, repr=False)
class Connection:
    """A runtime, shared by the services, clients, backends and jobs that came from it.

    An official program makes a service several times and expects to find its jobs again. So equal
    URLs share one runtime, which is closed when everybody who asked for it has closed. Who never
    closes keeps it until the interpreter ends.

    Attributes:
        runtime: The runtime.
        url: The transport's URL, by which others find it; None for one that the caller made.
        instance: The instance that was asked for; equal URLs with different ones share nothing.
    """

    runtime: Runtime
    url: str | None = None
    instance: str | None = None
    _users: int = field(default=1, init=False)

    @classmethod
    def shared(cls, url: str, instance: str | None = None) -> "Connection":
        """Return the connection of this URL and instance, made if there is none.

        Raises:
            ConfigurationError: There is no such transport, or a setting cannot be used.
        """
        with _LOCK:
            known = _SHARED.get((url, instance))
            if known is None:
                settings = {} if instance is None else {"instance": instance}
                known = cls(Runtime.connect(url, settings=settings), url, instance)
                _SHARED[url, instance] = known
            else:
                known._users += 1
        return known

    def release(self) -> None:
        """Give it back; the last one of a shared connection closes the runtime."""
        if self.url is None:
            return  # the caller's own: the caller closes it
        with _LOCK:
            self._users -= 1
            if self._users > 0:
                return
            _SHARED.pop((self.url, self.instance), None)
        self.runtime.close()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> tuple[object, tuple[str, str | None]]:
        if self.url is None:
            raise ConfigurationError(
                "service",
                "one that was made from runtime= cannot be pickled: make it from transport=, "
                "whose URL the other process can open",
            )
        return _reopen, (self.url, self.instance)


_LOCK: Final = threading.Lock()
_SHARED: Final[dict[tuple[str, str | None], Connection]] = {}


def _reopen(url: str, instance: str | None) -> Connection:
    return Connection.shared(url, instance)
