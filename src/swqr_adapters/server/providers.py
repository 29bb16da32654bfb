"""From an API key to whom it belongs, and from there to a transport."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol

from attrs import evolve, field, frozen

from swqr_core.model.capabilities import Capabilities
from swqr_core.model.principal import Instance, Principal
from swqr_core.model.validators import integer, optional
from swqr_core.ports.transport import RuntimeTransport

__all__ = ["Account", "Allowance", "KeyRing", "TransportProvider"]

_SHOWN: Final = 16  # hexadecimal digits


def _instances(value: "tuple[Instance, ...] | list[Instance]") -> tuple[Instance, ...]:
    return tuple(value)


@frozen(kw_only=True)
class Allowance:
    """How much may be asked for with one key; None for any amount.

    Attributes:
        requests_per_minute: Requests of any kind.
        jobs_per_minute: Submissions.
        max_body_bytes: The largest request body.
    """

    requests_per_minute: int | None = field(default=None, validator=optional(integer(at_least=1)))
    jobs_per_minute: int | None = field(default=None, validator=optional(integer(at_least=1)))
    max_body_bytes: int | None = field(default=None, validator=optional(integer(at_least=1024)))


@frozen(kw_only=True)
class Account:
    """Whom an API key belongs to.

    Attributes:
        user: The user's id (REST: ``user_id``).
        instances: The instances that the user can reach; the first is the default one.
        allowance: How much may be asked for; None for what is usual on the server.
        key_id: What the key is called in the audit log: part of its digest. The ring sets it.
    """

    user: str = "local"
    instances: tuple[Instance, ...] = field(converter=_instances)
    allowance: Allowance | None = None
    key_id: str = field(default="", eq=False)


class TransportProvider(Protocol):
    """What a server is given by whoever starts it."""

    @property
    def capabilities(self) -> Capabilities:
        """What all its transports can do."""
        ...

    async def account(self, key: str) -> Account | None:
        """Return whom an API key belongs to, or None if nobody knows it."""
        ...

    async def accounts(self) -> tuple[Account, ...]:
        """Return everybody that is known, for the control surface."""
        ...

    async def transport(self, principal: Principal) -> RuntimeTransport:
        """Return the transport of a user in an instance; the provider closes it."""
        ...

    async def aclose(self) -> None:
        """Close everything that was given out. Closing twice is fine."""
        ...


class KeyRing:
    """A ``TransportProvider`` with a fixed set of keys.

    Args:
        bind: Makes the transport of a principal; called once for each.
        capabilities: What the transports can do.
        keys: The account of each API key. Only digests of the keys are kept.
        anybody: The account of any other key; None if there is none. This makes keys meaningless:
            it is for a server that only this machine can reach.
        close: Closes what is behind the transports.
    """

    def __init__(
        self,
        bind: Callable[[Principal], Awaitable[RuntimeTransport]],
        *,
        capabilities: Capabilities,
        keys: Mapping[str, Account] | None = None,
        anybody: Account | None = None,
        close: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._bind = bind
        self._capabilities = capabilities
        self._accounts = {
            digest: evolve(account, key_id=digest.hex()[:_SHOWN])
            for digest, account in (
                (_digest(key), account) for key, account in (keys or {}).items()
            )
        }
        self._anybody = anybody
        self._close = close
        self._transports: dict[Principal, RuntimeTransport] = {}
        self._binding: dict[Principal, asyncio.Lock] = {}

    def __repr__(self) -> str:
        anybody = "" if self._anybody is None else " and anybody"
        return f"<KeyRing of {len(self._accounts)} keys{anybody}>"

    @property
    def capabilities(self) -> Capabilities:
        """What the transports can do."""
        return self._capabilities

    @property
    def takes_any_key(self) -> bool:
        """Whether keys mean nothing."""
        return self._anybody is not None

    async def account(self, key: str) -> Account | None:
        """Return whom a key belongs to. The time it takes tells nothing about the keys."""
        digest = _digest(key)
        found = self._accounts.get(digest)
        if found is None and key and self._anybody is not None:
            return evolve(self._anybody, key_id=digest.hex()[:_SHOWN])
        return found

    async def accounts(self) -> tuple[Account, ...]:
        """Return everybody that is known."""
        known = list(dict.fromkeys(self._accounts.values()))
        if self._anybody is not None and self._anybody not in known:
            known.append(self._anybody)
        return tuple(known)

    async def transport(self, principal: Principal) -> RuntimeTransport:
        """Return the transport of a principal, always the same one."""
        found = self._transports.get(principal)
        if found is None:  # many first requests may come at once
            async with self._binding.setdefault(principal, asyncio.Lock()):
                found = self._transports.get(principal)
                if found is None:
                    found = self._transports[principal] = await self._bind(principal)
            self._binding.pop(principal, None)
        return found

    async def forget_transports(self) -> None:
        """Close all transports; the next use makes new ones."""
        transports, self._transports = self._transports, {}
        for transport in transports.values():
            await transport.aclose()

    async def aclose(self) -> None:
        """Close all transports, and what is behind them."""
        await self.forget_transports()
        close, self._close = self._close, None
        if close is not None:
            await close()


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
