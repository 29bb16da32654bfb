"""Over REST, with our server and the in-memory cloud behind it, every promise is kept too."""

import asyncio

import pytest
from hypothesis import settings

from swqr_adapters.harnesses import GatewayHarness, IbmHarness, PlainIbmHarness
from swqr_core.testing import Harness, TransportContract, lifecycle_test
from swqr_core.testing.simulation import Settings, simulate


class TestIbm(TransportContract):
    @pytest.fixture
    def harness(self) -> Harness:
        return IbmHarness()


class TestIbmAsItIs(TransportContract):
    """The server is taken for IBM's own."""

    @pytest.fixture
    def harness(self) -> Harness:
        return PlainIbmHarness()


class TestAGateway(TransportContract):
    @pytest.fixture
    def harness(self) -> Harness:
        return GatewayHarness()


# --- lifecycles ----------------------------------------------------------------------------------


def some(part: int) -> settings:
    """Return settings for histories over sockets; the nightly profile brings more of them."""
    return settings(max_examples=max(6, settings().max_examples // part), stateful_step_count=25)


def test_over_rest_sessions_and_jobs_live_as_the_model_says() -> None:
    lifecycle_test(IbmHarness, settings=some(8))


def test_at_ibm_itself_they_do_as_far_as_its_documents_tell() -> None:
    lifecycle_test(PlainIbmHarness, settings=some(16))


def test_through_a_gateway_they_do_too() -> None:
    lifecycle_test(GatewayHarness, settings=some(16))


# --- simulated worlds ----------------------------------------------------------------------------


def test_over_rest_a_seed_plays_the_same_world_again_with_everything_as_it_should_be() -> None:
    world = Settings(seed=4, hours=0.5, clients=6, loss=0.25)

    first, again = (asyncio.run(simulate(IbmHarness, world)) for _ in range(2))

    assert first.lost > 0
    assert set(first.jobs) >= {"completed", "failed"}
    assert first == again


@pytest.mark.slow
@pytest.mark.parametrize("harness", [IbmHarness, PlainIbmHarness, GatewayHarness])
def test_in_a_longer_world_everything_is_as_it_should_be(harness: type[Harness]) -> None:
    outcome = asyncio.run(simulate(harness, Settings(seed=9, hours=1, loss=0.2)))

    assert outcome.sessions > 0
