"""Over the Strangeworks platform's interface, with our server behind it, every promise is kept too.

What the platform cannot do is skipped by its capability's name, and by nothing else.
"""

import asyncio

import pytest
from hypothesis import settings

from swqr_adapters.harnesses import (
    GatewayHarness,
    IbmHarness,
    PlainStrangeworksHarness,
    StrangeworksHarness,
)
from swqr_core.model.principal import Principal
from swqr_core.ports.transport import RuntimeTransport
from swqr_core.testing import Harness, TransportContract, lifecycle_test
from swqr_core.testing.simulation import Settings, simulate


class TestStrangeworks(TransportContract):
    @pytest.fixture
    def harness(self) -> Harness:
        return StrangeworksHarness()


class TestStrangeworksAsItIs(TransportContract):
    """The server is taken for the platform itself."""

    @pytest.fixture
    def harness(self) -> Harness:
        return PlainStrangeworksHarness()


class OverIbm(GatewayHarness, StrangeworksHarness):
    """The platform's server over the transport ``ibm``, and behind that IBM's interface."""

    async def _onward(self, principal: Principal) -> RuntimeTransport:
        seat = next(seat for seat, one in self.seats.items() if one.instance == principal.instance)
        return await IbmHarness._client(self, self.far_server, seat)  # noqa: SLF001 - not its own


class TestTheGatewayToIbm(TransportContract):
    @pytest.fixture
    def harness(self) -> Harness:
        return OverIbm()


@pytest.mark.parametrize("harness", [StrangeworksHarness, PlainStrangeworksHarness])
def test_over_the_platform_s_interface_sessions_and_jobs_live_as_the_model_says(
    harness: type[Harness],
) -> None:
    some = settings(max_examples=max(6, settings().max_examples // 16), stateful_step_count=25)

    lifecycle_test(harness, settings=some)


def test_in_a_world_of_many_clients_everything_is_as_it_should_be() -> None:
    world = Settings(seed=2, hours=0.25, clients=4, loss=0.2)

    outcome = asyncio.run(simulate(StrangeworksHarness, world))

    assert outcome.lost > 0
    assert outcome.jobs
