"""One cloud for all services of a process that mean the same transport."""

import threading
from collections.abc import Mapping
from typing import Final, Self

from attrs import define, field

from swqr_core.config.connect import active_profile
from swqr_core.config.secret import SecretText
from swqr_core.errors import ConfigurationError
from swqr_core.runtime.blocking import Runtime

__all__ = ["Connection"]


@define(eq=False, repr=False)
class Connection:
    """A runtime, shared by the services, clients, backends and jobs that came from it.

    An official program makes a service several times and expects to find its jobs again. So equal
    transports share one runtime, which is closed when everybody who asked for it has closed. Who
    never closes keeps it until the interpreter ends.

    Attributes:
        runtime: The runtime.
        asked: What ``shared`` was asked for; None for a runtime that the caller made.
    """

    runtime: Runtime
    asked: tuple[str | None, Mapping[str, str], bool] | None = None
    _identity: object = None
    _users: int = field(default=1, init=False)

    @classmethod
    def shared(
        cls,
        choice: str | None,
        settings: Mapping[str, str] | None = None,
        *,
        at_once: bool = True,
    ) -> "Connection":
        """Return the connection of this transport with these settings, made if there is none.

        Args:
            choice: A profile's name or a URL; None for the active profile.
            settings: Further settings, such as the instance; they come before all others.
            at_once: Whether to make the transport now, so that what is wrong about it shows now;
                otherwise it is made when it is needed first.

        Raises:
            ConfigurationError: There is no such transport, or a setting cannot be used.
        """
        settings = dict(settings or {})
        profile = active_profile(choice, settings)
        with _LOCK:
            known = _SHARED.get(profile.identity)
            if known is None or known.runtime.closed:  # by hand, past those who share it
                runtime = Runtime.from_profile(profile, at_once=at_once)
                known = cls(runtime, (choice, settings, at_once), profile.identity)
                _SHARED[profile.identity] = known
            else:
                known._users += 1
        return known

    def release(self) -> None:
        """Give it back; the last one of a shared connection closes the runtime."""
        if self.asked is None:
            return  # the caller's own: the caller closes it
        with _LOCK:
            self._users -= 1
            if self._users > 0:
                return
            if _SHARED.get(self._identity) is self:
                del _SHARED[self._identity]
        self.runtime.close()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> tuple[object, tuple[str | None, Mapping[str, str], bool]]:
        if self.asked is None:
            raise ConfigurationError(
                "service",
                "one that was made from runtime= cannot be pickled: make it from transport=, "
                "which the other process can open",
            )
        if any(isinstance(value, SecretText) for value in self.asked[1].values()):
            raise ConfigurationError(
                "client",
                "one that was made from sdk_client= cannot be pickled, for its key would be in "
                "the open: make it from the configuration of the SDK",
            )
        return _reopen, self.asked


_LOCK: Final = threading.Lock()
_SHARED: Final[dict[object, Connection]] = {}


def _reopen(choice: str | None, settings: Mapping[str, str], at_once: bool) -> Connection:
    return Connection.shared(choice, settings, at_once=at_once)
