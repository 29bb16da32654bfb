"""The promises of ``SessionPort`` that need no time to pass."""

import pytest

from swqr_core.errors import SessionClosedError
from swqr_core.lifecycle.job import JobState
from swqr_core.lifecycle.session import SessionState
from swqr_core.model.session import SessionMode
from swqr_core.testing.harness import Control

from .claims import claim
from .world import World

__all__ = ["SessionClaims"]


class SessionClaims:
    """Opening, draining and cancelling sessions and batches."""

    @claim("dedicated_sessions")
    async def test_a_new_session_is_open_and_takes_jobs(self, world: World) -> None:
        session = await world.open(mode=SessionMode.DEDICATED)

        assert session.state is SessionState.OPEN
        assert session.accepting_jobs
        assert session.mode is SessionMode.DEDICATED
        assert session.backend in {None, world.harness.backend}
        assert (session.started_at, session.closed_at) == (None, None)

    @claim("batches")
    async def test_a_new_batch_is_open_and_takes_jobs(self, world: World) -> None:
        batch = await world.open(mode=SessionMode.BATCH)

        assert batch.state is SessionState.OPEN
        assert batch.accepting_jobs
        assert batch.mode is SessionMode.BATCH

    @claim("dedicated_sessions")
    async def test_a_session_is_found_as_it_was_opened(self, world: World) -> None:
        opened = await world.open(max_ttl=600)

        found = await world.look(opened)

        assert found == opened
        assert found.max_ttl == 600

    @claim("dedicated_sessions", "custom_ttls")
    async def test_a_session_has_the_ttls_that_were_asked_for(self, world: World) -> None:
        session = await world.open(max_ttl=900, active_ttl=700, interactive_ttl=30)

        assert (session.max_ttl, session.active_ttl, session.interactive_ttl) == (900, 700, 30)

    @claim("dedicated_sessions", Control.EXECUTIONS, "run_times")
    async def test_a_session_is_busy_while_one_of_its_jobs_runs(self, world: World) -> None:
        session = await world.open()
        job = await world.running(session_id=session.id)
        busy = await world.look(session)
        await world.harness.finish(job.id)
        await world.transport.wait_job(job.id, timeout=None)

        idle = await world.look(session)

        assert (busy.state, idle.state) == (SessionState.BUSY, SessionState.IDLE)
        assert busy.started_at == busy.last_job_started_at == job.running_at
        assert idle.last_job_ended_at is not None

    @claim("dedicated_sessions")
    async def test_a_job_of_a_session_says_so(self, world: World) -> None:
        session = await world.open()

        job = await world.submit(session_id=session.id)

        assert (await world.transport.job(job.id)).spec.session_id == session.id

    @claim("dedicated_sessions", "cancel_sessions")
    async def test_the_steps_of_a_session_lead_in_order_to_its_state(self, world: World) -> None:
        session = await world.open()
        await world.ended(session_id=session.id)
        await world.transport.cancel_session(session.id)

        closed = await world.look(session)

        times = [step.at for step in closed.steps]
        assert closed.steps[0].state is SessionState.OPEN
        assert closed.steps[-1].state is closed.state is SessionState.CLOSED
        assert times == sorted(times)

    # --- drain ---------------------------------------------------------------------------------

    @claim("dedicated_sessions")
    async def test_a_drained_session_without_jobs_closes_at_once(self, world: World) -> None:
        session = await world.open()

        await world.transport.drain_session(session.id)

        drained = await world.look(session)
        assert drained.state is SessionState.CLOSED
        assert not drained.accepting_jobs
        assert drained.closed_at is not None

    @claim("dedicated_sessions", Control.EXECUTIONS)
    async def test_a_drained_session_with_jobs_takes_no_more_and_stays(self, world: World) -> None:
        session = await world.open()
        await world.running(session_id=session.id)

        await world.transport.drain_session(session.id)

        drained = await world.look(session)
        assert drained.state is SessionState.DRAINING
        assert not drained.accepting_jobs
        with pytest.raises(SessionClosedError) as caught:
            await world.submit(session_id=session.id)
        assert (caught.value.session_id, caught.value.state) == (session.id, "draining")

    @claim("dedicated_sessions", Control.EXECUTIONS, Control.BACKENDS)
    async def test_the_jobs_of_a_drained_session_still_run_the_queued_ones_too(
        self, world: World
    ) -> None:
        session = await world.open()
        first = await world.running(session_id=session.id)
        second = await world.queued(session_id=session.id)
        await world.transport.drain_session(session.id)
        await world.serve()
        for job in (first, second):
            await world.harness.finish(job.id)

        ends = [await world.transport.wait_job(job.id, timeout=None) for job in (first, second)]

        assert [job.state for job in ends] == [JobState.COMPLETED] * 2

    @claim("dedicated_sessions", Control.EXECUTIONS)
    async def test_a_drained_session_closes_after_its_last_job(self, world: World) -> None:
        session = await world.open()
        jobs = [await world.submit(session_id=session.id) for _ in range(2)]
        await world.harness.started(jobs[0].id)
        await world.transport.drain_session(session.id)
        states = []
        for job in jobs:
            states.append((await world.look(session)).state)
            await world.harness.finish(job.id)
            await world.transport.wait_job(job.id, timeout=None)

        states.append((await world.look(session)).state)

        assert states == [SessionState.DRAINING, SessionState.DRAINING, SessionState.CLOSED]

    @claim("dedicated_sessions", Control.EXECUTIONS)
    async def test_draining_again_changes_nothing(self, world: World) -> None:
        session = await world.open()
        await world.running(session_id=session.id)
        await world.transport.drain_session(session.id)
        before = await world.look(session)

        await world.transport.drain_session(session.id)

        assert await world.look(session) == before

    @claim("dedicated_sessions")
    async def test_draining_a_closed_session_changes_nothing(self, world: World) -> None:
        session = await world.open()
        await world.transport.drain_session(session.id)
        before = await world.look(session)

        await world.transport.drain_session(session.id)

        assert await world.look(session) == before

    # --- cancel --------------------------------------------------------------------------------

    @claim("dedicated_sessions", "cancel_sessions")
    async def test_a_cancelled_session_is_closed_and_takes_no_jobs(self, world: World) -> None:
        session = await world.open()

        await world.transport.cancel_session(session.id)

        cancelled = await world.look(session)
        assert cancelled.state is SessionState.CLOSED
        assert not cancelled.accepting_jobs
        with pytest.raises(SessionClosedError) as caught:
            await world.submit(session_id=session.id)
        assert (caught.value.session_id, caught.value.state) == (session.id, "closed")

    @claim("dedicated_sessions", Control.EXECUTIONS, Control.BACKENDS, "cancel_sessions")
    async def test_the_queued_jobs_of_a_cancelled_session_do_not_run(self, world: World) -> None:
        session = await world.open()
        job = await world.queued(session_id=session.id)
        await world.transport.cancel_session(session.id)
        await world.serve()
        await world.pass_time(0)

        ended = await world.transport.wait_job(job.id, timeout=None)

        assert ended.running_at is None
        assert ended.state in {JobState.FAILED, JobState.CANCELLED}
        assert ended.reason

    @claim("dedicated_sessions", Control.EXECUTIONS, "cancel_sessions")
    async def test_the_running_jobs_of_a_cancelled_session_finish(self, world: World) -> None:
        session = await world.open()
        job = await world.running(session_id=session.id)
        await world.transport.cancel_session(session.id)
        meanwhile = (await world.look(session)).state, await world.state(job)
        await world.harness.finish(job.id, result=b"[1]")

        ended = await world.transport.wait_job(job.id, timeout=None)

        assert meanwhile == (SessionState.CLOSED, JobState.RUNNING)
        assert ended.state is JobState.COMPLETED
        assert await world.transport.result(job.id) == b"[1]"

    @claim("dedicated_sessions", "cancel_sessions")
    async def test_cancelling_a_closed_session_changes_nothing(self, world: World) -> None:
        session = await world.open()
        await world.transport.cancel_session(session.id)
        before = await world.look(session)

        await world.transport.cancel_session(session.id)

        assert await world.look(session) == before

    # --- usage and sharing ---------------------------------------------------------------------

    @claim("dedicated_sessions", "usage", "cancel_sessions")
    async def test_a_session_s_usage_is_told_once_it_is_settled(self, world: World) -> None:
        session = await world.open()
        await world.transport.cancel_session(session.id)

        closed = await world.look(session)

        assert session.usage_seconds is None
        assert closed.usage_seconds == 0

    @claim("dedicated_sessions", Control.EXECUTIONS, Control.TIME, "cancel_sessions")
    async def test_a_dedicated_session_has_its_backend_to_itself_while_active(
        self, world: World
    ) -> None:
        session = await world.open()
        await world.running(100, session_id=session.id)
        other = await world.submit()
        await world.harness.finish(other.id)
        states = []
        await world.pass_time(50)
        states.append(await world.state(other))
        await world.transport.cancel_session(session.id)
        await world.pass_time(49)  # closed, but its job still has the device
        states.append(await world.state(other))
        await world.pass_time(1)
        states.append(await world.state(other))

        assert states == [JobState.QUEUED, JobState.QUEUED, JobState.COMPLETED]
