"""Submitting a job once, whatever happens on the way."""

import logging
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


class Submitter:
    """Submits jobs.

    Where the platform knows keys, the post may be repeated. Elsewhere the job carries its key as a
    tag, and is posted once: if the answer is lost, the platform is searched for the tag until the
    settle window has passed.

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
        self._unsettled: dict[str, datetime] = {}

    async def submit(self, spec: JobSpec, params: bytes, *, key: str) -> Job:
        """Submit a job; see ``JobPort.submit``. The job's tags are those on the platform.

        Raises:
            OutcomeUnknownError: No answer came, and the job was not found in time.
            and what an error answer means.
        """
        since = self._unsettled.get(key)
        if since is not None:
            try:
                found = await self._look(key, since)
            except ClosedError:
                raise
            except SwqrError as error:  # what became of the one before is as open as it was
                raise OutcomeUnknownError(self._name, "submit", key) from error
            if found is not None:
                return found
        since = since or self._clock.now()
        try:
            return await self._desk.post(spec, params, key=key)
        except (OutcomeUnknownError, ProtocolError) as error:
            # An answer that cannot be read says as little as none.
            if self._keys and isinstance(error, OutcomeUnknownError):
                raise
            logger.warning("no answer to a submission, looking for its key %s", key)
            return await self._settled(key, since, error)

    async def _settled(self, key: str, since: datetime, cause: SwqrError) -> Job:
        clock = self._clock
        end = clock.monotonic() + self._settle.window
        pause = self._settle.first
        while True:
            await clock.sleep(min(pause, max(end - clock.monotonic(), 0.0)))
            last = clock.monotonic() >= end
            try:
                found = await self._look(key, since)
            except UnreachableError as error:
                logger.info("cannot look for key %s yet: %s", key, error)
            except ClosedError:
                raise
            except SwqrError as error:  # it cannot be looked for, whoever's fault that is
                self._remember(key, since)
                raise OutcomeUnknownError(self._name, "submit", key) from error
            else:
                if found is not None:
                    return found
            if last:
                self._remember(key, since)
                raise OutcomeUnknownError(self._name, "submit", key) from cause
            pause = min(pause * 2, _SLOWEST)

    async def _look(self, key: str, since: datetime) -> Job | None:
        found = await self._desk.look(key, since=since)
        if found is not None:
            self._unsettled.pop(key, None)
        return found

    def _remember(self, key: str, since: datetime) -> None:
        self._unsettled[key] = since
        while len(self._unsettled) > _REMEMBERED:
            del self._unsettled[next(iter(self._unsettled))]
