"""Submitting a job once, whatever happens on the way."""

import logging
from typing import Final

from attrs import evolve, field, frozen

from swqr_adapters.http import Deadlines
from swqr_adapters.wire.ibm import (
    job_query,
    job_submission,
    load,
    parse_job_page,
    parse_submitted,
)
from swqr_adapters.wire.ibm.extension import IDEMPOTENCY_KEY
from swqr_adapters.wire.splicing import join
from swqr_core.errors import OutcomeUnknownError, ProtocolError, SwqrError, UnreachableError
from swqr_core.model.job import Job, JobSpec
from swqr_core.model.query import JobQuery
from swqr_core.model.validators import seconds

from .api import Api
from .refusals import NAME, Errand
from .tags import KeyTags

__all__ = ["SettlePolicy", "Submitter"]

logger = logging.getLogger(__name__)

_DEADLINES: Final = Deadlines(connect=10.0, read=600.0, total=900.0)
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


class Submitter:
    """Posts jobs.

    Where the platform knows keys, the key goes along and the post may be repeated. Elsewhere the
    job carries its key as a tag, and is posted once: if the answer is lost, the platform's list
    is searched for the tag until the settle window has passed.

    Args:
        api: The interface.
        keys: Whether the platform honours ``Idempotency-Key``.
        tags: How jobs are marked with their keys elsewhere.
        settle: How long to look for a job.
    """

    def __init__(self, api: Api, *, keys: bool, tags: KeyTags, settle: SettlePolicy) -> None:
        self._api = api
        self._tags = tags
        self._keys = keys
        self._settle = settle
        self._unsettled: dict[str, None] = {}

    async def submit(self, spec: JobSpec, params: bytes, *, key: str) -> Job:
        """Post a job; see ``JobPort.submit``. The job's tags are those on the platform.

        Raises:
            OutcomeUnknownError: No answer came, and the job was not found in time.
            and what an error answer means.
        """
        tags = spec.tags if self._keys else (*spec.tags, self._tags.of(key))
        if key in self._unsettled:
            found = await self._look(key)
            if found is not None:
                return found
        errand = Errand(
            action="submit",
            query=False,
            key=key,
            session=spec.session_id,
            backend=spec.backend,
            program=spec.program_id,
            instance=self._api.instance,
            size=len(params),
        )
        try:
            response = await self._api.call(
                "POST",
                "/jobs",
                errand,
                body=join(job_submission(spec, tags=tags), "params", params),
                headers={IDEMPOTENCY_KEY: key} if self._keys else {},
                idempotent=self._keys,
                deadlines=_DEADLINES,
            )
            at = self._api.date_of(response)
            return parse_submitted(
                load(response.body, "submitted job"), evolve(spec, tags=tags), at=at
            )
        except (OutcomeUnknownError, ProtocolError) as error:
            # An answer that cannot be read says as little as none.
            if self._keys and isinstance(error, OutcomeUnknownError):
                raise
            logger.warning("no answer to a submission, looking for its key %s", key)
            return await self._settled(key, error)

    async def _settled(self, key: str, cause: SwqrError) -> Job:
        clock = self._api.clock
        end = clock.monotonic() + self._settle.window
        pause = self._settle.first
        while True:
            await clock.sleep(min(pause, max(end - clock.monotonic(), 0.0)))
            last = clock.monotonic() >= end
            try:
                found = await self._look(key)
            except UnreachableError as error:
                logger.info("cannot look for key %s yet: %s", key, error)
            else:
                if found is not None:
                    return found
            if last:
                self._remember(key)
                raise OutcomeUnknownError(NAME, "submit", key) from cause
            pause = min(pause * 2, _SLOWEST)

    async def _look(self, key: str) -> Job | None:
        """Return the job that carries a key, or None if there is none to be seen."""
        response = await self._api.call(
            "GET",
            "/jobs",
            Errand(action="look for a key", instance=self._api.instance),
            query=job_query(
                JobQuery(tags=(self._tags.of(key),), newest_first=False),
                pending=None,
                limit=10,
                offset=0,
            ),
        )
        found = parse_job_page(load(response.body, "job list")).jobs
        # A platform that ignores the filter must not give somebody else's job.
        mine = [job for job in found if self._tags.of(key) in job.spec.tags]
        if not mine:
            return None
        self._unsettled.pop(key, None)
        return mine[0]

    def _remember(self, key: str) -> None:
        self._unsettled[key] = None
        while len(self._unsettled) > _REMEMBERED:
            del self._unsettled[next(iter(self._unsettled))]
