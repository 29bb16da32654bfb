"""Credentials for requests: IAM tokens, or the API key itself."""

import asyncio
import base64
import binascii
import json
from typing import Final, Protocol
from urllib.parse import urlencode

from swqr_adapters.http import HttpClient, Secret
from swqr_adapters.wire.ibm import load, parse_refusal, parse_token
from swqr_core.errors import AccessDeniedError, ConfigurationError, UnreachableError
from swqr_core.ports.clock import Clock

__all__ = ["ApiKeyAuthenticator", "Authenticator", "IamAuthenticator", "claimed_user"]

_GRANT: Final = "urn:ibm:params:oauth:grant-type:apikey"
_PATH: Final = "/identity/token"
_REFUSED: Final = range(400, 500)
_TOO_MANY: Final = 429
_FRESH: Final = 0.8
_INVALID: Final = 1201


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


class IamAuthenticator:
    """Exchanges an API key for tokens; one exchange at a time, however many wait for it.

    A token is renewed when 80 % of its life are over. While that fails and the token is still
    good, it goes on being used.

    Args:
        http: The client.
        url: Where IAM is; ``/identity/token`` follows.
        api_key: The key.
        clock: For the age of tokens.
    """

    def __init__(self, http: HttpClient, *, url: str, api_key: Secret, clock: Clock) -> None:
        self._http = http
        self._url = url + _PATH
        self._api_key = api_key
        self._clock = clock
        self._value: Secret | None = None
        self._renew_at = 0.0
        self._ends_at = 0.0
        self._exchange: asyncio.Task[Secret] | None = None

    def __repr__(self) -> str:
        return f"<IamAuthenticator at {self._url}>"

    async def authorization(self) -> Secret:
        """Return ``Bearer`` and a token; see ``Authenticator.authorization``."""
        now = self._clock.monotonic()
        if self._value is not None and now < self._renew_at:
            return self._value
        if self._exchange is None:
            self._exchange = asyncio.ensure_future(self._exchanged())
            self._exchange.add_done_callback(self._over)
        try:
            # Shielded: others wait for the same exchange.
            return await asyncio.shield(self._exchange)
        except UnreachableError:
            if self._value is not None and self._clock.monotonic() < self._ends_at:
                return self._value
            raise

    def renew(self, refused: Secret) -> bool:
        """Forget the token if it is still the one that was refused; see ``Authenticator``."""
        if self._value == refused:
            self._value = None
        return True

    def _over(self, exchange: asyncio.Task[Secret]) -> None:
        if self._exchange is exchange:
            self._exchange = None
        if not exchange.cancelled():
            exchange.exception()  # who waited has seen it

    async def _exchanged(self) -> Secret:
        form = {
            "grant_type": _GRANT,
            "apikey": self._api_key.reveal(),
            "response_type": "cloud_iam",
        }
        sent_at = self._clock.monotonic()
        response = await self._http.request(
            "POST",
            self._url,
            headers={
                "Accept": "application/json",
                "Content-Type": "application/x-www-form-urlencoded",
            },
            body=(urlencode(form).encode(),),
            secret_body=True,
            idempotent=True,  # another token more does no harm
        )
        if response.status in _REFUSED and response.status != _TOO_MANY:
            refusal = parse_refusal(response.body)
            raise AccessDeniedError(
                "get a token",
                f"IAM at {self._url} answered {response.status}: {refusal.message}; "
                "check the API key",
                _INVALID,
            )
        if not response.status // 100 == 2:  # noqa: PLR2004 - any success
            raise UnreachableError("ibm", f"IAM at {self._url} answered {response.status}")
        token = parse_token(load(response.body, "IAM token"), now=self._clock.now().timestamp())
        self._renew_at = sent_at + _FRESH * token.lifetime
        self._ends_at = sent_at + token.lifetime
        self._value = Secret(f"Bearer {token.access_token}")
        return self._value

    async def aclose(self) -> None:
        """Stop an exchange that is under way."""
        if self._exchange is not None:
            self._exchange.cancel()


def claimed_user(authorization: Secret) -> str | None:
    """Return the user whom a token names (claim ``iam_id`` or ``sub``), or None.

    Nothing is verified: the platform does that. This is for showing.
    """
    kind, _, token = authorization.reveal().partition(" ")
    parts = token.split(".")
    if kind != "Bearer" or len(parts) != 3:  # noqa: PLR2004 - header, claims, signature
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError):
        return None
    found = claims.get("iam_id") or claims.get("sub") if isinstance(claims, dict) else None
    return found if isinstance(found, str) and found else None


def required_key(value: str | None, source: str) -> Secret:
    """Return an API key as a secret.

    Raises:
        ConfigurationError: There is none, or it cannot stand in a header.
    """
    if not value or not value.strip():
        raise ConfigurationError("ibm transport", f"there is no API key in {source}")
    if not value.strip().isascii() or not value.strip().isprintable():
        raise ConfigurationError("ibm transport", f"what is in {source} is no API key")
    return Secret(value.strip())
