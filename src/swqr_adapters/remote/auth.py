"""Credentials for requests: an API key itself, or tokens that it is exchanged for."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from attrs import frozen

from swqr_adapters.http import AnswerLostError, Secret
from swqr_core.errors import ClosedError, ConfigurationError, ProtocolError, UnreachableError
from swqr_core.ports.clock import Clock

__all__ = ["ApiKeyAuthenticator", "Authenticator", "Token", "TokenKeeper", "required_key"]

logger = logging.getLogger(__name__)

_FRESH: Final = 0.8


class Authenticator(Protocol):
    """What gives requests their ``Authorization``."""

    async def authorization(self) -> Secret:
        """Return the header's value, renewed if it is old.

        Raises:
            AccessDeniedError: The key was not accepted.
            UnreachableError: Nobody could be asked.
        """
        ...

    def renew(self, refused: Secret) -> bool:
        """Forget a value that was refused, and say whether another one may do better."""
        ...

    async def aclose(self) -> None:
        """Stop what is under way. Closing twice is fine."""
        ...


class ApiKeyAuthenticator:
    """Sends the API key itself.

    Args:
        api_key: The key.
    """

    def __init__(self, api_key: Secret) -> None:
        self._value = Secret(f"apikey {api_key.reveal()}")

    async def authorization(self) -> Secret:
        """Return the key as a header's value."""
        return self._value

    def renew(self, refused: Secret) -> bool:  # noqa: ARG002 - a key is a key
        """Return False: there is no other."""
        return False

    async def aclose(self) -> None:
        """Nothing is under way."""


@frozen(kw_only=True)
class Token:
    """A token as an exchange gives it.

    Attributes:
        value: The token itself.
        lifetime: Seconds from the request for which it is good; None if nobody says.
    """

    value: Secret
    lifetime: float | None = None


class TokenKeeper:
    """Exchanges an API key for tokens; one exchange at a time, however many wait for it.

    A token is renewed when 80 % of its life are over, or when it was refused. While it is good it
    goes on being used, and nobody waits for the new one, or hears that there is none.

    Args:
        exchange: Asks for a token.
        clock: For the age of tokens.
    """

    def __init__(self, exchange: Callable[[], Awaitable[Token]], *, clock: Clock) -> None:
        self._ask = exchange
        self._clock = clock
        self._value: Secret | None = None
        self._renew_at = 0.0
        self._ends_at = 0.0
        self._exchange: asyncio.Task[Secret] | None = None
        self._closed = False

    async def authorization(self) -> Secret:
        """Return ``Bearer`` and a token; see ``Authenticator.authorization``."""
        now = self._clock.monotonic()
        if self._value is not None and now < self._renew_at:
            return self._value
        if self._exchange is None:
            self._exchange = asyncio.ensure_future(self._exchanged())
            self._exchange.add_done_callback(self._over)
        if self._value is not None and now < self._ends_at:
            return self._value
        try:
            # Shielded: others wait for the same exchange.
            return await asyncio.shield(self._exchange)
        except asyncio.CancelledError:
            if self._closed and not _is_given_up():
                raise ClosedError("what renews credentials") from None
            raise

    def renew(self, refused: Secret) -> bool:
        """Forget the token if it is still the one that was refused; see ``Authenticator``."""
        if self._value == refused:
            self._value = None
        return True

    def _over(self, exchange: asyncio.Task[Secret]) -> None:
        if self._exchange is exchange:
            self._exchange = None
        if not exchange.cancelled() and exchange.exception() is not None:
            logger.info("no new token: %s", exchange.exception())

    async def _exchanged(self) -> Secret:
        sent_at = self._clock.monotonic()
        try:
            token = await self._ask()
        except (AnswerLostError, ProtocolError) as error:  # what needs the token was not sent
            raise UnreachableError(error.transport, error.problem) from error
        if not _fits_a_header(token.value):
            raise UnreachableError("http", "what was given as a token cannot stand in a header")
        lifetime = float("inf") if token.lifetime is None else token.lifetime
        self._renew_at = sent_at + _FRESH * lifetime
        self._ends_at = sent_at + lifetime
        self._value = Secret(f"Bearer {token.value.reveal()}")
        return self._value

    async def aclose(self) -> None:
        """Stop an exchange that is under way."""
        self._closed = True
        if self._exchange is not None:
            self._exchange.cancel()


def _is_given_up() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def required_key(value: str | None, source: str, *, wanted_by: str) -> Secret:
    """Return an API key as a secret.

    Args:
        value: What was found.
        source: Where it was looked for.
        wanted_by: For whom, for messages.

    Raises:
        ConfigurationError: There is none, or it cannot stand in a header.
    """
    if not value or not value.strip():
        raise ConfigurationError(wanted_by, f"there is no API key in {source}")
    key = Secret(value.strip())
    if not _fits_a_header(key):
        raise ConfigurationError(wanted_by, f"what is in {source} is no API key")
    return key


def _fits_a_header(secret: Secret) -> bool:
    return secret.reveal().isascii() and secret.reveal().isprintable()
