"""What jobs publish, asked of a server that holds the question until there is something."""

from typing import Final, Protocol

from swqr_adapters.http import Deadlines
from swqr_core.errors import InvalidInputError, ProtocolError
from swqr_core.model.program import InterimResults
from swqr_core.model.query import MAX_PAGE

from .calls import Caller

__all__ = ["Asking", "read_interim"]

_PAUSE: Final = 1.0
_LONGEST_WAIT: Final = 20.0  # seconds that one request may wait for a result


class Asking(Protocol):
    """One request for interim results."""

    async def __call__(self, wait: float, deadlines: Deadlines) -> InterimResults:
        """Return what there is, or what comes within *wait* seconds."""
        ...


async def read_interim(
    ask: Asking, api: Caller, *, start: int, limit: int, timeout: float | None
) -> InterimResults:
    """Return interim results; see ``JobPort.interim_results``.

    Args:
        ask: Asks the server once.
        api: Whose server that is, and whose clock counts.
        start: As for the port, like *limit*.
        limit: See *start*.
        timeout: How many seconds to wait for the first of them; None until the job has ended.

    Raises:
        InvalidInputError: *start* or *limit* cannot be.
        ProtocolError: Others came than were asked for, which would come again for ever.
        and what *ask* raises.
    """
    if start < 0:
        raise InvalidInputError("start", f"must be 0 or more, not {start}")
    if not 1 <= limit <= MAX_PAGE:
        raise InvalidInputError("limit", f"must be 1 to {MAX_PAGE}, not {limit}")
    clock = api.clock
    end = None if timeout is None else clock.monotonic() + timeout
    while True:
        left = _LONGEST_WAIT if end is None else max(0.0, end - clock.monotonic())
        wait = min(left, _LONGEST_WAIT)
        asked_at = clock.monotonic()
        page = await ask(wait, Deadlines(connect=10.0, read=wait + 30.0, total=wait + 120.0))
        if page.results and page.start != start:
            raise ProtocolError(
                api.name,
                f"interim results from {start} on were asked for, not from {page.start} on",
            )
        if page.results or page.complete or left <= wait < _LONGEST_WAIT:
            return page
        if clock.monotonic() - asked_at < _PAUSE:  # a server that holds no question
            await clock.sleep(_PAUSE)
