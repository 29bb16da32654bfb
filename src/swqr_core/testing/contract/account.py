"""The promises of ``AccountPort``."""

import pytest

from swqr_core.testing.harness import Control

from .claims import claim
from .world import World

__all__ = ["AccountClaims"]


class AccountClaims:
    """Who pays."""

    @claim()
    async def test_the_bound_instance_is_among_the_user_s(self, world: World) -> None:
        instances = await world.transport.instances()

        assert world.transport.principal.instance in {instance.id for instance in instances}

    @claim("usage")
    async def test_usage_is_that_of_the_bound_instance(self, world: World) -> None:
        usage = await world.transport.usage()

        assert usage.instance == world.transport.principal.instance

    @claim("usage", Control.EXECUTIONS, Control.TIME)
    async def test_a_job_adds_its_quantum_seconds_to_the_usage(self, world: World) -> None:
        before = await world.transport.usage()
        await world.ended(seconds=12.5)

        after = await world.transport.usage()

        assert after.consumed_seconds - before.consumed_seconds == pytest.approx(12.5)

    @claim("usage", Control.BACKENDS)
    async def test_a_job_that_never_ran_adds_nothing_to_the_usage(self, world: World) -> None:
        before = await world.transport.usage()
        job = await world.queued()
        await world.transport.cancel_job(job.id)

        after = await world.transport.usage()

        assert after.consumed_seconds == before.consumed_seconds
