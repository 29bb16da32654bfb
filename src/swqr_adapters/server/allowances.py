"""How much the holder of one key may ask for."""

import math
from collections import OrderedDict
from typing import Final

from attrs import define

from swqr_core.ports.clock import Clock

from .problems import HttpProblem
from .providers import Account, Allowance

__all__ = ["Allowances"]

_MOST_KEYS: Final = 10_000
_MINUTE: Final = 60.0
_TOO_MANY: Final = 1202


@define
class _Bucket:
    """What is left of a number in each minute; it fills up again evenly."""

    left: float
    at: float

    def take(self, now: float, per_minute: int) -> float:
        """Take one; return 0, or the seconds until there is one."""
        self.left = min(self.left + (now - self.at) * per_minute / _MINUTE, float(per_minute))
        self.at = now
        if self.left >= 1.0:
            self.left -= 1.0
            return 0.0
        return (1.0 - self.left) * _MINUTE / per_minute


class Allowances:
    """Counts what came with each key.

    Args:
        clock: The time.
        usual: What a key may do for which nothing else is said.
    """

    def __init__(self, clock: Clock, usual: Allowance) -> None:
        self._clock = clock
        self._usual = usual
        self._buckets: OrderedDict[tuple[str, str], _Bucket] = OrderedDict()

    def of(self, account: Account) -> Allowance:
        """Return what a key may do."""
        return self._usual if account.allowance is None else account.allowance

    def spend(self, account: Account, *, submission: bool) -> None:
        """Count a request.

        Raises:
            HttpProblem: It is one too many (429); nothing was done.
        """
        allowed = self.of(account)
        self._spend(account.key_id, "requests", allowed.requests_per_minute)
        if submission:
            self._spend(account.key_id, "jobs", allowed.jobs_per_minute)

    def _spend(self, key_id: str, what: str, per_minute: int | None) -> None:
        if per_minute is None:
            return
        now = self._clock.monotonic()
        bucket = self._buckets.pop((key_id, what), None) or _Bucket(float(per_minute), now)
        self._buckets[key_id, what] = bucket
        if len(self._buckets) > _MOST_KEYS:
            self._buckets.popitem(last=False)
        wait = bucket.take(now, per_minute)
        if wait > 0:
            seconds = math.ceil(wait)
            raise HttpProblem(
                429,
                f"this key may ask for {per_minute} {what} in a minute",
                f"Wait {seconds} seconds.",
                code=_TOO_MANY,
                headers={"Retry-After": str(seconds)},
            )
