"""The promises of ``JobPort`` about jobs that have not ended, their payloads and their tags."""

import pytest

from swqr_core.errors import InvalidInputError, JobNotEndedError
from swqr_core.lifecycle.job import JobState
from swqr_core.model.query import JobQuery
from swqr_core.testing.harness import Control

from .claims import claim
from .world import World

__all__ = ["JobClaims"]


class JobClaims:
    """Submitting jobs, and what can be asked of them."""

    @claim()
    async def test_a_submitted_job_is_found_with_all_that_it_was_submitted_with(
        self, world: World
    ) -> None:
        spec = world.harness.spec(log_level="info")

        job = await world.transport.submit(spec, world.harness.params(), key=world.harness.key())

        found = await world.transport.job(job.id)
        assert found.spec == job.spec == spec
        assert found.created_at == job.created_at

    @claim("time_limits")
    async def test_a_job_has_the_time_limit_that_was_asked_for(self, world: World) -> None:
        job = await world.submit(max_execution_time=300)

        found = await world.transport.job(job.id)
        assert (found.spec.max_execution_time, found.time_limit) == (300, 300)

    @claim(Control.BACKENDS)
    async def test_a_submitted_job_is_queued(self, world: World) -> None:
        job = await world.queued()

        assert job.state is JobState.QUEUED
        assert (job.running_at, job.ended_at) == (None, None)

    @claim()
    async def test_equal_jobs_with_different_keys_are_two(self, world: World) -> None:
        first, second = await world.submit(), await world.submit()

        assert first.id != second.id

    # --- payloads ------------------------------------------------------------------------------

    @claim()
    async def test_parameters_come_back_byte_by_byte(self, world: World) -> None:
        params = world.harness.params(7)

        job = await world.submit(params=params)

        assert await world.transport.params(job.id) == params

    @claim(Control.EXECUTIONS, Control.BACKENDS)
    async def test_parameters_are_there_in_every_state(self, world: World) -> None:
        params = world.harness.params(8)
        job = await world.queued(params=params)
        found = [await world.transport.params(job.id)]
        await world.serve()
        await world.harness.started(job.id)
        found.append(await world.transport.params(job.id))
        await world.harness.finish(job.id)
        await world.transport.wait_job(job.id, timeout=None)
        found.append(await world.transport.params(job.id))

        assert found == [params] * 3

    @claim(Control.EXECUTIONS, Control.BACKENDS)
    async def test_a_job_has_no_result_before_its_end(self, world: World) -> None:
        job = await world.queued()
        found = [await world.transport.result(job.id)]
        await world.serve()
        await world.harness.started(job.id)
        found.append(await world.transport.result(job.id))

        assert found == [None, None]
        assert (await world.transport.job(job.id)).result is None

    # --- states --------------------------------------------------------------------------------

    @claim(Control.EXECUTIONS, "run_times")
    async def test_a_job_that_runs_says_since_when(self, world: World) -> None:
        job = await world.running()

        assert job.state is JobState.RUNNING
        assert job.running_at is not None
        assert job.running_at >= job.created_at
        assert job.ended_at is None

    @claim("delete_jobs", Control.EXECUTIONS, Control.BACKENDS)
    async def test_a_job_that_has_not_ended_cannot_be_deleted(self, world: World) -> None:
        running = await world.running()
        queued = await world.queued()

        for job in (running, queued):
            before = await world.transport.job(job.id)
            with pytest.raises(JobNotEndedError) as caught:
                await world.transport.delete_job(job.id)
            assert (caught.value.job_id, caught.value.state) == (job.id, before.state)
            assert await world.transport.job(job.id) == before

    # --- tags ----------------------------------------------------------------------------------

    @claim("tags")
    async def test_a_job_keeps_as_many_tags_as_users_may_give(self, world: World) -> None:
        tags = tuple(f"tag {number}" for number in range(world.capabilities.user_tags))

        job = await world.submit(tags=tags)

        assert (await world.transport.job(job.id)).spec.tags == tags

    @claim("tags", "remove_tags")
    async def test_setting_tags_replaces_them_and_nothing_else(self, world: World) -> None:
        job = await world.ended(tags=("old", "both"))

        await world.transport.set_tags(job.id, ("both", "new"))

        found = await world.transport.job(job.id)
        assert found.spec.tags == ("both", "new")
        assert (found.spec.backend, found.state) == (job.spec.backend, job.state)
        assert (found.created_at, found.ended_at) == (job.created_at, job.ended_at)

    @claim("tags", "remove_tags")
    async def test_jobs_are_searched_by_their_present_tags(self, world: World) -> None:
        old, new = f"old {world.harness.key()}", f"new {world.harness.key()}"
        job = await world.submit(tags=(old,))

        await world.transport.set_tags(job.id, (new,))

        assert await world.count_jobs(tags=(old,)) == 0
        assert [found.id for found in await world.all_jobs(JobQuery(tags=(new,)))] == [job.id]

    @claim("tags", "remove_tags")
    async def test_tags_can_be_taken_away(self, world: World) -> None:
        job = await world.submit(tags=("old",))

        await world.transport.set_tags(job.id, ())

        assert (await world.transport.job(job.id)).spec.tags == ()

    @claim("tags")
    async def test_too_many_tags_are_refused_and_the_old_ones_stay(self, world: World) -> None:
        job = await world.submit(tags=("old",))
        many = tuple(f"tag {number}" for number in range(world.capabilities.user_tags + 1))

        with pytest.raises(InvalidInputError) as caught:
            await world.transport.set_tags(job.id, many)

        assert caught.value.code == 1204
        assert (await world.transport.job(job.id)).spec.tags == ("old",)

    @claim("tags")
    async def test_a_tag_that_is_too_long_is_refused_and_the_old_ones_stay(
        self, world: World
    ) -> None:
        job = await world.submit(tags=("old",))

        with pytest.raises(InvalidInputError) as caught:
            await world.transport.set_tags(job.id, ("x" * 87,))

        assert caught.value.code == 1205
        assert (await world.transport.job(job.id)).spec.tags == ("old",)
