"""The promises of ``RuntimeTransport`` itself: who it is, and that it can be closed."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from swqr_core.errors import ClosedError
from swqr_core.model.program import ProgramSpec, ProgramUpdate
from swqr_core.model.query import JobQuery, ProgramQuery, SessionQuery

from .claims import claim
from .world import World

__all__ = ["ClosingClaims"]


class ClosingClaims:
    """Identity, capabilities and the end of a transport."""

    @claim()
    async def test_capabilities_and_principal_never_change(self, world: World) -> None:
        before = world.transport.capabilities, world.transport.principal
        await world.ended()
        await world.transport.aclose()

        assert (world.transport.capabilities, world.transport.principal) == before

    @claim()
    async def test_closing_a_closed_transport_is_no_error(self, world: World) -> None:
        await world.transport.aclose()

        await world.transport.aclose()

    @claim()
    async def test_a_closed_transport_says_so_whatever_it_is_asked(self, world: World) -> None:
        transport, job, name = world.transport, await world.ended(), world.harness.backend
        spec, params, key = world.harness.spec(), world.harness.params(), world.harness.key()
        program = ProgramSpec(name="one")
        # Each with what it needs: what is denied may say that first.
        asks: list[tuple[str, Callable[[], Awaitable[Any]]]] = [
            ("", transport.backends),
            ("", lambda: transport.backend(name)),
            ("", lambda: transport.backend_configuration(name)),
            ("", lambda: transport.backend_properties(name)),
            ("", lambda: transport.backend_defaults(name)),
            ("dedicated_sessions", lambda: transport.open_session(world.session_spec(), key=key)),
            ("dedicated_sessions", lambda: transport.session("some-session")),
            ("session_listing", lambda: transport.sessions(SessionQuery())),
            ("dedicated_sessions", lambda: transport.drain_session("some-session")),
            ("cancel_sessions", lambda: transport.cancel_session("some-session")),
            ("", lambda: transport.submit(spec, params, key=key)),
            ("", lambda: transport.job(job.id)),
            ("", lambda: transport.jobs(JobQuery())),
            ("", lambda: transport.wait_job(job.id, timeout=None)),
            ("", lambda: transport.params(job.id)),
            ("", lambda: transport.result(job.id)),
            ("logs", lambda: transport.logs(job.id)),
            ("metrics", lambda: transport.metrics(job.id)),
            ("", lambda: transport.cancel_job(job.id)),
            ("delete_jobs", lambda: transport.delete_job(job.id)),
            ("tags", lambda: transport.set_tags(job.id, ())),
            ("programs", lambda: transport.programs(ProgramQuery())),
            ("program_uploads", lambda: transport.add_program(program, b"pass", key=key)),
            ("program_uploads", lambda: transport.program_source("some-program")),
            ("program_uploads", lambda: transport.update_program("some-program", ProgramUpdate())),
            ("program_uploads", lambda: transport.replace_program("some-program", b"pass")),
            ("program_uploads", lambda: transport.publish_program("some-program", public=True)),
            ("program_uploads", lambda: transport.delete_program("some-program")),
            ("interim_results", lambda: transport.interim_results(job.id)),
            ("programs", lambda: transport.program(world.harness.program_id)),
            ("", transport.instances),
            ("usage", transport.usage),
        ]
        await transport.aclose()

        for needed, ask in asks:
            if not needed or getattr(world.capabilities, needed):
                with pytest.raises(ClosedError):
                    await ask()

    @claim()
    async def test_closing_one_connection_leaves_the_others_and_the_work_alone(
        self, world: World
    ) -> None:
        job = await world.ended()
        other = await world.connect()
        await world.transport.aclose()

        assert await other.job(job.id) == job
