"""IAM: tokens for an API key."""

import base64
import binascii
import json
from typing import Final
from urllib.parse import urlencode

from swqr_adapters.http import HttpClient, Secret
from swqr_adapters.remote.auth import Token, TokenKeeper
from swqr_adapters.wire.ibm import load, parse_refusal, parse_token
from swqr_core.errors import AccessDeniedError, ProtocolError, UnreachableError
from swqr_core.ports.clock import Clock

__all__ = ["IamAuthenticator", "claimed_user"]

_GRANT: Final = "urn:ibm:params:oauth:grant-type:apikey"
_PATH: Final = "/identity/token"
_REFUSED: Final = range(400, 500)
_TOO_MANY: Final = 429
_INVALID: Final = 1201


class IamAuthenticator(TokenKeeper):
    """Exchanges an API key for tokens of IAM; see ``TokenKeeper``.

    Args:
        http: The client.
        url: Where IAM is; ``/identity/token`` follows.
        api_key: The key.
        clock: For the age of tokens.
    """

    def __init__(self, http: HttpClient, *, url: str, api_key: Secret, clock: Clock) -> None:
        super().__init__(self._token, clock=clock)
        self._http = http
        self._url = url + _PATH
        self._api_key = api_key

    def __repr__(self) -> str:
        return f"<IamAuthenticator at {self._url}>"

    async def _token(self) -> Token:
        form = {
            "grant_type": _GRANT,
            "apikey": self._api_key.reveal(),
            "response_type": "cloud_iam",
        }
        response = await self._http.request(
            "POST",
            self._url,
            headers={
                "Accept": "application/json",
                "Content-Type": "application/x-www-form-urlencoded",
            },
            body=(urlencode(form).encode(),),
            secret_body=self._api_key,
            idempotent=True,  # another token more does no harm
        )
        if response.status in _REFUSED and response.status != _TOO_MANY:
            refusal = parse_refusal(response.shown)
            raise AccessDeniedError(
                "get a token",
                f"IAM at {self._url} answered {response.status}: {refusal.message}; "
                "check the API key",
                _INVALID,
            )
        if not response.status // 100 == 2:  # noqa: PLR2004 - any success
            raise UnreachableError("ibm", f"IAM at {self._url} answered {response.status}")
        try:
            token = parse_token(load(response.body, "IAM token"), now=self._clock.now().timestamp())
        except ProtocolError:  # it shows what was answered
            raise ProtocolError("ibm", f"IAM at {self._url} gave no token in full") from None
        return Token(value=Secret(token.access_token), lifetime=token.lifetime)


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
