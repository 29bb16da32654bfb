"""Tokens as IBM's IAM gives them out: what a client shows instead of its key."""

import secrets
from typing import Any, Final

import jwt

from swqr_core.ports.clock import Clock

__all__ = ["TokenDesk"]

_ALGORITHM: Final = "HS256"
_ISSUER: Final = "swqr"
_MOST_KEYS: Final = 10_000


class TokenDesk:
    """Gives out tokens, and knows its own.

    A token names a key by a random word, and the key stays here; so tokens end with the server.

    Args:
        clock: The time, in which clients see when a token expires.
        lifetime: For how many seconds a token is good.
    """

    def __init__(self, clock: Clock, lifetime: int) -> None:
        self._clock = clock
        self._lifetime = lifetime
        self._secret = secrets.token_bytes(32)
        self._keys: dict[str, str] = {}
        self._subjects: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"<TokenDesk of {len(self._keys)} keys>"

    def issue(self, key: str, *, user: str, account: str) -> dict[str, Any]:
        """Return the answer of ``POST /identity/token``.

        Args:
            key: The API key that was shown.
            user: Whose it is.
            account: The account that pays.
        """
        subject = self._subjects.get(key)
        if subject is None:
            if len(self._keys) >= _MOST_KEYS:  # where any key is good, there is no end of them
                self._keys.clear()
                self._subjects.clear()
            subject = self._subjects[key] = secrets.token_hex(16)
            self._keys[subject] = key
        now = int(self._clock.now().timestamp())
        expiration = now + self._lifetime
        claims = {
            "iss": _ISSUER,
            "sub": subject,
            "iat": now,
            "exp": expiration,
            "iam_id": user if user.startswith("IBMid-") else f"IBMid-{user}",
            "id": user,
            "account": {"valid": True, "bss": account},
            "grant_type": "urn:ibm:params:oauth:grant-type:apikey",
            "scope": "ibm openid",
        }
        return {
            "access_token": jwt.encode(claims, self._secret, algorithm=_ALGORITHM),
            "refresh_token": "not_supported",
            "token_type": "Bearer",
            "expires_in": self._lifetime,
            "expiration": expiration,
            "scope": "ibm openid",
        }

    def key_of(self, token: str) -> tuple[str, float] | None:
        """Return the key that a token stands for and when it expires, or None if it is no good.

        The time is in seconds since the epoch.
        """
        try:
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=[_ALGORITHM],
                issuer=_ISSUER,
                options={"verify_exp": False, "verify_iat": False, "verify_aud": False},
            )
        except (jwt.InvalidTokenError, RecursionError):  # older releases do not tell the latter
            return None
        expires = claims.get("exp")
        if not isinstance(expires, int) or expires <= self._clock.now().timestamp():
            return None
        key = self._keys.get(claims.get("sub", ""))
        return None if key is None else (key, float(expires))
