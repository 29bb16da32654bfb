"""When to try again."""

from collections.abc import Iterator
from itertools import islice

from attrs import field, frozen

from swqr_core.model.validators import integer, seconds

__all__ = ["RetryPolicy"]


@frozen(kw_only=True)
class RetryPolicy:
    """How often, and after how long, to repeat what certainly did not happen.

    Repeated are calls that raise ``UnreachableError``, and, where the transport knows keys again,
    submissions and openings that raise ``OutcomeUnknownError``: with the same key.

    Attributes:
        attempts: Calls in all, at least 1; 1 means never to repeat.
        first_delay: Seconds before the second call.
        factor: By how much each further delay is longer than the one before.
        longest_delay: The most seconds between two calls.
    """

    attempts: int = field(default=4, validator=integer(at_least=1))
    first_delay: float = field(default=0.5, validator=seconds())
    factor: float = field(default=2.0, validator=seconds(above_zero=True))
    longest_delay: float = field(default=8.0, validator=seconds())

    def pauses(self) -> Iterator[float]:
        """Yield the seconds to wait before each repetition, without end."""
        delay = self.first_delay
        while True:
            yield min(delay, self.longest_delay)
            delay = min(delay * self.factor, self.longest_delay)

    def delays(self) -> Iterator[float]:
        """Yield the seconds to wait before each of the repetitions that *attempts* allows."""
        return islice(self.pauses(), self.attempts - 1)
