"""The promises about use by many tasks at once."""

import asyncio

from swqr_core.errors import JobEndedError, SessionClosedError
from swqr_core.lifecycle.job import JobState
from swqr_core.model.job import Job
from swqr_core.testing.harness import Control

from .claims import claim
from .world import World

__all__ = ["RaceClaims"]

_MANY = 50


class RaceClaims:
    """What happens at once ends as if it had happened one after the other."""

    @claim()
    async def test_jobs_submitted_at_once_are_all_there_each_with_its_own_parameters(
        self, world: World
    ) -> None:
        count = await world.count_jobs()
        many = world.at_once(_MANY)
        params = [world.harness.params(number) for number in range(many)]

        jobs = await asyncio.gather(*(world.submit(params=text) for text in params))

        found = await asyncio.gather(*(world.transport.params(job.id) for job in jobs))
        assert len({job.id for job in jobs}) == many
        assert found == params
        assert await world.count_jobs() == count + many

    @claim(Control.EXECUTIONS)
    async def test_jobs_that_run_at_once_all_end_each_with_its_own_result(
        self, world: World
    ) -> None:
        many = world.at_once(_MANY)
        jobs = await asyncio.gather(*(world.submit() for _ in range(many)))
        results = [str(number).encode() for number in range(many)]
        for job, result in zip(jobs, results, strict=True):
            await world.harness.finish(job.id, result=result)

        ends = await asyncio.gather(
            *(world.transport.wait_job(job.id, timeout=None) for job in jobs)
        )

        found = await asyncio.gather(*(world.transport.result(job.id) for job in jobs))
        assert {end.state for end in ends} == {JobState.COMPLETED}
        assert found == results

    @claim(Control.EXECUTIONS)
    async def test_of_many_cancellations_at_once_one_succeeds(self, world: World) -> None:
        job = await world.running()

        ends = await asyncio.gather(
            *(world.transport.cancel_job(job.id) for _ in range(10)), return_exceptions=True
        )

        assert ends.count(None) == 1
        assert sum(isinstance(end, JobEndedError) for end in ends) == 9
        assert await world.state(job) is JobState.CANCELLED

    @claim(Control.EXECUTIONS)
    async def test_a_job_that_is_cancelled_while_it_finishes_ends_in_one_way_for_good(
        self, world: World
    ) -> None:
        job = await world.running()

        cancelled, _ = await asyncio.gather(
            world.transport.cancel_job(job.id),
            world.harness.finish(job.id, result=b"[1]"),
            return_exceptions=True,
        )

        ended = await world.transport.wait_job(job.id, timeout=None)
        result = await world.transport.result(job.id)
        await world.pass_time(100)
        assert await world.transport.job(job.id) == ended
        if isinstance(cancelled, JobEndedError):
            assert (ended.state, result) == (JobState.COMPLETED, b"[1]")
        else:
            assert cancelled is None
            assert (ended.state, result) == (JobState.CANCELLED, None)

    @claim("dedicated_sessions", Control.EXECUTIONS)
    async def test_a_job_submitted_while_its_session_is_drained_runs_or_is_refused(
        self, world: World
    ) -> None:
        world.at_once(7, least=7)
        session = await world.open()
        first = await world.running(session_id=session.id)

        outcomes = await asyncio.gather(
            *(world.submit(session_id=session.id) for _ in range(3)),
            world.transport.drain_session(session.id),
            *(world.submit(session_id=session.id) for _ in range(3)),
            return_exceptions=True,
        )

        drained, submitted = outcomes[3], outcomes[:3] + outcomes[4:]
        accepted = [job for job in submitted if isinstance(job, Job)]
        for job in (first, *accepted):
            await world.harness.finish(job.id)
        ends = [await world.transport.wait_job(job.id, timeout=None) for job in (first, *accepted)]
        assert drained is None
        assert all(isinstance(end, Job | SessionClosedError) for end in submitted)
        assert {job.state for job in ends} == {JobState.COMPLETED}
