"""Handing a job in at IBM, and finding it again by its key."""

from datetime import datetime
from typing import Final

from attrs import evolve

from swqr_adapters.http import Deadlines
from swqr_adapters.remote.errands import Errand, submission_errand
from swqr_adapters.remote.tags import KeyTags
from swqr_adapters.wire.ibm import (
    job_query,
    job_submission,
    load,
    parse_job_page,
    parse_submitted,
)
from swqr_adapters.wire.ibm.extension import IDEMPOTENCY_KEY
from swqr_adapters.wire.splicing import join
from swqr_core.model.job import Job, JobSpec
from swqr_core.model.query import JobQuery

from .api import Api

__all__ = ["IbmDesk"]

_DEADLINES: Final = Deadlines(connect=10.0, read=600.0, total=900.0)


class IbmDesk:
    """``POST /jobs``, with the key as a header where it is known, and elsewhere as a tag.

    Args:
        api: The interface.
        keys: Whether the platform honours ``Idempotency-Key``.
        tags: How jobs are marked with their keys elsewhere.
    """

    def __init__(self, api: Api, *, keys: bool, tags: KeyTags) -> None:
        self._api = api
        self._keys = keys
        self._tags = tags

    async def post(self, spec: JobSpec, params: bytes, *, key: str) -> Job:
        """Post a job; see ``Desk.post``."""
        tags = spec.tags if self._keys else (*spec.tags, self._tags.of(key))
        errand = submission_errand(spec, key=key, instance=self._api.instance, size=len(params))
        response = await self._api.call(
            "POST",
            "/jobs",
            errand,
            body=join(job_submission(spec, tags=tags), "params", params),
            headers={IDEMPOTENCY_KEY: key} if self._keys else {},
            idempotent=self._keys,
            deadlines=_DEADLINES,
        )
        document = load(response.body, "submitted job")
        return parse_submitted(document, evolve(spec, tags=tags), at=self._api.date_of(response))

    async def look(self, key: str, *, since: datetime) -> Job | None:  # noqa: ARG002 - a tag is enough
        """Return the job that carries a key, or None; see ``Desk.look``."""
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
        return mine[0] if mine else None
