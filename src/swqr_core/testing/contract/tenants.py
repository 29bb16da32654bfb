"""The promises about other people's work."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from swqr_core.errors import JobNotFoundError, SessionNotFoundError
from swqr_core.model.query import JobQuery, SessionQuery
from swqr_core.testing.harness import Control, Seat

from .claims import claim
from .world import World

__all__ = ["TenantClaims"]


class TenantClaims:
    """What belongs to another instance answers as not found, and is not counted."""

    @claim(Control.TENANTS)
    async def test_another_instance_s_job_is_not_found(self, world: World) -> None:
        stranger = await world.connect(Seat.STRANGER)
        job = await world.ended()
        asks: list[Callable[[str], Awaitable[Any]]] = [
            stranger.job,
            stranger.params,
            stranger.result,
            stranger.cancel_job,
            lambda job_id: stranger.wait_job(job_id, timeout=0),
        ]

        for ask in asks:
            with pytest.raises(JobNotFoundError) as caught:
                await ask(job.id)
            assert caught.value.id == job.id

        assert await world.transport.job(job.id) == job

    @claim(Control.TENANTS, "logs")
    async def test_another_instance_s_log_is_not_found(self, world: World) -> None:
        stranger = await world.connect(Seat.STRANGER)
        job = await world.ended()

        with pytest.raises(JobNotFoundError):
            await stranger.logs(job.id)

    @claim(Control.TENANTS, "metrics")
    async def test_another_instance_s_metrics_are_not_found(self, world: World) -> None:
        stranger = await world.connect(Seat.STRANGER)
        job = await world.ended()

        with pytest.raises(JobNotFoundError):
            await stranger.metrics(job.id)

    @claim(Control.TENANTS, "tags")
    async def test_another_instance_s_job_cannot_be_tagged(self, world: World) -> None:
        stranger = await world.connect(Seat.STRANGER)
        job = await world.ended(tags=("mine",))

        with pytest.raises(JobNotFoundError):
            await stranger.set_tags(job.id, ("theirs",))

        assert (await world.transport.job(job.id)).spec.tags == ("mine",)

    @claim(Control.TENANTS, "delete_jobs")
    async def test_another_instance_s_job_cannot_be_deleted(self, world: World) -> None:
        stranger = await world.connect(Seat.STRANGER)
        job = await world.ended()

        with pytest.raises(JobNotFoundError):
            await stranger.delete_job(job.id)

        assert await world.transport.job(job.id) == job

    @claim(Control.TENANTS)
    async def test_another_instance_s_jobs_are_not_listed(self, world: World) -> None:
        stranger = await world.connect(Seat.STRANGER)
        before = (await stranger.jobs(JobQuery())).total
        job = await world.submit()

        page = await stranger.jobs(JobQuery())

        assert page.total == before
        assert job.id not in {found.id for found in page}

    @claim(Control.TENANTS, "dedicated_sessions")
    async def test_another_instance_s_session_is_not_found(self, world: World) -> None:
        stranger = await world.connect(Seat.STRANGER)
        session = await world.open()

        for ask in world.session_asks(stranger):
            with pytest.raises(SessionNotFoundError) as caught:
                await ask(session.id)
            assert caught.value.id == session.id

        assert await world.look(session) == session

    @claim(Control.TENANTS, "dedicated_sessions")
    async def test_nobody_submits_into_another_instance_s_session(self, world: World) -> None:
        stranger = await world.connect(Seat.STRANGER)
        session = await world.open()

        with pytest.raises(SessionNotFoundError):
            await stranger.submit(
                world.harness.spec(session_id=session.id),
                world.harness.params(),
                key=world.harness.key(),
            )

    @claim(Control.TENANTS, "dedicated_sessions")
    async def test_another_instance_s_session_has_no_jobs_to_list(self, world: World) -> None:
        stranger = await world.connect(Seat.STRANGER)
        session = await world.open()
        await world.submit(session_id=session.id)

        page = await stranger.jobs(JobQuery(session_id=session.id))

        assert (page.items, page.total) == ((), 0)

    @claim(Control.TENANTS, "dedicated_sessions", "session_listing")
    async def test_another_instance_s_sessions_are_not_listed(self, world: World) -> None:
        stranger = await world.connect(Seat.STRANGER)
        before = (await stranger.sessions(SessionQuery())).total
        session = await world.open()

        page = await stranger.sessions(SessionQuery())

        assert page.total == before
        assert session.id not in {found.id for found in page}
