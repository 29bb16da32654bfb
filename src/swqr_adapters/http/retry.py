"""When a request is sent again."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from attrs import field, frozen

from swqr_core.model.validators import integer, seconds

__all__ = ["PASSING_STATUSES", "TOO_MANY", "RetryPolicy", "retry_after"]

TOO_MANY: Final = 429
"""Too many requests: refused, so certainly not done."""

PASSING_STATUSES: Final = frozenset({500, 502, 503, 504, 520, 521, 522, 524})
"""Failures of a server or of the edge before it that may be over the next time."""

_DIGITS: Final = 12  # of the longest time that anybody means


@frozen(kw_only=True)
class RetryPolicy:
    """How often, and after how long, a request is sent again.

    Only requests that may be done twice are repeated after a lost answer or a status of
    ``PASSING_STATUSES``. What was refused with 429 was not done, so it is repeated whatever it is.

    Attributes:
        attempts: Requests in all, at least 1; 1 means never to repeat.
        first_delay: Seconds before the second.
        factor: By how much each further delay is longer than the one before.
        longest_delay: The most seconds between two. A server that asks for more (``Retry-After``)
            is not asked again: its answer stands.
    """

    attempts: int = field(default=5, validator=integer(at_least=1))
    first_delay: float = field(default=0.5, validator=seconds())
    factor: float = field(default=2.0, validator=seconds(above_zero=True))
    longest_delay: float = field(default=60.0, validator=seconds())

    def delay(self, attempt: int) -> float:
        """Return the seconds to wait after that attempt, counted from 1."""
        try:
            delay = self.first_delay * self.factor ** (attempt - 1)
        except OverflowError:
            delay = math.inf
        return min(delay, self.longest_delay)

    def repeats(self, status: int, *, idempotent: bool) -> bool:
        """Return whether an answer with that status is no last word."""
        return status == TOO_MANY or (idempotent and status in PASSING_STATUSES)


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds that a ``Retry-After`` header asks for, or None without one.

    It is a number of seconds or a date; anything else counts as absent.
    """
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit() and len(text) <= _DIGITS:
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return max((at - now).total_seconds(), 0.0)
