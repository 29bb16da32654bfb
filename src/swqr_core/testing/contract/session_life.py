"""The promises of ``SessionPort`` about time limits."""

import pytest

from swqr_core.errors import SessionClosedError
from swqr_core.lifecycle.job import JobState
from swqr_core.lifecycle.session import SessionState
from swqr_core.testing.harness import Control

from .claims import claim
from .world import World

__all__ = ["SessionLifeClaims"]

_TIMED = ("dedicated_sessions", Control.TIME, Control.EXECUTIONS)


class SessionLifeClaims:
    """What the passing of time does to a session."""

    @claim(*_TIMED)
    async def test_max_ttl_counts_from_the_start_of_the_first_job(self, world: World) -> None:
        session = await world.open(max_ttl=600)
        await world.pass_time(500)
        await world.ended(session_id=session.id)
        await world.pass_time(599)
        before = (await world.look(session)).state
        await world.pass_time(1)

        closed = await world.look(session)

        assert before is not SessionState.CLOSED
        assert closed.state is SessionState.CLOSED
        assert closed.started_at is not None
        assert closed.closed_at is not None
        assert (closed.closed_at - closed.started_at).total_seconds() == 600

    @claim(*_TIMED)
    async def test_a_session_that_has_reached_its_max_ttl_takes_no_jobs(self, world: World) -> None:
        session = await world.open(max_ttl=60)
        await world.ended(session_id=session.id)
        await world.pass_time(60)

        with pytest.raises(SessionClosedError) as caught:
            await world.submit(session_id=session.id)

        assert caught.value.session_id == session.id

    @claim(*_TIMED)
    async def test_at_max_ttl_running_jobs_finish_and_queued_ones_do_not_run(
        self, world: World
    ) -> None:
        session = await world.open(max_ttl=60)
        running = await world.running(100, session_id=session.id)
        await world.harness.set_backend_online(world.harness.backend, online=False)
        queued = await world.submit(session_id=session.id)
        await world.pass_time(70)
        meanwhile = await world.state(running)
        await world.serve()
        await world.pass_time(40)

        ends = [await world.transport.wait_job(job.id, timeout=None) for job in (running, queued)]

        assert meanwhile is JobState.RUNNING
        assert ends[0].state is JobState.COMPLETED
        assert ends[1].state in {JobState.FAILED, JobState.CANCELLED}
        assert ends[1].running_at is None

    @claim(*_TIMED, "custom_ttls")
    async def test_a_session_without_jobs_turns_inactive_after_its_interactive_ttl(
        self, world: World
    ) -> None:
        session = await world.open(interactive_ttl=45)
        await world.ended(session_id=session.id)
        await world.pass_time(44)
        before = (await world.look(session)).state
        await world.pass_time(1)

        after = await world.look(session)

        assert (before, after.state) == (SessionState.IDLE, SessionState.INACTIVE)
        assert after.accepting_jobs

    @claim(*_TIMED, "custom_ttls")
    async def test_the_interactive_ttl_does_not_run_while_a_job_runs(self, world: World) -> None:
        session = await world.open(interactive_ttl=45)
        await world.running(300, session_id=session.id)
        await world.pass_time(299)
        during = (await world.look(session)).state
        await world.pass_time(1 + 44)

        after = (await world.look(session)).state

        assert (during, after) == (SessionState.BUSY, SessionState.IDLE)

    @claim(*_TIMED, "custom_ttls")
    async def test_the_interactive_ttl_starts_anew_with_each_job(self, world: World) -> None:
        session = await world.open(interactive_ttl=45)
        for _ in range(3):
            await world.ended(session_id=session.id)
            await world.pass_time(40)

        assert (await world.look(session)).state is SessionState.IDLE

    @claim(*_TIMED, "custom_ttls")
    async def test_a_job_wakes_an_inactive_session(self, world: World) -> None:
        session = await world.open(interactive_ttl=45)
        await world.ended(session_id=session.id)
        await world.pass_time(100)
        inactive = (await world.look(session)).state
        await world.running(session_id=session.id)

        assert inactive is SessionState.INACTIVE
        assert (await world.look(session)).state is SessionState.BUSY

    @claim(*_TIMED, "custom_ttls")
    async def test_an_inactive_session_leaves_its_backend_to_others(self, world: World) -> None:
        session = await world.open(interactive_ttl=45)
        await world.ended(session_id=session.id)
        other = await world.submit()
        await world.harness.finish(other.id)
        await world.pass_time(44)
        before = await world.state(other)
        await world.pass_time(1)

        assert before is JobState.QUEUED
        assert await world.state(other) is JobState.COMPLETED

    @claim(*_TIMED, "custom_ttls")
    async def test_an_inactive_session_closes_at_its_max_ttl(self, world: World) -> None:
        session = await world.open(max_ttl=600, interactive_ttl=45)
        await world.ended(session_id=session.id)
        await world.pass_time(599)
        before = (await world.look(session)).state
        await world.pass_time(1)

        assert before is SessionState.INACTIVE
        assert (await world.look(session)).state is SessionState.CLOSED

    @claim(*_TIMED, "custom_ttls")
    async def test_active_ttl_counts_active_time_alone(self, world: World) -> None:
        session = await world.open(max_ttl=3600, active_ttl=100, interactive_ttl=30)
        await world.ended(session_id=session.id)  # active for 30 s, then inactive
        await world.pass_time(1000)
        inactive = await world.look(session)
        await world.running(200, session_id=session.id)
        await world.pass_time(69)
        before = (await world.look(session)).state
        await world.pass_time(1)

        assert (inactive.state, inactive.active_ttl) == (SessionState.INACTIVE, 70)
        assert before is SessionState.BUSY
        assert (await world.look(session)).state is SessionState.CLOSED

    @claim("dedicated_sessions", Control.TIME)
    async def test_a_session_without_any_job_closes_at_the_idle_open_limit(
        self, world: World
    ) -> None:
        limit = world.harness.idle_open_seconds
        if limit is None:
            pytest.skip("the platform has no idle-open limit")
        session = await world.open()
        await world.pass_time(limit - 1)
        before = (await world.look(session)).state
        await world.pass_time(1)

        assert before is SessionState.OPEN
        assert (await world.look(session)).state is SessionState.CLOSED

    @claim(*_TIMED, "cancel_sessions")
    async def test_closed_stays_closed(self, world: World) -> None:
        session = await world.open(max_ttl=600)
        job = await world.running(session_id=session.id)
        await world.transport.cancel_session(session.id)
        closed_at = (await world.look(session)).closed_at
        await world.harness.finish(job.id)
        await world.transport.wait_job(job.id, timeout=None)
        await world.pass_time(10_000)

        later = await world.look(session)

        assert closed_at is not None
        assert (later.state, later.closed_at) == (SessionState.CLOSED, closed_at)

    @claim(*_TIMED, "usage", "cancel_sessions")
    async def test_a_dedicated_session_is_charged_for_its_active_time(self, world: World) -> None:
        session = await world.open(max_ttl=600)
        await world.running(100, session_id=session.id)
        await world.pass_time(120)
        await world.transport.cancel_session(session.id)

        assert (await world.look(session)).usage_seconds == pytest.approx(120)

    @claim(*_TIMED)
    async def test_a_drained_session_still_reaches_its_max_ttl(self, world: World) -> None:
        session = await world.open(max_ttl=60)
        await world.running(100, session_id=session.id)
        await world.transport.drain_session(session.id)
        await world.pass_time(59)
        before = (await world.look(session)).state
        await world.pass_time(1)

        assert before is SessionState.DRAINING
        assert (await world.look(session)).state is SessionState.CLOSED
