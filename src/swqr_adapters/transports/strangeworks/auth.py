"""Tokens for an API key: ``POST /users/token``."""

from typing import Final

from swqr_adapters.http import HttpClient, Secret
from swqr_adapters.remote.auth import Token, TokenKeeper
from swqr_adapters.remote.calls import compact
from swqr_adapters.wire.strangeworks import load, parse_refusal, parse_token, token_request
from swqr_core.errors import AccessDeniedError, ProtocolError, UnreachableError
from swqr_core.ports.clock import Clock

from .refusals import NAME

__all__ = ["KeyAuthenticator"]

_PATH: Final = "/users/token"
_REFUSED: Final = range(400, 500)
_TOO_MANY: Final = 429
_INVALID: Final = 1201


class KeyAuthenticator(TokenKeeper):
    """Exchanges an API key for tokens; see ``TokenKeeper``.

    The platform does not say for how long a token is good, so it is used until it is refused.

    Args:
        http: The client.
        url: The platform's origin.
        api_key: The key.
        clock: For the age of tokens.
    """

    def __init__(self, http: HttpClient, *, url: str, api_key: Secret, clock: Clock) -> None:
        super().__init__(self._token, clock=clock)
        self._http = http
        self._url = url + _PATH
        self._api_key = api_key

    def __repr__(self) -> str:
        return f"<KeyAuthenticator at {self._url}>"

    async def _token(self) -> Token:
        response = await self._http.request(
            "POST",
            self._url,
            headers={"Accept": "application/json", "Content-Type": "application/json"},
            body=compact(token_request(self._api_key.reveal())),
            secret_body=self._api_key,
            idempotent=True,  # another token more does no harm
        )
        if response.status in _REFUSED and response.status != _TOO_MANY:
            said = parse_refusal(response.shown).message or "no reason given"
            raise AccessDeniedError(
                "log in",
                f"{self._url} answered {response.status}: {said}; check the API key",
                _INVALID,
            )
        if response.status // 100 != 2:  # noqa: PLR2004 - any success
            raise UnreachableError(NAME, f"{self._url} answered {response.status}")
        try:
            token = parse_token(load(response.body, "token"))
        except ProtocolError:  # it shows what was answered
            raise ProtocolError(NAME, f"{self._url} gave no token in full") from None
        return Token(value=Secret(token))
