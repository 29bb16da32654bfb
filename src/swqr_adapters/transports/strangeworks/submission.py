"""Handing a job in at the platform, and finding it again by its key."""

from datetime import datetime
from typing import Final, Protocol

from attrs import evolve

from swqr_adapters.http import Deadlines
from swqr_adapters.remote.errands import submission_errand
from swqr_adapters.remote.tags import KeyTags
from swqr_adapters.wire.ibm.extension import IDEMPOTENCY_KEY
from swqr_adapters.wire.strangeworks import CREATE_JOB, parse_submitted, submission
from swqr_core.model.job import Job, JobSpec

from .api import Api

__all__ = ["Finder", "StrangeworksDesk"]

_DEADLINES: Final = Deadlines(connect=10.0, read=600.0, total=900.0)


class Finder(Protocol):
    """What finds a job by a tag."""

    async def find_marked(self, tag: str, *, since: datetime) -> Job | None:
        """Return the job that carries a tag, or None."""
        ...


class StrangeworksDesk:
    """``create_runtime_job``, with the key as a header where it is known, and elsewhere as a tag.

    Args:
        api: The platform.
        finder: What finds a job by a tag.
        channel: The channel of the resource's product.
        keys: Whether the platform honours ``Idempotency-Key``.
        tags: How jobs are marked with their keys elsewhere.
    """

    def __init__(
        self, api: Api, finder: Finder, *, channel: str, keys: bool, tags: KeyTags
    ) -> None:
        self._api = api
        self._finder = finder
        self._channel = channel
        self._keys = keys
        self._tags = tags

    async def post(self, spec: JobSpec, params: bytes, *, key: str) -> Job:
        """Hand a job in; see ``Desk.post``."""
        tags = spec.tags if self._keys else (*spec.tags, self._tags.of(key))
        errand = submission_errand(spec, key=key, instance=self._api.resource, size=len(params))
        response = await self._api.operate(
            CREATE_JOB,
            errand,
            await submission(spec, params, channel=self._channel, tags=tags),
            idempotent=self._keys,
            headers={IDEMPOTENCY_KEY: key} if self._keys else {},
            deadlines=_DEADLINES,
        )
        return parse_submitted(
            self._api.document(response, errand),
            evolve(spec, tags=tags),
            at=self._api.date_of(response),
        )

    async def look(self, key: str, *, since: datetime) -> Job | None:
        """Return the job that carries a key, or None; see ``Desk.look``."""
        return await self._finder.find_marked(self._tags.of(key), since=since)
