"""Submitting a job once, whatever happens on the way."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final, Protocol

from attrs import field, frozen

from swqr_core.errors import (
    ClosedError,
    OutcomeUnknownError,
    ProtocolError,
    SwqrError,
    UnreachableError,
)
from swqr_core.model.job import Job, JobSpec
from swqr_core.model.validators import seconds
from swqr_core.ports.clock import Clock

__all__ = ["Desk", "SettlePolicy", "Submitter"]

logger = logging.getLogger(__name__)

_REMEMBERED: Final = 1_000
_SLOWEST: Final = 5.0


@frozen(kw_only=True)
class SettlePolicy:
    """How long to look for a job whose submission was not answered.

    Attributes:
        window: Seconds from the lost answer to the last look.
        first: Seconds to the first look; each further one comes after twice as long, up to 5.
    """

    window: float = field(default=30.0, validator=seconds())
    first: float = field(default=0.5, validator=seconds(above_zero=True))


class Desk(Protocol):
    """Where jobs are handed in."""

    async def post(self, spec: JobSpec, params: bytes, *, key: str) -> Job:
        """Hand a job in, marked with its key; the job's tags are those on the platform.

        Raises:
            OutcomeUnknownError: No answer came.
            ProtocolError: The answer cannot be read.
            and what an error answer means.
        """
        ...

    async def look(self, key: str, *, since: datetime) -> Job | None:
        """Return the job that carries a key, or None if there is none to be seen.

        Args:
            key: The key.
            since: When it was first handed in.
        """
        ...


@frozen
class _Open:
    """A submission of which nobody knows what became.

    Attributes:
        since: When it was first handed in.
        until: Until when the job may yet show up, in seconds of the clock.
    """

    since: datetime
    until: float


class Submitter:
    """Submits jobs.

    Where the platform knows keys, the post may be repeated. Elsewhere the job carries its key as a
    tag, and is posted once: if the answer is lost, the platform is searched for the tag until the
    settle window has passed. So it is when who waited for the answer gave up, and submits again.

    Args:
        desk: Where jobs are handed in.
        name: The transport's name.
        clock: For the settle window.
        keys: Whether the platform honours keys.
        settle: How long to look for a job.
    """

    def __init__(
        self, desk: Desk, *, name: str, clock: Clock, keys: bool, settle: SettlePolicy
    ) -> None:
        self._desk = desk
        self._name = name
        self._clock = clock
        self._keys = keys
        self._settle = settle
        self._open: dict[str, _Open] = {}

    async def submit(self, spec: JobSpec, params: bytes, *, key: str) -> Job:
        """Submit a job; see ``JobPort.submit``. The job's tags are those on the platform.

        Raises:
            OutcomeUnknownError: No answer came, and the job was not found in time.
            and what an error answer means.
        """
        first = self._settle.first
        before = self._open.get(key)
        if before is not None:
            found = await self._search(key, before, pause=first)
            if found is not None:
                return found
        since = self._clock.now() if before is None else before.since
        try:
            return await self._desk.post(spec, params, key=key)
        except (OutcomeUnknownError, ProtocolError) as error:
            # An answer that cannot be read says as little as none.
            unknown = OutcomeUnknownError(self._name, "submit", key)
            if self._keys:
                raise unknown from error
            logger.warning("no answer to a submission, looking for its key %s", key)
            lost = self._leave_open(key, since)
            await self._clock.sleep(min(first, self._settle.window))
            found = await self._search(key, lost, pause=2 * first)
            if found is None:
                raise unknown from error
            return found
        except asyncio.CancelledError:
            if not self._keys:
                self._leave_open(key, since)
            raise

    @contextmanager
    def handing_over(self, job: Job, *, key: str) -> Iterator[None]:
        """Look for a job under its key again if its submitter gives up in here and submits again.

        Args:
            job: What was made under the key.
            key: The key.
        """
        try:
            yield
        except asyncio.CancelledError:
            if not self._keys:
                self._leave_open(key, job.created_at)
            raise

    async def _search(self, key: str, open_: _Open, *, pause: float) -> Job | None:
        """Look for a job until it would have shown up; None if it has not.

        Raises:
            OutcomeUnknownError: It cannot be looked for, whoever's fault that is.
        """
        clock = self._clock
        while True:
            last = clock.monotonic() >= open_.until
            try:
                found = await self._desk.look(key, since=open_.since)
            except ClosedError:
                raise
            except SwqrError as error:
                if last or not isinstance(error, UnreachableError):
                    raise OutcomeUnknownError(self._name, "submit", key) from error
                logger.info("cannot look for key %s yet: %s", key, error)
            else:
                if found is not None:
                    self._open.pop(key, None)
                if found is not None or last:
                    return found
            await clock.sleep(min(pause, max(open_.until - clock.monotonic(), 0.0)))
            pause = min(pause * 2, _SLOWEST)

    def _leave_open(self, key: str, since: datetime) -> _Open:
        """Remember that a job may show up from now on."""
        self._open[key] = left = _Open(since, self._clock.monotonic() + self._settle.window)
        while len(self._open) > _REMEMBERED:
            del self._open[next(iter(self._open))]
        return left
