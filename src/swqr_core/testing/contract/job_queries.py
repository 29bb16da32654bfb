"""The promises of ``JobPort.jobs``."""

from typing import Any

from attrs import evolve

from swqr_core.lifecycle.job import JobState
from swqr_core.model.ids import BackendName
from swqr_core.model.job import Job
from swqr_core.model.query import MAX_PAGE, JobQuery
from swqr_core.testing.harness import Control

from .claims import claim
from .world import World

__all__ = ["JobQueryClaims"]


async def _ids(world: World, query: JobQuery, **changes: Any) -> list[str]:
    return [job.id for job in await world.transport.jobs(evolve(query, **changes))]


async def _three(world: World) -> tuple[list[Job], JobQuery]:
    """Queue three jobs, some time apart, and return a query that finds just these."""
    mark = world.harness.key()
    jobs = []
    for _ in range(3):
        jobs.append(await world.queued(tags=(mark,)))
        await world.pass_time(10)
    return jobs, JobQuery(tags=(mark,))


class JobQueryClaims:
    """Lists of jobs. They are told apart from older ones by a tag."""

    @claim("tags", Control.BACKENDS)
    async def test_a_listed_job_is_the_job_itself(self, world: World) -> None:
        mark = world.harness.key()
        job = await world.queued(tags=(mark,))

        listed = await world.transport.jobs(JobQuery(tags=(mark,)))

        assert listed.items == (await world.transport.job(job.id),)

    @claim("find_by_key", Control.BACKENDS)
    async def test_a_job_is_found_by_the_key_of_its_submission(self, world: World) -> None:
        await world.harness.set_backend_online(world.harness.backend, online=False)
        key, other = world.harness.key(), world.harness.key()
        job, _ = await world.submit(key=key), await world.submit(key=other)

        found = await _ids(world, JobQuery(key=key))
        nothing = await _ids(world, JobQuery(key=world.harness.key()))
        elsewhere = await _ids(world, JobQuery(key=key, backend=BackendName("no-such-backend")))

        assert (found, nothing, elsewhere) == ([job.id], [], [])

    @claim("tags", Control.BACKENDS)
    async def test_jobs_are_listed_newest_first_unless_told_otherwise(self, world: World) -> None:
        jobs, query = await _three(world)
        ids = [job.id for job in jobs]

        assert await _ids(world, query) == ids[::-1]
        assert await _ids(world, query, newest_first=False) == ids

    @claim("tags", Control.BACKENDS)
    async def test_jobs_of_the_same_moment_are_listed_in_one_order_on_every_page(
        self, world: World
    ) -> None:
        world.at_once(5, least=5)
        mark = world.harness.key()
        await world.harness.set_backend_online(world.harness.backend, online=False)
        submitted = [(await world.submit(tags=(mark,))).id for _ in range(5)]
        query = JobQuery(tags=(mark,), newest_first=False, limit=2)

        found = [job.id for job in await world.all_jobs(query)]

        assert found == submitted

    @claim("tags")
    async def test_pages_of_jobs_tile_the_list_and_each_tells_the_total(self, world: World) -> None:
        world.at_once(5, least=5)
        mark = world.harness.key()
        submitted = {(await world.submit(tags=(mark,))).id for _ in range(5)}
        pages = [
            await world.transport.jobs(JobQuery(tags=(mark,), limit=2, offset=offset))
            for offset in (0, 2, 4, 6)
        ]

        found = [job.id for page in pages for job in page]

        assert [len(page) for page in pages] == [2, 2, 1, 0]
        assert [page.total for page in pages] == [5, 5, 5, 5]
        assert [(page.offset, page.limit) for page in pages] == [(0, 2), (2, 2), (4, 2), (6, 2)]
        assert len(found) == 5
        assert set(found) == submitted

    @claim("tags")
    async def test_a_page_that_nothing_matches_is_empty(self, world: World) -> None:
        await world.submit()

        page = await world.transport.jobs(JobQuery(tags=(world.harness.key(),)))

        assert (page.items, page.total, page.offset, page.limit) == ((), 0, 0, MAX_PAGE)

    @claim("tags", Control.EXECUTIONS, Control.BACKENDS)
    async def test_jobs_are_found_by_any_of_some_states(self, world: World) -> None:
        mark = world.harness.key()
        done = await world.ended(tags=(mark,))
        running = await world.running(tags=(mark,))
        queued = await world.queued(tags=(mark,))
        query = JobQuery(tags=(mark,))

        by_state = {
            state: await _ids(world, query, states={state})
            for state in (JobState.COMPLETED, JobState.RUNNING, JobState.QUEUED, JobState.FAILED)
        }
        pending = await _ids(world, query, states={JobState.QUEUED, JobState.RUNNING})

        assert by_state == {
            JobState.COMPLETED: [done.id],
            JobState.RUNNING: [running.id],
            JobState.QUEUED: [queued.id],
            JobState.FAILED: [],
        }
        assert pending == [queued.id, running.id]

    @claim("tags")
    async def test_jobs_are_found_by_all_of_some_tags(self, world: World) -> None:
        mark, extra = world.harness.key(), world.harness.key()
        one = await world.submit(tags=(mark,))
        both = await world.submit(tags=(extra, mark))

        assert set(await _ids(world, JobQuery(tags=(mark,)))) == {one.id, both.id}
        assert await _ids(world, JobQuery(tags=(mark, extra))) == [both.id]
        assert await _ids(world, JobQuery(tags=(mark[:-1],))) == []

    @claim("tags", "dedicated_sessions")
    async def test_jobs_are_found_by_their_session(self, world: World) -> None:
        session = await world.open()
        inside = await world.submit(session_id=session.id)
        await world.submit()

        assert await _ids(world, JobQuery(), session_id=session.id) == [inside.id]
        assert await _ids(world, JobQuery(), session_id="no-such-session") == []

    @claim("tags")
    async def test_jobs_are_found_by_their_program(self, world: World) -> None:
        query = JobQuery(tags=(world.harness.key(),))
        job = await world.submit(tags=query.tags)

        assert await _ids(world, query, program_id=world.harness.program_id) == [job.id]
        assert await _ids(world, query, program_id="no-such-program") == []

    @claim("tags")
    async def test_jobs_are_found_by_their_backend(self, world: World) -> None:
        query = JobQuery(tags=(world.harness.key(),))
        job = await world.submit(tags=query.tags)

        assert await _ids(world, query, backend=world.harness.backend) == [job.id]
        assert await _ids(world, query, backend="no_such_backend") == []

    @claim("tags", Control.TIME, Control.BACKENDS)
    async def test_jobs_are_found_by_when_they_were_accepted_ends_included(
        self, world: World
    ) -> None:
        jobs, query = await _three(world)
        first, middle, last = jobs
        moment = middle.created_at

        before = await _ids(world, query, created_before=moment)
        after = await _ids(world, query, created_after=moment)
        between = await _ids(world, query, created_after=moment, created_before=moment)

        assert before == [middle.id, first.id]
        assert after == [last.id, middle.id]
        assert between == [middle.id]
