"""The promises about keys: work that is named by its caller happens once."""

import asyncio

import pytest

from swqr_core.errors import IdempotencyConflictError, InvalidInputError, ProgramNotFoundError
from swqr_core.lifecycle.session import SessionState
from swqr_core.testing.harness import Control, Seat

from .claims import claim
from .world import World

__all__ = ["IdempotencyClaims"]

_BAD_KEYS = ("", "x" * 65, "schlüssel")


class IdempotencyClaims:
    """Repeated keys, for jobs and for sessions."""

    @claim("idempotent_submit")
    async def test_a_repeated_submission_gives_the_first_job_and_queues_no_second(
        self, world: World
    ) -> None:
        spec, params, key = world.harness.spec(), world.harness.params(), world.harness.key()
        first = await world.transport.submit(spec, params, key=key)
        count = await world.count_jobs()

        again = await world.transport.submit(spec, params, key=key)

        assert again.id == first.id
        assert await world.count_jobs() == count

    @claim("idempotent_submit")
    async def test_a_repeated_submission_gives_the_job_as_it_is_now(self, world: World) -> None:
        spec, params, key = world.harness.spec(), world.harness.params(), world.harness.key()
        first = await world.transport.submit(spec, params, key=key)
        if Control.EXECUTIONS in world.harness.controls:
            await world.harness.finish(first.id)
        ended = await world.transport.wait_job(first.id, timeout=None)

        assert await world.transport.submit(spec, params, key=key) == ended

    @claim("idempotent_submit")
    async def test_submissions_with_one_key_at_once_make_one_job(self, world: World) -> None:
        spec, params, key = world.harness.spec(), world.harness.params(), world.harness.key()
        count = await world.count_jobs()

        jobs = await asyncio.gather(
            *(world.transport.submit(spec, params, key=key) for _ in range(10))
        )

        assert len({job.id for job in jobs}) == 1
        assert await world.count_jobs() == count + 1

    @claim("idempotent_submit")
    async def test_a_key_means_the_same_job_over_every_connection(self, world: World) -> None:
        spec, params, key = world.harness.spec(), world.harness.params(), world.harness.key()
        first = await world.transport.submit(spec, params, key=key)
        await world.transport.aclose()
        other = await world.connect()

        assert (await other.submit(spec, params, key=key)).id == first.id

    @claim("idempotent_submit")
    async def test_a_key_used_again_with_other_parameters_is_refused(self, world: World) -> None:
        spec, key = world.harness.spec(), world.harness.key()
        first = await world.transport.submit(spec, world.harness.params(1), key=key)
        count = await world.count_jobs()

        with pytest.raises(IdempotencyConflictError) as caught:
            await world.transport.submit(spec, world.harness.params(2), key=key)

        assert (caught.value.key, caught.value.existing_id) == (key, first.id)
        assert await world.count_jobs() == count
        assert await world.transport.params(first.id) == world.harness.params(1)

    @claim("idempotent_submit")
    async def test_a_key_used_again_with_another_spec_is_refused(self, world: World) -> None:
        params, key = world.harness.params(), world.harness.key()
        first = await world.transport.submit(world.harness.spec(), params, key=key)

        with pytest.raises(IdempotencyConflictError) as caught:
            await world.transport.submit(world.harness.spec(log_level="debug"), params, key=key)

        assert caught.value.existing_id == first.id

    @claim("idempotent_submit", "tags", "remove_tags")
    async def test_a_key_still_means_its_job_after_the_tags_were_changed(
        self, world: World
    ) -> None:
        spec, params = world.harness.spec(tags=("old",)), world.harness.params()
        key = world.harness.key()
        first = await world.transport.submit(spec, params, key=key)
        await world.transport.set_tags(first.id, ("new",))

        again = await world.transport.submit(spec, params, key=key)

        assert (again.id, again.spec.tags) == (first.id, ("new",))

    @claim("idempotent_submit")
    async def test_a_refused_submission_leaves_its_key_unused(self, world: World) -> None:
        params, key = world.harness.params(), world.harness.key()
        with pytest.raises(ProgramNotFoundError):
            await world.transport.submit(
                world.harness.spec(program_id="no-such-program"), params, key=key
            )

        job = await world.transport.submit(world.harness.spec(), params, key=key)

        assert job.spec == world.harness.spec()

    @claim("idempotent_submit", Control.TENANTS)
    async def test_a_key_of_another_instance_is_another_key(self, world: World) -> None:
        spec, params, key = world.harness.spec(), world.harness.params(), world.harness.key()
        stranger = await world.connect(Seat.STRANGER)
        mine = await world.transport.submit(spec, params, key=key)

        theirs = await stranger.submit(spec, params, key=key)

        assert theirs.id != mine.id

    @claim()
    async def test_a_key_that_is_none_is_refused_and_nothing_is_queued(self, world: World) -> None:
        spec, params = world.harness.spec(), world.harness.params()
        count = await world.count_jobs()

        for key in _BAD_KEYS:
            with pytest.raises(InvalidInputError):
                await world.transport.submit(spec, params, key=key)

        assert await world.count_jobs() == count

    @claim("idempotent_submit")
    async def test_a_key_may_be_as_long_as_it_may(self, world: World) -> None:
        spec, params = world.harness.spec(), world.harness.params()
        key = f"{world.harness.key():~<64}"
        first = await world.transport.submit(spec, params, key=key)

        again = await world.transport.submit(spec, params, key=key)

        assert again.id == first.id

    # --- sessions ------------------------------------------------------------------------------

    @claim("idempotent_open", "dedicated_sessions")
    async def test_a_repeated_opening_gives_the_first_session(self, world: World) -> None:
        spec, key = world.session_spec(max_ttl=600), world.harness.key()
        first = await world.transport.open_session(spec, key=key)

        again = await world.transport.open_session(spec, key=key)

        assert again.id == first.id

    @claim("idempotent_open", "dedicated_sessions", "cancel_sessions")
    async def test_a_repeated_opening_gives_the_session_as_it_is_now(self, world: World) -> None:
        spec, key = world.session_spec(), world.harness.key()
        first = await world.transport.open_session(spec, key=key)
        await world.transport.cancel_session(first.id)

        again = await world.transport.open_session(spec, key=key)

        assert (again.id, again.state) == (first.id, SessionState.CLOSED)

    @claim("idempotent_open", "dedicated_sessions")
    async def test_openings_with_one_key_at_once_make_one_session(self, world: World) -> None:
        spec, key = world.session_spec(), world.harness.key()

        sessions = await asyncio.gather(
            *(world.transport.open_session(spec, key=key) for _ in range(10))
        )

        assert len({session.id for session in sessions}) == 1

    @claim("idempotent_open", "dedicated_sessions")
    async def test_a_key_used_again_for_another_session_is_refused(self, world: World) -> None:
        key = world.harness.key()
        first = await world.transport.open_session(world.session_spec(max_ttl=600), key=key)

        with pytest.raises(IdempotencyConflictError) as caught:
            await world.transport.open_session(world.session_spec(max_ttl=601), key=key)

        assert (caught.value.key, caught.value.existing_id) == (key, first.id)

    @claim("dedicated_sessions")
    async def test_a_key_that_is_none_opens_no_session(self, world: World) -> None:
        for key in _BAD_KEYS:
            with pytest.raises(InvalidInputError):
                await world.transport.open_session(world.session_spec(), key=key)
