"""The promises about what is refused: it leaves no trace, and asking changes nothing."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from swqr_core.errors import (
    BackendNotFoundError,
    InvalidInputError,
    JobNotFoundError,
    LimitExceededError,
    PayloadTooLargeError,
    ProgramNotFoundError,
    SessionNotFoundError,
    UnsupportedOperation,
)
from swqr_core.model.query import JobQuery, ProgramQuery, SessionQuery
from swqr_core.model.session import SessionMode
from swqr_core.ports.transport import RuntimeTransport
from swqr_core.testing.harness import Control

from .claims import claim
from .world import World

__all__ = ["RefusalClaims"]

_NOWHERE = "no-such-thing"


async def _untagged(world: World, transport: RuntimeTransport) -> None:
    job = await world.submit(tags=("tag",))
    await transport.set_tags(job.id, ())


# What each capability's absence refuses.
_DENIED: dict[str, Callable[[World, RuntimeTransport], Awaitable[Any]]] = {
    "dedicated_sessions": lambda world, _: world.open(mode=SessionMode.DEDICATED),
    "batches": lambda world, _: world.open(mode=SessionMode.BATCH),
    "session_listing": lambda _, transport: transport.sessions(SessionQuery()),
    "cancel_sessions": lambda _, transport: transport.cancel_session(_NOWHERE),
    "custom_ttls": lambda world, _: world.open(interactive_ttl=30),
    "tags": lambda _, transport: transport.set_tags(_NOWHERE, ("tag",)),
    "remove_tags": _untagged,
    "delete_jobs": lambda _, transport: transport.delete_job(_NOWHERE),
    "private_jobs": lambda world, _: world.submit(private=True),
    "logs": lambda _, transport: transport.logs(_NOWHERE),
    "metrics": lambda _, transport: transport.metrics(_NOWHERE),
    "usage": lambda _, transport: transport.usage(),
    "calibrations": lambda world, transport: transport.backend_configuration(
        world.harness.backend, calibration_id=_NOWHERE
    ),
    "time_limits": lambda world, _: world.submit(max_execution_time=300),
    "programs": lambda _, transport: transport.programs(ProgramQuery()),
    "find_by_key": lambda world, transport: transport.jobs(JobQuery(key=world.harness.key())),
    "program_uploads": lambda _, transport: transport.delete_program(_NOWHERE),
    "interim_results": lambda _, transport: transport.interim_results(_NOWHERE),
}


class RefusalClaims:
    """Wrong input, unknown ids, limits, and what a transport cannot do."""

    @claim()
    async def test_what_the_capabilities_deny_is_unsupported(self, world: World) -> None:
        denied = [name for name in _DENIED if not getattr(world.capabilities, name)]
        if not denied:
            pytest.skip("the capabilities deny nothing")

        for name in denied:
            with pytest.raises(UnsupportedOperation) as caught:
                await _DENIED[name](world, world.transport)
            assert caught.value.transport == world.capabilities.transport, name

    @claim()
    async def test_an_unknown_job_is_not_found(self, world: World) -> None:
        transport = world.transport

        for ask in (transport.job, transport.params, transport.result, transport.cancel_job):
            with pytest.raises(JobNotFoundError) as caught:
                await ask(_NOWHERE)
            assert caught.value.id == _NOWHERE

    @claim("logs", "metrics", "delete_jobs", "tags")
    async def test_an_unknown_job_has_no_log_no_metrics_and_no_tags(self, world: World) -> None:
        transport = world.transport

        for ask in (transport.logs, transport.metrics, transport.delete_job):
            with pytest.raises(JobNotFoundError):
                await ask(_NOWHERE)
        with pytest.raises(JobNotFoundError):
            await transport.set_tags(_NOWHERE, ())

    @claim("dedicated_sessions")
    async def test_an_unknown_session_is_not_found(self, world: World) -> None:
        transport = world.transport

        for ask in world.session_asks(transport):
            with pytest.raises(SessionNotFoundError) as caught:
                await ask(_NOWHERE)
            assert caught.value.id == _NOWHERE

    @claim()
    async def test_a_job_for_an_unknown_backend_is_refused_without_a_trace(
        self, world: World
    ) -> None:
        count = await world.count_jobs()

        with pytest.raises(BackendNotFoundError):
            await world.submit(backend=f"{world.harness.backend}_x")

        assert await world.count_jobs() == count

    @claim()
    async def test_a_job_for_an_unknown_program_is_refused_without_a_trace(
        self, world: World
    ) -> None:
        count = await world.count_jobs()

        with pytest.raises(ProgramNotFoundError):
            await world.submit(program_id=_NOWHERE)

        assert await world.count_jobs() == count

    @claim("dedicated_sessions")
    async def test_a_job_for_an_unknown_session_is_refused_without_a_trace(
        self, world: World
    ) -> None:
        count = await world.count_jobs()

        with pytest.raises(SessionNotFoundError):
            await world.submit(session_id=_NOWHERE)

        assert await world.count_jobs() == count

    @claim("dedicated_sessions")
    async def test_a_job_on_another_backend_than_its_session_s_is_refused_without_a_trace(
        self, world: World
    ) -> None:
        if world.harness.other_backend is None:
            pytest.skip("the harness has no second backend")
        session = await world.open()
        count = await world.count_jobs()

        with pytest.raises(InvalidInputError):
            await world.submit(session_id=session.id, backend=world.harness.other_backend)

        assert await world.count_jobs() == count

    @claim("dedicated_sessions")
    async def test_a_session_on_an_unknown_backend_is_refused(self, world: World) -> None:
        with pytest.raises(BackendNotFoundError):
            await world.open(backend=f"{world.harness.backend}_x")

    @claim("calibrations")
    async def test_a_job_for_an_unknown_calibration_is_refused_without_a_trace(
        self, world: World
    ) -> None:
        count = await world.count_jobs()

        with pytest.raises(InvalidInputError):
            await world.submit(calibration_id=_NOWHERE)

        assert await world.count_jobs() == count

    @claim()
    async def test_parameters_over_the_limit_are_refused_without_a_trace(
        self, world: World
    ) -> None:
        limit = world.capabilities.max_params_bytes
        count = await world.count_jobs()

        with pytest.raises(PayloadTooLargeError) as caught:
            await world.submit(params=bytes(limit + 1))

        assert (caught.value.size, caught.value.limit) == (limit + 1, limit)
        assert await world.count_jobs() == count

    @claim(Control.BACKENDS)
    async def test_more_pending_jobs_than_the_plan_allows_are_refused_without_a_trace(
        self, world: World
    ) -> None:
        limit = world.harness.pending_limit
        if limit is None:
            pytest.skip("the harness tells no limit of pending jobs")
        jobs = [await world.queued() for _ in range(limit)]

        with pytest.raises(LimitExceededError) as caught:
            await world.submit()

        assert (caught.value.allowed, caught.value.code) == (limit, 3458)
        await world.transport.cancel_job(jobs[0].id)
        assert (await world.submit()).id not in {job.id for job in jobs}

    @claim(Control.EXECUTIONS)
    async def test_asking_changes_nothing(self, world: World) -> None:
        transport, job = world.transport, await world.ended()
        queries: list[Callable[[], Awaitable[Any]]] = [
            transport.backends,
            lambda: transport.backend(world.harness.backend),
            lambda: transport.job(job.id),
            lambda: transport.jobs(JobQuery()),
            lambda: transport.params(job.id),
            lambda: transport.result(job.id),
            transport.instances,
        ]
        first = [await query() for query in queries]

        again = [await query() for query in queries]

        assert again == first
