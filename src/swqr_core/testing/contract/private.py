"""The promises of ``JobPort`` about private jobs."""

import asyncio

import pytest

from swqr_core.errors import JobNotFoundError
from swqr_core.testing.harness import Control

from .claims import claim
from .world import World

__all__ = ["PrivateJobClaims"]


class PrivateJobClaims:
    """Jobs whose parameters are never shown and whose result is readable once."""

    @claim("private_jobs")
    async def test_a_private_job_never_shows_its_parameters(self, world: World) -> None:
        job = await world.ended(private=True)

        assert (await world.transport.job(job.id)).spec.private
        assert await world.transport.params(job.id) == b"{}"

    @claim("private_jobs", Control.EXECUTIONS)
    async def test_a_private_job_gives_its_result_once(self, world: World) -> None:
        job = await world.ended(private=True, result=b"[1]")

        given = [await world.transport.result(job.id) for _ in range(3)]

        assert given == [b"[1]", None, None]

    @claim("private_jobs", Control.EXECUTIONS)
    async def test_of_many_who_ask_at_once_one_gets_a_private_result(self, world: World) -> None:
        job = await world.ended(private=True, result=b"[1]")

        given = await asyncio.gather(*(world.transport.result(job.id) for _ in range(10)))

        assert (given.count(b"[1]"), given.count(None)) == (1, 9)

    @claim("private_jobs", "delete_jobs")
    async def test_a_private_job_can_be_deleted_after_its_result_was_taken(
        self, world: World
    ) -> None:
        job = await world.ended(private=True)
        await world.transport.result(job.id)

        await world.transport.delete_job(job.id)

        with pytest.raises(JobNotFoundError):
            await world.transport.job(job.id)
